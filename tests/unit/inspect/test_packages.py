"""The packages that are no Debian ones: what they say of themselves, line by line, and that no word of a project begins a line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from coldforge.bundle import BundleJob
from coldforge.bundle.linux import apk, arch, ipk, nfpm, rpm
from coldforge.bundle.linux.installed import installed
from coldforge.bundle.tree import Tree, load
from coldforge.errors import Refused
from coldforge.project.config import ApkConfig, ArchConfig, Config, IpkConfig, RpmConfig
from coldforge.records import Need
from support import payloads

GL = Need(soname="libGL.so.1", by="demo")
BUS = Need(soname="libdbus-1.so.3", by="demo", priority="recommended")
ODD = Need(soname="libodd.so.7", by="demo")
EVIL = {"maintainer": "A\ndepend = evil <a@b.c>", "license": "MIT\nEvil: yes", "homepage": "https://x\nprovides = evil"}


def made(folder: Path, form: str, **changes: Any) -> tuple[BundleJob, Tree]:
    job = payloads.job(folder, form, replace(payloads.PRODUCT, **changes.pop("product", {})), **changes)
    (folder / "scratch").mkdir()
    tree = load(job.payload, job.folder / "payload", payloads.EPOCH)
    text = ("usr/share/licenses/demo/LICENSE", b"x")
    return job, installed(job, tree, [text], below="usr/lib/demo", scratch=folder / "scratch")


def pairs(text: bytes) -> list[tuple[str, str]]:
    return [(key, value) for key, _, value in (line.partition(" = ") for line in text.decode().splitlines())]


def test_pacman_is_told(tmp_path: Path) -> None:
    config = Config(arch=ArchConfig(depends=("git",), optional=("vlc: to play",), conflicts=("old",), provides=("new",), revision=2))
    job, content = made(tmp_path, "arch", config=config, needs=(GL, BUS))
    content = Tree(nodes=tuple(node if "LICENSE" not in node.path else _config(node) for node in content), epoch=content.epoch)
    assert pairs(arch.information(job, content)) == [
        ("pkgname", "demo"),
        ("pkgbase", "demo"),
        ("xdata", "pkgtype=pkg"),
        ("pkgver", "1.2.0rc1-2"),
        ("pkgdesc", "demonstration of names and links"),
        ("url", "https://demo.example.org"),
        ("builddate", str(payloads.EPOCH)),
        ("packager", "Somebody <somebody@example.org>"),
        ("size", str(sum(node.size for node in content))),
        ("arch", "x86_64"),
        ("license", "MIT"),
        ("conflict", "old"),
        ("provides", "new"),
        ("backup", "usr/share/licenses/demo/LICENSE"),
        ("depend", "glibc>=2.31"),
        ("depend", "libglvnd"),
        ("depend", "git"),
        ("optdepend", "dbus"),
        ("optdepend", "vlc: to play"),
    ]


def _config(node: Any) -> Any:
    import dataclasses

    return dataclasses.replace(node, config=True)


def test_a_library_that_arch_linux_has_not_is_asked_for_before_anything_is_written(tmp_path: Path) -> None:
    job, content = made(tmp_path, "arch", needs=(ODD,))
    with pytest.raises(Refused, match="would not work where it is installed") as caught:
        arch.Arch().bundle(job, content, tmp_path / "out")
    assert "libodd.so.7" in caught.value.problems[0].what
    known = payloads.replaced(job)
    config = replace(known.plan.config, arch=ArchConfig(libraries={"libodd.so.7": "odd"}))
    import dataclasses

    known = dataclasses.replace(known, plan=replace(known.plan, config=config))
    assert ("depend", "odd") in pairs(arch.information(known, content))


def test_the_listing_names_files_as_mtree_does(tmp_path: Path) -> None:
    _, content = made(tmp_path, "arch")
    lines = list(arch.listing(content))
    assert lines[0] == "#mtree\n/set type=file uid=0 gid=0 mode=644\n"
    names = [line.split(" ")[0] for line in lines[1:]]
    assert "./usr/lib/demo/_internal/data/\\040back\\134slash\\040~%s'\"" in names
    assert "./usr/lib/demo/_internal/gr\\303\\266\\303\\237e\\040{a}[b].txt" in names
    assert len(names) == len(content.nodes)
    assert any(line.endswith(" mode=777 type=link link=../lib/demo/demo\n") for line in lines)


def test_apk_is_told(tmp_path: Path) -> None:
    config = Config(apk=ApkConfig(depends=("git",), conflicts=("old",), provides=("new=1",), replaces=("former",)))
    job, content = made(tmp_path, "apk", config=config, needs=(GL, BUS))
    found = pairs(apk.information(job, content, "00ff"))
    assert found[:2] == [("pkgname", "demo"), ("pkgver", "1.2.0_rc1-r1")]
    assert found[-9:] == [
        ("license", "MIT"),
        ("replaces", "former"),
        ("provides", "cmd:demo=1.2.0_rc1-r1"),
        ("provides", "new=1"),
        ("depend", "so:libc.so.6"),
        ("depend", "so:libGL.so.1"),
        ("depend", "git"),
        ("depend", "!old"),
        ("datahash", "00ff"),
    ]


def test_rpm_is_told(tmp_path: Path) -> None:
    config = Config(rpm=RpmConfig(depends=("git",), conflicts=("old",), provides=("new",), replaces=("former",), group="Tools", revision=4))
    job, content = made(tmp_path, "rpm", config=config, needs=(GL, BUS))
    told = rpm.configuration(job, content)
    assert (told["version"], told["release"], told["arch"]) == ("1.2.0~rc.1", "4", "amd64")
    assert told["depends"] == ["libc.so.6(GLIBC_2.31)(64bit)", "libGL.so.1()(64bit)", "git"]
    assert told["recommends"] == ["libdbus-1.so.3()(64bit)"]
    assert (told["conflicts"], told["provides"], told["replaces"], told["rpm"]["group"]) == (["old"], ["new"], ["former"], "Tools")
    contents = {entry["dst"]: entry for entry in told["contents"]}
    assert contents["/usr/bin/demo"] == {**contents["/usr/bin/demo"], "type": "symlink", "src": "../lib/demo/demo"}
    assert contents["/usr/share/licenses/demo/LICENSE"]["type"] == "license"
    assert not {"/usr", "/usr/bin", "/usr/lib", "/usr/share/licenses"} & contents.keys(), "folders of the system are the system's"
    assert {"/usr/lib/demo", "/usr/lib/demo/_internal/empty", "/usr/share/licenses/demo"} <= contents.keys()
    assert {tuple(entry["file_info"][key] for key in ("owner", "group", "mtime")) for entry in contents.values()} == {
        ("root", "root", "2023-11-14T22:13:20Z")
    }
    plain = [{key: value for key, value in entry.items() if key != "src"} for entry in told.pop("contents")]
    assert str(tmp_path) not in json.dumps([told, plain])


def test_opkg_is_told(tmp_path: Path) -> None:
    config = Config(ipk=IpkConfig(depends=("libpthread",), architecture="aarch64_cortex-a53"))
    job, content = made(tmp_path, "ipk", config=config)
    fields = ipk.fields(job, content)
    assert (fields["Version"], fields["Architecture"], fields["Depends"]) == ("1.2.0~rc.1-1", "aarch64_cortex-a53", "libpthread")
    assert fields["Installed-Size"] == str(sum(node.size for node in content))


@pytest.mark.parametrize("tell", [arch.information, lambda job, content: apk.information(job, content, "00")])
def test_no_word_begins_a_line(tell: Any, tmp_path: Path) -> None:
    job, content = made(tmp_path, "arch", product=EVIL)
    found = pairs(tell(job, content))
    assert not [value for key, value in found if key in ("depend", "provides") and "evil" in value]


def test_a_dollar_means_itself_where_nfpm_would_replace_it() -> None:
    told = json.loads(nfpm.document({"description": "$HOME $$ ${X}", "depends": ["a$b"], "section": "$", "contents": [{"dst": "/$HOME"}]}))
    assert told == {
        "description": "${DOLLAR}HOME ${DOLLAR}${DOLLAR} ${DOLLAR}{X}",
        "depends": ["a${DOLLAR}b"],
        "section": "$",
        "contents": [{"dst": "/$HOME"}],
    }
