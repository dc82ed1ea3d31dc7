"""Search paths of ELF files made here, read back by pyelftools: nothing but the foreign folders goes."""

from __future__ import annotations

import io
import struct
from typing import Any

import pytest
from elftools.elf.elffile import ELFFile
from freezing.search_path import DT_NEEDED, DT_NULL, DT_RPATH, DT_RUNPATH, DT_SONAME, DT_STRTAB, ENTRY, cleaned

DT_STRSZ, DT_SYMTAB = 10, 6
BASE = 0x1000  # where the file is in memory
HEADER, SEGMENT, SECTION = 64, 56, 64


def elf(search: str, *, tag: int = DT_RUNPATH, symbols: tuple[str, ...] = ("main",)) -> bytes:
    """A shared library of headers, dynamic section, symbols and strings only; symbols that end the search path share its text."""
    table = b"\0libc.so.6\0libx.so\0" + search.encode() + b"\0"
    place = table.index(search.encode() + b"\0")
    offsets = []
    for symbol in symbols:
        if not search.endswith(symbol):
            table += symbol.encode() + b"\0"
        offsets.append(place + len(search) - len(symbol) if search.endswith(symbol) else len(table) - len(symbol) - 1)
    dynamic_at = HEADER + 2 * SEGMENT
    entries = 7
    symbols_at = dynamic_at + entries * ENTRY.size
    strings_at = symbols_at + 24 * len(offsets)
    sections_at = strings_at + len(table)
    dynamic = [
        (DT_NEEDED, 1), (tag, place), (DT_SONAME, 11), (DT_STRTAB, BASE + strings_at), (DT_STRSZ, len(table)),
        (DT_SYMTAB, BASE + symbols_at), (DT_NULL, 0),
    ]  # fmt: skip
    size = sections_at + 3 * SECTION
    head = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    head += struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, HEADER, sections_at, 0, HEADER, SEGMENT, 2, SECTION, 3, 0)
    load = struct.pack("<IIQQQQQQ", 1, 4, 0, BASE, BASE, size, size, 0x1000)
    span = entries * ENTRY.size
    pointer = struct.pack("<IIQQQQQQ", 2, 4, dynamic_at, BASE + dynamic_at, BASE + dynamic_at, span, span, 8)
    body = b"".join(ENTRY.pack(*entry) for entry in dynamic)
    body += b"".join(struct.pack("<IBBHQQ", offset, 0x12, 0, 1, 0, 0) for offset in offsets) + table
    sections = bytes(SECTION)
    sections += struct.pack("<IIQQQQIIQQ", 0, 11, 2, BASE + symbols_at, symbols_at, 24 * len(offsets), 2, 0, 8, 24)
    sections += struct.pack("<IIQQQQIIQQ", 0, 3, 2, BASE + strings_at, strings_at, len(table), 0, 0, 1, 0)
    return head + load + pointer + body + sections


def tags(data: bytes) -> dict[str, Any]:
    """The dynamic section as pyelftools reads it."""
    section: Any = next(segment for segment in ELFFile(io.BytesIO(data)).iter_segments("PT_DYNAMIC"))
    names = {"DT_NEEDED": "needed", "DT_SONAME": "soname", "DT_RUNPATH": "runpath", "DT_RPATH": "rpath"}
    return {tag.entry.d_tag: getattr(tag, names[tag.entry.d_tag]) for tag in section.iter_tags() if tag.entry.d_tag in names}


def symbols(data: bytes) -> list[str]:
    table: Any = next(section for section in ELFFile(io.BytesIO(data)).iter_sections("SHT_DYNSYM"))
    return [symbol.name for symbol in table.iter_symbols()]


@pytest.mark.parametrize("tag", [DT_RPATH, DT_RUNPATH])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("/home/me/.pyenv/lib", ""),
        ("/home/me/lib:$ORIGIN/../lib", "$ORIGIN/../lib"),
        ("$ORIGIN:/opt/x:${ORIGIN}/y:relative", "$ORIGIN:${ORIGIN}/y"),
    ],
)
def test_foreign_folders_go_and_their_names_too(before: str, after: str, tag: int) -> None:
    data = elf(before, tag=tag)
    name = "DT_RPATH" if tag == DT_RPATH else "DT_RUNPATH"
    assert tags(data)[name] == before
    made = cleaned(data)
    assert len(made) == len(data)
    assert tags(made) == {"DT_NEEDED": "libc.so.6", "DT_SONAME": "libx.so", **({name: after} if after else {})}
    assert symbols(made) == ["main"]
    assert b"/home/me" not in made
    assert cleaned(made) == made


def test_a_path_within_the_tree_is_left_alone() -> None:
    data = elf("$ORIGIN/../libs")
    assert cleaned(data) == data


def test_a_symbol_that_ends_the_path_keeps_its_name() -> None:
    """Linkers store `lib` as the end of `/opt/lib`: blanking the path would rename the symbol."""
    made = cleaned(elf("/opt/lib", symbols=("main", "lib")))
    assert "DT_RUNPATH" not in tags(made)
    assert symbols(made) == ["main", "lib"]


@pytest.mark.parametrize("length", [8, 70, 130, 200])
def test_a_damaged_file_is_left_alone(length: int) -> None:
    data = elf("/opt/lib")[:length]
    assert cleaned(data) == data


@pytest.mark.parametrize("data", [b"", b"\x7fELF", b"#!/bin/sh\n", b"\x7fELF\x01\x01" + bytes(60), b"\x7fELF\x02\x02" + bytes(60)])
def test_what_is_no_such_file_is_left_alone(data: bytes) -> None:
    assert cleaned(data) == data
