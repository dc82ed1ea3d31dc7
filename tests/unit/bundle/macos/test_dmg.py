"""`dmg`: the volume, what is written around it, and how its window looks, as other readers see it."""

from __future__ import annotations

import io
import plistlib
import struct
import zlib
from pathlib import Path
from typing import Any, Final

import pytest
from ds_store import DSStore
from hypothesis import example, given
from hypothesis import strategies as st
from mac_alias import Alias

from coldforge.bundle import stage
from coldforge.bundle.macos import agreement, dmg, finder, hfs, udif
from coldforge.bundle.tree import Node, Tree
from coldforge.errors import BuildFailed, ConfigurationError, Refused
from coldforge.filetypes import hfs as volumes
from coldforge.filetypes import hfsnames
from coldforge.filetypes import udif as disks
from coldforge.inspect.look import inspect
from coldforge.project.config import Config
from coldforge.project.dmg import DmgConfig
from coldforge.rebuild.compare import compare
from support import mac, payloads

WHOLE: Final = Config(dmg=DmgConfig(background="picture.png", license="agreement.txt", application=(100, 150)))


def named(*names: str) -> Tree:
    return Tree(nodes=tuple(Node(path=name, mode=0o755) for name in names), epoch=payloads.EPOCH)


def trailer(path: Path) -> dict[str, Any]:
    """The table and checksums of an image, read by the structure's offsets alone."""
    data = path.read_bytes()
    end = data[-512:]
    start, length = struct.unpack_from(">QQ", end, 216)
    assert start + length == len(data) - 512
    return {"xml": plistlib.loads(data[start : start + length]), "fork": data[:start], "end": end}


def volume(path: Path) -> bytes:
    with path.open("rb") as stream:
        return b"".join(disks.volume(stream, disks.read(stream)))


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dmg")
    return mac.made(mac.job(folder / "project", "dmg", config=WHOLE), mac.tree(folder / "tree"))


def store(path: Path) -> DSStore:
    data = io.BytesIO(volume(path))
    entry = next(entry for entry in volumes.read(data).entries if entry.path == finder.NAME)
    data.seek(entry.spans[0].start)
    return DSStore.open(io.BytesIO(data.read(entry.size)), "r")


def test_two_images_are_the_same(image: Path, tmp_path: Path) -> None:
    with mac.elsewhere():
        again = mac.made(mac.job(tmp_path / "größe", "dmg", config=WHOLE), mac.tree(tmp_path / "t", reverse=True))
    assert again.read_bytes() == image.read_bytes()


def test_the_checksums_are_those_of_what_is_there(image: Path) -> None:
    found, plain = trailer(image), volume(image)
    (table,) = found["xml"]["resource-fork"]["blkx"]
    assert struct.unpack_from(">II", found["end"], 80) == (2, 32)
    assert struct.unpack_from(">I", found["end"], 88)[0] == zlib.crc32(found["fork"])
    assert struct.unpack_from(">I", table["Data"], 72)[0] == zlib.crc32(plain)
    assert struct.unpack_from(">I", found["end"], 360)[0] == zlib.crc32(struct.pack(">I", zlib.crc32(plain)))
    assert struct.unpack_from(">Q", found["end"], 492)[0] * 512 == len(plain)


def test_the_window_is_as_finder_writes_it(image: Path) -> None:
    found = store(image)
    window, view = found["."]["bwsp"], found["."]["icvp"]
    assert window["WindowBounds"] == "{{200, 120}, {600, 300}}"
    assert (view["iconSize"], view["textSize"], view["backgroundType"], view["arrangeBy"]) == (128.0, 12.0, 2, "none")
    places = {entry.filename: entry.value for entry in found if entry.code == b"Iloc"}
    assert sorted(places.values()) == [(100, 150), (450, 138)]
    assert places["Applications"] == (450, 138)


