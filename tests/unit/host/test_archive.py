"""Archives that come out of a workshop are not trusted; what goes in is the same whatever made it."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coldforge.errors import Refused
from coldforge.host.archive import check_links, extract, pack


def member(
    name: str, *, kind: bytes = tarfile.REGTYPE, link: str = "", data: bytes = b"", mode: int = 0o644
) -> tuple[tarfile.TarInfo, bytes]:
    """An entry of an archive, as anybody could write it."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size, info.mode = kind, link, len(data), mode
    return info, data


def link(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    """A symbolic link."""
    return member(name, kind=tarfile.SYMTYPE, link=target)


def unpack(folder: Path, *members: tuple[tarfile.TarInfo, bytes], strip: int = 0) -> Path:
    """Extract an archive of these entries into `folder/out`, beside which lies a file that nobody may touch."""
    (folder / "outside").write_text("untouched")
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    data.seek(0)
    try:
        with tarfile.open(fileobj=data) as tar:
            extract(tar, folder / "out", strip=strip)
    finally:
        assert (folder / "outside").read_text() == "untouched"
        assert {path.name for path in folder.iterdir()} <= {"out", "outside"}
    return folder / "out"


DIRECTORY = {"kind": tarfile.DIRTYPE, "mode": 0o700}


@pytest.mark.parametrize(
    ("members", "word"),
    [
        pytest.param([member("../outside", data=b"x")], "outside of its folder", id="dotdot"),
        pytest.param([member("a/../../outside", data=b"x")], "outside of its folder", id="dotdot-within"),
        pytest.param([member("/etc/outside", data=b"x")], "outside of its folder", id="absolute"),
        pytest.param([link("a", "/etc/passwd")], "leads out", id="absolute-link"),
        pytest.param([link("a", "../outside")], "leads out", id="link-out"),
        pytest.param([link("a", ".."), member("a/outside", data=b"x")], "leads out", id="write-through-a-link"),
        pytest.param([link("a", "b"), link("b", "a"), member("a/x", data=b"x")], "writes through a link", id="links-in-a-circle"),
        pytest.param([link("a", "b"), link("b", "a"), member("a/x/y", data=b"x")], "writes through a link", id="deeper-in-a-circle"),
        pytest.param([link("a", "b"), link("b", "a")], "leads out", id="a-circle-that-nothing-is-written-through"),
        pytest.param([link("a", "b/../outside"), link("b", ".")], "leads out", id="two-harmless-links-that-lead-out"),
        pytest.param(
            [link("a", "b/.."), link("b", "."), member("a/outside", data=b"x")], "writes through a link", id="through-two-harmless-links"
        ),
        pytest.param([member("a", kind=tarfile.LNKTYPE, link="/etc/passwd")], "hard link to nothing", id="hard-link-out"),
        pytest.param([member("a", kind=tarfile.CHRTYPE)], "neither file", id="device"),
        pytest.param([member("a", kind=tarfile.FIFOTYPE)], "neither file", id="fifo"),
        pytest.param([member("a", data=b"x"), member("a/b", data=b"x")], "contradict", id="file-as-a-folder"),
        pytest.param([member("a/b", data=b"x"), member("a", data=b"x")], "contradict", id="folder-as-a-file"),
    ],
)
def test_an_archive_cannot_reach_out_of_its_folder(members: list[tuple[tarfile.TarInfo, bytes]], word: str, tmp_path: Path) -> None:
    with pytest.raises(Refused, match=word):
        unpack(tmp_path, *members)


def test_the_top_cannot_be_replaced_by_a_link(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="leads out"):
        unpack(tmp_path, link("top", "outside"), member("top/x", data=b"x"), strip=1)


def test_a_damaged_archive_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(os.urandom(5000))
    pack(source, tmp_path / "whole.tar", name="source")
    half = io.BytesIO((tmp_path / "whole.tar").read_bytes()[:3000])
    with tarfile.open(fileobj=half) as tar, pytest.raises(Refused, match="damaged"):
        extract(tar, tmp_path / "out")


def test_modes_are_plain_and_links_within_are_kept(tmp_path: Path) -> None:
    out = unpack(
        tmp_path,
        member("top", kind=tarfile.DIRTYPE, mode=0o2777),
        member("top/tool", data=b"#!", mode=0o4711),
        member("top/data", data=b"", mode=0o666),
        member("top/again", kind=tarfile.LNKTYPE, link="top/tool", mode=0o4711),
        link("top/deep/link", "../tool"),
        strip=1,
    )
    assert {path.name: oct(path.lstat().st_mode & 0o7777) for path in out.iterdir() if path.is_file()} == {
        "tool": "0o755", "data": "0o644", "again": "0o755",
    }  # fmt: skip
    assert (out / "deep" / "link").read_bytes() == (out / "again").read_bytes() == b"#!"


def test_a_single_file_becomes_the_destination(tmp_path: Path) -> None:
    assert unpack(tmp_path, member("result.json", data=b"{}"), strip=1).read_bytes() == b"{}"


NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=60).filter(
    lambda name: name not in {".", ".."} and len(name.encode()) < 200
)
TREES = st.dictionaries(st.lists(NAMES, min_size=1, max_size=3).map(tuple), st.tuples(st.binary(max_size=600), st.booleans()), max_size=8)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(tree=TREES)
def test_what_is_packed_comes_out_again(tree: dict[tuple[str, ...], tuple[bytes, bool]], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("tree")
    (folder / "in").mkdir()
    wanted = {}
    for parts, (data, executable) in tree.items():
        path = folder.joinpath("in", *parts)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            continue
        path.chmod(0o700 if executable else 0o600)
        wanted[parts] = (data, 0o755 if executable else 0o644)
    pack(folder / "in", folder / "a.tar", name="some/where")
    with tarfile.open(folder / "a.tar") as tar:
        extract(tar, folder / "out", strip=2)
    got = {
        p.relative_to(folder / "out").parts: (p.read_bytes(), p.stat().st_mode & 0o777) for p in (folder / "out").rglob("*") if p.is_file()
    }
    assert got == wanted


def test_the_same_content_makes_the_same_archive(tmp_path: Path) -> None:
    archives = []
    for number, mask in enumerate((0o022, 0o077)):
        before = os.umask(mask)
        try:
            source = tmp_path / str(number)
            for name in ("b", "a")[:: 1 - 2 * number]:
                (source / name).mkdir(parents=True)
                (source / name / "file").write_text(name)
            os.utime(source / "a" / "file", (number, number))
        finally:
            os.umask(before)
        pack(source, tmp_path / f"{number}.tar", name="x", owner=1000)
        archives.append((tmp_path / f"{number}.tar").read_bytes())
    assert archives[0] == archives[1]


def test_a_pipe_is_refused_instead_of_read_forever(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Refused, match="pipe"):
        pack(tmp_path, tmp_path.parent / "a.tar", name="x")


def test_links_of_a_folder_are_checked(tmp_path: Path) -> None:
    (tmp_path / "here").symlink_to("there")
    check_links(tmp_path)
    (tmp_path / "away").symlink_to("/etc/passwd")
    with pytest.raises(Refused, match="away"):
        check_links(tmp_path)
