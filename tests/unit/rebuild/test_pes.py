"""What differs in a program for Windows is named by its resource or section; headers, which follow from the rest, come last."""

from __future__ import annotations

import struct

import pytest

from coldforge.rebuild.compare import differs
from coldforge.rebuild.pes import program

VERSION, MANIFEST = (16, 1, 1033), (24, 1, 0)
BASE = {VERSION: b"1.0\0", MANIFEST: b"<assembly/>"}


def made(resources: dict[tuple[int, int, int], bytes] = BASE, *, text: bytes = b"\xc3" * 16, time: int = 7, behind: bytes = b"") -> bytes:
    """A PE file of two sections, by the specification: nothing that would run, but laid out as linkers do it."""
    tables, leaves, data = _tables(resources)
    sections = [(b".text", 0x1000, text), (b".rsrc", 0x2000, tables + leaves + data)]
    directories = bytes(16) + struct.pack("<II", 0x2000, len(tables)) + bytes(104)
    optional = struct.pack("<H110x", 0x20B)[:108] + struct.pack("<I", 16) + directories
    head = b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0"
    head += struct.pack("<HHIIIHH", 0x8664, len(sections), time, 0, 0, len(optional), 0x22) + optional
    place, table, body = 1024, b"", b""
    for name, address, content in sections:
        table += struct.pack("<8sIIII16x", name, len(content), address, len(content), place + len(body))
        body += content
    return (head + table).ljust(place, b"\0") + body + behind


def _tables(resources: dict[tuple[int, int, int], bytes]) -> tuple[bytes, bytes, bytes]:
    """A tree of three levels: each kind with one name, and that with one language."""
    count = len(resources)
    middle = 16 + 8 * count  # where the tables below the first begin; each is one entry, of 24 bytes
    leaf = middle + 48 * count
    root = struct.pack("<12xHH", 0, count)
    tables, leaves, data = b"", b"", b""
    for number, ((kind, name, language), content) in enumerate(sorted(resources.items())):
        below = middle + 48 * number
        root += struct.pack("<II", kind, below | 1 << 31)
        tables += struct.pack("<12xHHII", 0, 1, name, (below + 24) | 1 << 31)
        tables += struct.pack("<12xHHII", 0, 1, language, leaf + 16 * number)
        leaves += struct.pack("<IIII", 0x2000 + leaf + 16 * count + len(data), len(content), 0, 0)
        data += content
    return root + tables, leaves, data


def where(other: bytes, one: bytes | None = None) -> tuple[str, ...]:
    found = differs("demo.exe", memoryview(one or made()), memoryview(other))
    assert found is not None
    return (*found.where[1:], found.what)


@pytest.mark.parametrize(
    ("other", "place"),
    [
        (made({**BASE, VERSION: b"1.1\0"}), ".rsrc/version/1/1033"),
        (made({**BASE, MANIFEST: b"<Assembly/>"}), ".rsrc/manifest/1/0"),
        (made(text=b"\xc3" * 15 + b"\x90"), ".text"),
        (made(behind=b"more"), "(behind the sections)"),
    ],
)
def test_the_part_is_named(other: bytes, place: str) -> None:
    assert where(other)[0] == place


def test_a_resource_explains_more_than_the_section_it_is_in() -> None:
    other = made({**BASE, VERSION: b"1.1\0"}, text=b"\x90" * 16, time=8)
    assert where(other)[0] == ".rsrc/version/1/1033"


def test_a_resource_that_is_not_there() -> None:
    assert where(made({VERSION: b"1.0\0"})) == (".rsrc/manifest/1/0", "missing")


def test_the_time_of_the_linker_is_called_so() -> None:
    assert where(made(time=8)) == ("time",)


@pytest.mark.parametrize("size", [2, 64, 90, 300, 1100])
def test_what_is_cut_off_is_compared_by_its_bytes(size: int) -> None:
    assert differs("x", memoryview(made()[:size]), memoryview(made(time=9)[:size] + b"x")) is not None


def test_resources_that_lead_in_a_circle_end() -> None:
    data = bytearray(made())
    root = 1024 + 16
    struct.pack_into("<I", data, root + 16 + 4, 1 << 31)  # the first entry leads to the root itself
    with pytest.raises(ValueError, match="nested too deeply"):
        program(memoryview(bytes(data)))
    assert where(bytes(data))[-1] == "content"


def test_resources_without_number_end() -> None:
    """A table of 65535 entries, each of which leads to another such one."""
    tables = struct.pack("<12xHH", 0, 65535) + struct.pack("<II", 1, 16 + 8 * 65535 | 1 << 31) * 65535
    tables += struct.pack("<12xHH", 0, 65535) + struct.pack("<II", 1, 1 << 31 | (len(tables))) * 65535
    data = bytearray(made())
    table = data.index(b".rsrc")
    struct.pack_into("<II", data, table + 16, len(tables), len(data))
    with pytest.raises(ValueError, match="more resources"):
        program(memoryview(bytes(data) + tables))


def test_what_is_no_program() -> None:
    assert program(memoryview(b"MZ" + bytes(100))) is None
    assert program(memoryview(b"text")) is None
