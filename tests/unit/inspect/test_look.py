"""A program that unpacks itself, told from a launcher by what its archive holds; damaged archives say nothing, and end."""

from __future__ import annotations

import hashlib
import io
import random
import struct
import sys
import zlib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldforge.errors import ConfigurationError
from coldforge.inspect.contents import Item
from coldforge.inspect.inspection import Inspection, Part, tables
from coldforge.inspect.look import inspect, unpacks_itself
from coldforge.records import Component

MODULES = (("m", "struct"), ("s", "demo"), ("z", "PYZ.pyz"))
LAUNCHER = (*MODULES, ("o", "pyi-contents-directory _internal"))


def program(*entries: tuple[str, str], after: bytes = b"\0" * 700) -> bytes:
    """The end of a program as PyInstaller's CArchiveWriter makes it; objcopy puts ELF's own tables after it."""
    data, table = b"x" * 100, b""
    for kind, name in entries:
        text = name.encode() + b"\0" * (16 - (18 + len(name)) % 16)
        table += struct.pack("!IIIIBc", 18 + len(text), 0, 100, 100, 0, kind.encode()) + text
    whole = len(data) + len(table) + 88
    cookie = struct.pack("!8sIIII64s", b"MEI\x0c\x0b\x0a\x0b\x0e", whole, len(data), len(table), 311, b"libpython3.11.so.1.0")
    return b"\x7fELF" + b"MEI" * 50 + data + table + cookie + after


@pytest.mark.parametrize("own", [("b", "libpython3.11.so.1.0"), ("x", "data/words.txt")])
def test_what_carries_its_libraries_unpacks_itself(own: tuple[str, str]) -> None:
    assert unpacks_itself(io.BytesIO(program(*MODULES, own)))
    assert unpacks_itself(io.BytesIO(program(*MODULES, own, after=b"")))


def test_a_launcher_and_a_program_without_an_archive_do_not() -> None:
    assert not unpacks_itself(io.BytesIO(program(*LAUNCHER)))
    assert not unpacks_itself(io.BytesIO(b"\x7fELF" + b"\0" * 1000))
    assert not unpacks_itself(io.BytesIO(b""))


@given(st.integers(0, 11), st.integers(0, 2**32 - 1), st.integers(0, 200_000))
def test_damaged_archives_say_nothing_and_end(field: int, value: int, cut: int) -> None:
    data = bytearray(program(*LAUNCHER, after=b""))
    place = len(data) - 88 + 8 + 4 * field if field < 4 else 4 + 150 + 100 + 4 * (field - 4)
    data[place : place + 4] = value.to_bytes(4, "big")
    unpacks_itself(io.BytesIO(data[: cut or None]))


def unpacking(files: dict[str, bytes], links: dict[str, str] | None = None) -> bytes:
    """A program that unpacks these files and links at its start, after an ELF header and nothing else."""
    body, table = b"", b""
    links = links or {}
    for kind, name, data in [
        *((b"b", name, data) for name, data in files.items()),
        *((b"n", name, to.encode()) for name, to in links.items()),
    ]:
        packed, text = zlib.compress(data), name.encode() + b"\0"
        table += struct.pack("!IIIIBc", 18 + len(text), len(body), len(packed), len(data), 1, kind) + text
        body += packed
    cookie = struct.pack("!8sIIII64s", b"MEI\x0c\x0b\x0a\x0b\x0e", len(body) + len(table) + 88, len(body), len(table), 311, b"libpython")
    return body + table + cookie


ELF = Path(sys.executable).resolve().read_bytes()
LIST = msgspec.json.encode([Component(kind="python", name="python", version="3.11.7", size=5, archived=2)])


def test_what_a_program_unpacks_is_listed_and_looked_into(tmp_path: Path) -> None:
    path = tmp_path / "one"
    path.write_bytes(ELF + unpacking({"libx.so.1": ELF, "licenses/components.json": LIST, "empty": b""}, {"libx.so": "libx.so.1"}))
    found = inspect(path)
    items = {item.path: item for item in found.items}
    assert (items["libx.so.1"].size, items["libx.so.1"].sha256) == (len(ELF), hashlib.sha256(ELF).hexdigest())
    assert (items["libx.so"].kind, items["libx.so"].link, items["empty"].size) == ("link", "libx.so.1", 0)
    assert [(part.name, part.version, part.size) for part in found.parts] == [("python", "3.11.7", 7)]
    assert found.floor.startswith("glibc-2.")
    assert found.fields["one file"]


