"""What is packed inside of a file: the entries of the archive that PyInstaller appends to a program.

Everything is read as far as it makes sense; what is damaged or of another kind has nothing inside.
Source: PyInstaller/archive/writers.py (CArchiveWriter), https://pyinstaller.org/en/stable/advanced-topics.html
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO, Final, NamedTuple

TAIL: Final = 1 << 16  # bytes at a program's end in which the mark is searched
_TABLE: Final = 1 << 24  # bytes of a table that are looked at
_PIECE: Final = 1 << 20
# PyInstaller's archive: at its end a mark, its length, place and length of its table; in the table length, three numbers, flag, kind, name.
_MARK: Final = b"MEI\014\013\012\013\016"
_COOKIE: Final = struct.Struct("!8sIIII64s")
_ENTRY: Final = struct.Struct("!IIIIBc")


class Cookie(NamedTuple):
    """What the archive says of itself at its end: where it begins in the file, place and length of its table in it, its Python."""

    start: int
    table: int
    size: int
    version: int
    library: bytes


def cookie(tail: bytes, end: int) -> Cookie | None:
    """The cookie in the last bytes of a file that ends at `end`; None for any other file. Raises ValueError when it is damaged."""
    place = tail.rfind(_MARK)
    if place < 0 or len(tail) < place + _COOKIE.size:
        return None
    _, length, table, size, version, library = _COOKIE.unpack_from(tail, place)
    start = end - len(tail) + place + _COOKIE.size - length
    if start < 0 or table + size > length:
        raise ValueError("its cookie is damaged")
    return Cookie(start, table, size, version, library.partition(b"\0")[0])


class Row(NamedTuple):
    """One line of the table: place and packed size of an entry in the archive, and its name as it stands there."""

    name: bytes
    kind: bytes
    place: int
    size: int
    compressed: bool


def rows(table: bytes | memoryview) -> Iterator[Row]:
    """The lines of a table. Raises ValueError where it is damaged."""
    place = 0
    while place + _ENTRY.size <= len(table):
        length, offset, size, _, flag, kind = _ENTRY.unpack_from(table, place)
        if length < _ENTRY.size:
            raise ValueError("its table is damaged")
        yield Row(bytes(table[place + _ENTRY.size : place + length]), kind, offset, size, bool(flag))
        place += length


class Entry(NamedTuple):
    """One entry of PyInstaller's archive: where it begins in the file, its bytes there, and PyInstaller's letter for what it is."""

    name: str
    kind: bytes
    start: int
    size: int
    compressed: bool


def entries(stream: BinaryIO) -> Iterator[Entry]:
    """The entries of the archive that PyInstaller appends to a program; none for any other file."""
    end = stream.seek(0, io.SEEK_END)
    stream.seek(max(0, end - TAIL))
    with suppress(ValueError):
        if found := cookie(stream.read(TAIL), end):
            stream.seek(found.start + found.table)
            for row in rows(stream.read(min(found.size, _TABLE))):
                name = row.name.rstrip(b"\0").decode("utf-8", "replace")
                yield Entry(name, row.kind, found.start + row.place, row.size, row.compressed)


def unpacked(stream: BinaryIO, entry: Entry) -> Iterator[bytes]:
    """The bytes of an entry, piece by piece. Raises zlib.error or EOFError when it is damaged."""
    stream.seek(entry.start)
    left, inflate = entry.size, zlib.decompressobj()
    while left:
        data = stream.read(min(left, _PIECE))
        if not data:
            raise EOFError(f"{entry.name} is cut off")
        left -= len(data)
        while entry.compressed and data:
            yield inflate.decompress(data, _PIECE)
            data = inflate.unconsumed_tail
        if data:
            yield data
    if entry.compressed:
        yield inflate.flush()
