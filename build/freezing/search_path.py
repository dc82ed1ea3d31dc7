"""Takes folders of the build machine out of the search path of ELF files: they are nobody else's, and often somebody's home.

Needs the standard library only: it runs where freeze.py runs. Source: System V gABI, chapter 5 (program header, dynamic section).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple

PT_LOAD, PT_DYNAMIC, SHT_DYNSYM = 1, 2, 11
DT_NULL, DT_NEEDED, DT_STRTAB, DT_SONAME, DT_RPATH, DT_RUNPATH = 0, 1, 5, 14, 15, 29
ENTRY = struct.Struct("<qQ")  # a tag and its value


class Segment(NamedTuple):
    """A part of the file: where it is, where it will be in memory, and how long it is."""

    kind: int
    offset: int
    address: int
    size: int


def cleaned(data: bytes) -> bytes:
    """The file with a search path of `$ORIGIN` folders only; the same bytes when there is no other.

    What is damaged, or no 64-bit little-endian ELF file, stays as it is.
    """
    try:
        return _cleaned(data) if data[:6] == b"\x7fELF\x02\x01" else data
    except (struct.error, ValueError):
        return data


def _cleaned(data: bytes) -> bytes:
    segments = list(program_header(data))
    dynamic = next((segment for segment in segments if segment.kind == PT_DYNAMIC), None)
    if dynamic is None:
        return data
    entries = [ENTRY.unpack_from(data, place) for place in range(dynamic.offset, dynamic.offset + dynamic.size, ENTRY.size)]
    strings = in_file(segments, next((value for tag, value in entries if tag == DT_STRTAB), -1))
    if strings is None:
        return data
    made, kept = bytearray(data), []
    for tag, value in entries:
        if tag not in (DT_RPATH, DT_RUNPATH):
            kept.append((tag, value))
            continue
        start = strings + value
        old = data[start : data.index(0, start)]
        new = b":".join(folder for folder in old.split(b":") if folder.startswith((b"$ORIGIN", b"${ORIGIN}")))
        if new == old:
            kept.append((tag, value))
        elif not is_shared(data, entries, value, len(old)):
            made[start : start + len(old)] = new.ljust(len(old), b"\0")
            kept += [(tag, value)] if new else []
        elif not new:  # another name is the end of this text: only the entry goes
            continue
        else:
            kept.append((tag, value))
    kept += [(DT_NULL, 0)] * (len(entries) - len(kept))
    for number, entry in enumerate(kept):
        ENTRY.pack_into(made, dynamic.offset + number * ENTRY.size, *entry)
    return bytes(made)


def program_header(data: bytes) -> Iterator[Segment]:
    """The segments of the file."""
    (start,) = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    for number in range(count):
        kind, _flags, offset, address, _physical, in_file_size = struct.unpack_from("<IIQQQQ", data, start + number * size)
        yield Segment(kind, offset, address, in_file_size)


def in_file(segments: Sequence[Segment], address: int) -> int | None:
    """Where in the file an address in memory comes from."""
    for segment in segments:
        if segment.kind == PT_LOAD and segment.address <= address < segment.address + segment.size:
            return address - segment.address + segment.offset
    return None


def is_shared(data: bytes, entries: Sequence[tuple[int, int]], start: int, length: int) -> bool:
    """Whether a name begins within a text of the string table: linkers store a name that is the end of another only once."""
    names = {value for tag, value in entries if tag in (DT_NEEDED, DT_SONAME)}
    return any(start <= name <= start + length for name in names | set(symbol_names(data)))


def symbol_names(data: bytes) -> Iterator[int]:
    """Offsets of the names of all dynamic symbols, as the section header tells them."""
    (start,) = struct.unpack_from("<Q", data, 40)
    size, count = struct.unpack_from("<HH", data, 58)
    for number in range(count if start else 0):
        _name, kind, _flags, _address, offset, length = struct.unpack_from("<IIQQQQ", data, start + number * size)
        if kind == SHT_DYNSYM:
            yield from (struct.unpack_from("<I", data, place)[0] for place in range(offset, offset + length, 24))