def test_the_picture_is_named_by_number_and_by_name(tmp_path: Path) -> None:
    config = Config(dmg=DmgConfig(volume="Demo 1", background="sharp.png"))
    path = mac.made(mac.job(tmp_path / "p", "dmg", config=config), mac.tree(tmp_path / "t"))
    found = store(path)
    target = Alias.from_bytes(found["."]["icvp"]["backgroundImageAlias"])
    entries = volumes.read(io.BytesIO(volume(path))).entries
    assert {entry.path for entry in entries if entry.hidden} == {".DS_Store", ".background"}
    assert target.volume.name == "Demo 1"
    assert (target.target.filename, target.target.posix_path, target.volume.posix_path) == (
        "background.png",
        "/.background/background.png",
        "/Volumes/Demo 1",
    )
    numbers = {"/".join(names): number for names, number in _numbers(volume(path)).items()}
    assert (target.target.folder_cnid, target.target.cnid) == (numbers[".background"], numbers[".background/background.png"])
    assert found["."]["bwsp"]["WindowBounds"].endswith("{300, 150}}")  # a picture for sharp screens has half its pixels in points


def _numbers(data: bytes) -> dict[tuple[str, ...], int]:
    """The number of each entry that lies in a folder of the root, or there: from the catalog's records."""
    start = struct.unpack_from(">I", data, 1024 + 272 + 16)[0] * 4096
    size = struct.unpack_from(">Q", data, 1024 + 272)[0]
    found = {(parent, name): struct.unpack_from(">I", record, 8)[0] for parent, name, record in volumes._leaves(data[start : start + size])}
    root: dict[tuple[str, ...], int] = {(name,): number for (parent, name), number in found.items() if parent == 2 and name}
    inner = {(*names, name): n for names, number in root.items() for (parent, name), n in found.items() if parent == number and name}
    return root | inner


def test_a_store_takes_more_records() -> None:
    """What is free in it is told rightly: another program allocates, and finds all again."""
    window = finder.Window(volume="V", epoch=0, size=(1, 1), icon_size=16, text_size=10, icons={"a": (1, 2)})
    kept = io.BytesIO(finder.store(window))
    found = DSStore.open(kept, "r+")
    for number in range(90):
        found[f"file {number}"]["Iloc"] = (number, number)
    found.flush()
    again = DSStore.open(io.BytesIO(kept.getvalue()), "r")
    assert (again["a"]["Iloc"], again["file 89"]["Iloc"]) == ((1, 2), (89, 89))


def test_more_icons_than_a_store_holds_are_an_error() -> None:
    icons = {"x" * 250 + str(number): (0, 0) for number in range(20)}
    with pytest.raises(ValueError, match="more icons"):
        finder.store(finder.Window(volume="V", epoch=0, size=(1, 1), icon_size=16, text_size=10, icons=icons))


def test_the_agreement_is_in_the_table(image: Path) -> None:
    fork = trailer(image)["xml"]["resource-fork"]
    assert fork["TEXT"][0]["Data"].decode("mac_roman") == "Do as you like… é.\r"
    assert {fork[kind][0]["ID"] for kind in ("TEXT", "STR#", "LPic")} == {"5000"}
    strings = fork["STR#"][0]["Data"]
    assert strings[:10] == b"\x00\x06\x07English"
    assert inspect(image).fields["agreement"] == "asked for before it opens"


def test_an_agreement_in_any_letters_is_rtf(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("日本 {x}\n", encoding="utf-8")
    (tmp_path / "b.rtf").write_bytes(b"{\\rtf1 own}")
    (tmp_path / "c.txt").write_bytes(b"\xff\xfe")
    assert b"\\u26085 \\u26412  \\{x\\}\\par" in agreement.resources(tmp_path / "a.txt")["RTF "][0]["Data"]
    assert agreement.resources(tmp_path / "b.rtf")["RTF "][0]["Data"] == b"{\\rtf1 own}"
    with pytest.raises(ConfigurationError, match="no text in UTF-8"):
        agreement.resources(tmp_path / "c.txt")


def test_a_picture_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"no picture")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        dmg.points(tmp_path / "x.png")