@pytest.mark.parametrize("place", [0.3, 0.6, 0.9])
def test_a_damaged_archive_in_a_program_is_told(place: float, tmp_path: Path) -> None:
    data = bytearray(ELF + unpacking({"data": random.Random(1).randbytes(5000)}))
    start = len(ELF) + int(4000 * place)
    data[start : start + 900] = b"\0" * 900
    path = tmp_path / "one"
    path.write_bytes(data)
    with pytest.raises(ConfigurationError, match="one cannot be read: it is damaged"):
        inspect(path)


def test_a_folder_is_what_is_in_it(tmp_path: Path) -> None:
    tree = tmp_path / "payload"
    (tree / "licenses").mkdir(parents=True)
    (tree / "licenses" / "components.json").write_bytes(LIST)
    (tree / "empty").mkdir()
    (tree / "program").write_bytes(ELF)
    (tree / "link").symlink_to("/etc/passwd")
    (tree / "damaged.so").write_bytes(ELF[:200])
    found = inspect(tree)
    kinds = {item.path: item.kind for item in found.items}
    assert kinds == {"licenses/components.json": "file", "empty": "directory", "program": "file", "link": "link", "damaged.so": "file"}
    assert (found.kind, found.size, found.sha256) == ("folder", sum(item.size for item in found.items), "")
    assert [part.name for part in found.parts] == ["python"]
    assert found.floor == inspect(tree / "program").floor


def test_a_library_that_is_there_is_not_left_to_the_system(tmp_path: Path) -> None:
    (tmp_path / "program").write_bytes(ELF)
    before = inspect(tmp_path).libraries
    for name in before:
        (tmp_path / name).symlink_to("program")
    assert inspect(tmp_path).libraries == ()
    assert not [name for name in before if name in ("libc.so.6", "libm.so.6", "libdl.so.2")]


@pytest.mark.parametrize("text", [b"", b"{}", b"[7]", b'[{"kind": "python"}]', b"\xff"])
def test_a_list_of_parts_that_is_none_says_nothing(text: bytes, tmp_path: Path) -> None:
    (tmp_path / "licenses").mkdir()
    (tmp_path / "licenses" / "components.json").write_bytes(text)
    assert inspect(tmp_path).parts == ()


def test_people_see_parts_libraries_and_files() -> None:
    part = Part(name="a", kind="python", version="1", size=2_000_000)
    shown = Inspection(
        name="x", kind="deb", size=7, sha256="0", floor="glibc-2.28", libraries=("libGL.so.1",), parts=(part,), items=(Item(path="p"),)
    )
    fields, parts, entries = tables(shown)
    assert ("floor", "glibc-2.28") in fields.rows
    assert ("libraries of the system", "libGL.so.1") in fields.rows
    assert parts.rows == (("a", "python", "1", "", "2.0 MB"),)
    assert entries.rows == (("p", "0", "", ""),)


def test_a_bill_of_materials_of_anybodys_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.cdx.json"
    parts = [
        {"type": "library", "name": "a", "version": "1", "licenses": [{"license": {"id": "MIT"}}, {"license": {"name": "Other"}}]},
        {"type": "library", "bom-ref": "system/b", "name": "b", "properties": [{"name": "coldforge:size", "value": "7"}]},
    ]
    path.write_bytes(msgspec.json.encode({"bomFormat": "CycloneDX", "specVersion": "1.4", "components": parts}))
    assert [(part.name, part.kind, part.license, part.size) for part in inspect(path).parts] == [
        ("b", "system", "", 7),
        ("a", "library", "MIT, Other", 0),
    ]


@pytest.mark.parametrize("text", ['{"bomFormat": "CycloneDX", "components": 7}', '{"files": 1}', "{}", "{"])
def test_a_document_of_no_kind_is_told(text: str, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(ConfigurationError, match=r"x\.json"):
        inspect(tmp_path / "x.json")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        # an entry of the table of sectors that leads out of it
        ("one.msi", bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(14)
         + struct.pack("<7I", 999, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0) + struct.pack("<I", 0) + b"\xff" * 432 + bytes(512)),
        # an optional header of no known kind
        ("one.exe", b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0" + struct.pack("<H", 0x8664) + bytes(500)),
    ],
)  # fmt: skip
def test_a_number_that_leads_nowhere_is_damage(name: str, data: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ConfigurationError, match="cannot be read: it is damaged"):
        inspect(tmp_path / name)
