"""The Debian package: its container, its fields, its sums, and that no word of a project begins a field."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from coldforge.bundle.linux import deb
from coldforge.bundle.linux.installed import installed
from coldforge.bundle.tree import Tree, load
from coldforge.project.config import Config, DebConfig
from support import payloads


def content(folder: Path, **changes: Any) -> tuple[dict[str, str], Tree]:
    """The control file's fields, and what is installed."""
    job = payloads.job(folder, "deb", replace(payloads.PRODUCT, **changes.pop("product", {})), **changes)
    (folder / "scratch").mkdir()
    tree = load(job.payload, job.folder / "payload", payloads.EPOCH)
    made = installed(job, tree, [("usr/share/doc/demo/copyright", b"x")], below=f"usr/lib/{job.package}", scratch=folder / "scratch")
    text = deb.members(job, made)["./control"].decode()
    return dict(line.split(": ", 1) for line in text.splitlines() if not line.startswith(" ")), made


def test_the_fields(tmp_path: Path) -> None:
    fields, made = content(tmp_path)
    assert fields == {
        "Package": "demo",
        "Version": "1.2.0~rc.1-1",
        "Architecture": "amd64",
        "Maintainer": "Somebody <somebody@example.org>",
        "Installed-Size": str(deb.installed_size(made)),
        "Depends": "libc6 (>= 2.31), zlib1g",
        "Section": "utils",
        "Priority": "optional",
        "Homepage": "https://demo.example.org",
        "Description": "demonstration of names and links",
    }


def test_the_users_words_come_in_and_begin_no_field(tmp_path: Path) -> None:
    config = Config(deb=DebConfig(package="other", section="games\nEvil: yes", revision=3, recommends=("git\nX: y",), priority="extra"))
    fields, made = content(tmp_path, config=config, product={"homepage": "https://x\nEvil: yes", "maintainer": "A\nB: <a@b.c>"})
    assert (fields["Package"], fields["Version"], fields["Priority"]) == ("other", "1.2.0~rc.1-3", "extra")
    assert fields["Section"] == "games Evil: yes"
    assert fields["Recommends"] == "git X: y"
    assert not {"Evil", "X", "B"} & set(fields)
    assert any(node.path == "usr/lib/other/demo" for node in made)


def test_every_file_has_its_sum(tmp_path: Path) -> None:
    job = payloads.job(tmp_path, "deb")
    tree = load(job.payload, job.folder / "payload", payloads.EPOCH)
    lines = deb.members(job, tree)["./md5sums"].decode().splitlines()
    sums = {line[34:]: line[:32] for line in lines}
    assert sums["demo"] == hashlib.md5(payloads.FILES["demo"].encode(), usedforsecurity=False).hexdigest()
    assert set(sums) == {node.path for node in tree if node.source}


@pytest.mark.parametrize(("floor", "member"), [("glibc-2.31", "data.tar.gz"), ("glibc-2.36", "data.tar.zst"), ("", "data.tar.zst")])
def test_the_container_holds_what_dpkg_of_the_floor_reads(floor: str, member: str, tmp_path: Path) -> None:
    job = payloads.job(tmp_path, "deb", glibc_floor=floor)
    deb.Deb().bundle(job, load(job.payload, job.folder / "payload", payloads.EPOCH), tmp_path / "out")
    data = (tmp_path / "out").read_bytes()
    assert data.startswith(b"!<arch>\ndebian-binary   1700000000  0     0     100644  4         `\n2.0\ncontrol.tar.gz  1700000000  ")
    assert f"{member:<16}1700000000  0     0     100644  ".encode() in data
    assert len(data) % 2 == 0
    assert str(tmp_path).encode() not in data


def test_owner_mode_and_time_are_the_same_for_all(tmp_path: Path) -> None:
    job = payloads.job(tmp_path, "deb")
    deb.Deb().bundle(job, load(job.payload, job.folder / "payload", payloads.EPOCH), tmp_path / "out")
    data = (tmp_path / "out").read_bytes()
    start = data.index(b"data.tar.gz")
    with tarfile.open(fileobj=io.BytesIO(data[start + 60 :]), mode="r|gz") as tar:
        entries = list(tar)
    assert {(entry.uid, entry.gid, entry.uname, entry.gname, entry.mtime) for entry in entries} == {(0, 0, "", "", payloads.EPOCH)}
    assert {entry.mode for entry in entries if not entry.issym()} == {0o755, 0o644}
    assert all(entry.name == "." or entry.name.startswith("./usr") for entry in entries)