@pytest.mark.parametrize(
    "names",
    [("Readme", "README"), ("größe", "gro\u0308ße"), ("ǅ", "ǆ"), ("a\u200cb", "ab"), ("Ω", "ω")],
    ids=["case", "accent", "title case", "ignored", "greek"],
)
def test_two_files_that_are_one_on_a_mac_are_refused(names: tuple[str, str]) -> None:
    with pytest.raises(Refused) as caught:
        hfs.check(named(*names), "demo.dmg")
    assert "are one name on a Mac" in str(caught.value.problems[0])


@pytest.mark.parametrize("name", ["é" * 130, "x" * 256], ids=["accents count", "long"])
def test_a_name_that_is_too_long_is_refused(name: str) -> None:
    with pytest.raises(Refused, match="cannot hold"):
        hfs.check(named(name), "demo.dmg")


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(Refused) as caught:
        hfs.check(named("a\udc80"), "demo.dmg")
    assert "is no text" in str(caught.value.problems[0])


def test_a_file_that_shrinks_meanwhile_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"short")
    found = Tree(nodes=(Node(path="f", mode=0o644, size=50, source=tmp_path / "f"),), epoch=0)
    with pytest.raises(BuildFailed, match="has changed"):
        list(hfs.write(hfs.Volume(name="V", tree=found, identity=1)))


@given(st.binary(max_size=3_000_000 // 4), st.integers(1, 100_000))
def test_any_stream_comes_out_as_it_went_in(data: bytes, step: int) -> None:
    out = io.BytesIO()
    plain = data * 4 + b"\0"
    udif.write((plain[at : at + step] for at in range(0, len(plain), step)), out)
    found = disks.read(out)
    assert b"".join(disks.volume(out, found)) == plain + bytes(-len(plain) % 512)


@given(st.text(max_size=40))
@example("\uf900")  # whole there, and one with another letter elsewhere
@example("=\u0338")  # two letters there that are one elsewhere
def test_a_name_is_found_again(name: str) -> None:
    name = name.replace("/", "").replace("\0", "")
    assert hfsnames.spelled(hfsnames.shown(hfsnames.spelled(name))) == hfsnames.spelled(name)
    assert hfsnames.order(hfsnames.spelled(name.upper())) == hfsnames.order(hfsnames.spelled(name)) or not name.isascii()


def test_inspect_lists_what_is_on_the_volume(image: Path) -> None:
    found = inspect(image)
    assert (found.kind, found.fields["volume"], found.fields["compression"]) == ("dmg", "Démo 1.2.0-rc.1", "zlib")
    links = {item.path: item.link for item in found.items if item.kind == "link"}
    assert links["Applications"] == "/Applications"
    assert {link for path, link in links.items() if path != "Applications"} >= set(mac.LINKS.values())


@pytest.mark.parametrize("place", [300, -100, -296, -5000], ids=["piece", "sectors", "trailer", "table"])
def test_a_damaged_image_is_told(image: Path, place: int, tmp_path: Path) -> None:
    data = bytearray(image.read_bytes())
    data[place : place + 4] = b"\xff\xff\xff\xff"
    (tmp_path / "x.dmg").write_bytes(data)
    if place == -100:  # nobody reads that: a signature would
        assert inspect(tmp_path / "x.dmg").items
        return
    with pytest.raises(ConfigurationError, match="damaged"):
        inspect(tmp_path / "x.dmg")


def test_the_first_difference_is_located(image: Path, tmp_path: Path) -> None:
    content = mac.tree(tmp_path / "t")
    changed = next(node for node in content if node.path.endswith("File 8.py"))
    assert changed.source
    changed.source.write_bytes(b"9" * changed.size)
    other = mac.made(mac.job(tmp_path / "p", "dmg", config=WHOLE), content)
    found = compare(image, other)
    assert found is not None
    assert found.what == "content"
    assert found.where[1] == "volume"
    assert found.where[2].endswith("many/1/File 8.py")


@pytest.mark.parametrize("name", ["picture.png", "agreement.txt"])
def test_a_file_that_is_read_changes_the_key(name: str, tmp_path: Path) -> None:
    job = mac.job(tmp_path, "dmg", config=WHOLE)
    before = stage._key(job, dmg.Dmg())
    (tmp_path / name).write_bytes(b"another")
    assert stage._key(job, dmg.Dmg()) != before
