"""What is packed inside of a file: the entries of the archive that PyInstaller appends to a program.

Everything is read as far as it makes sense; what is damaged or of another kind has nothing inside.
Source: PyInstaller/archive/writers.py (CArchiveWriter), https://pyinstaller.org/en/stable/advanced-topics.html
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

_TAIL: Final = 1 << 16
_TABLE: Final = 1 << 24  # bytes of a table that are looked at
_PIECE: Final = 1 << 20
# PyInstaller's archive: at its end a mark, its length, place and length of its table; in the table length, three numbers, flag, kind, name.
_MARK: Final = b"MEI\014\013\012\013\016"
_COOKIE: Final = struct.Struct("!8sIIII64s")
_ENTRY: Final = struct.Struct("!IIIIBc")


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
    start = stream.seek(max(0, end - _TAIL))
    tail = stream.read(_TAIL)
    place = tail.rfind(_MARK)
    if place < 0 or len(tail) < place + _COOKIE.size:
        return
    _, length, offset, size, *_ = _COOKIE.unpack_from(tail, place)
    first = start + place + _COOKIE.size - length
    if first >= 0 and offset + size <= length:
        stream.seek(first + offset)
        yield from _table(stream.read(min(size, _TABLE)), first)


def _table(table: bytes, first: int) -> Iterator[Entry]:
    place = 0
    while place + _ENTRY.size <= len(table):
        length, offset, size, _, flag, kind = _ENTRY.unpack_from(table, place)
        if length < _ENTRY.size:
            return
        name = table[place + _ENTRY.size : place + length].rstrip(b"\0").decode("utf-8", "replace")
        yield Entry(name, kind, first + offset, size, bool(flag))
        place += length


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
