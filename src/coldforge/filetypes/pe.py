"""Where programs for Windows carry a signature: a table at their end, an entry that says where, and a checksum over all.

Source: https://learn.microsoft.com/windows/win32/debug/pe-format and the paper "Windows Authenticode Portable Executable Signature Format".
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from typing import BinaryIO, Final

from coldforge.filetypes.spans import Span, pieces

MAGIC: Final = b"MZ"
_HEAD: Final = 1 << 12  # bytes in which the headers lie that are looked at
_TABLE: Final = struct.Struct("<IHH")  # its length, revision 2.0, PKCS #7
_LARGEST: Final = 1 << 20  # bytes of a signature


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where things lie in a program: its checksum, the entry about signatures, the end of what is no signature, and the end of it all."""

    checksum: int
    entry: int
    body: int
    end: int

    @property
    def is_signed(self) -> bool:
        """Whether there is a table of signatures."""
        return self.body < self.end

    @property
    def padding(self) -> bytes:
        """What stands between the program and its signature: that begins at a multiple of eight."""
        return bytes(-self.body % 8)


def layout(stream: BinaryIO) -> Layout:
    """Where things lie. Raises ValueError or struct.error for what is no program, or has more behind its signature."""
    end = stream.seek(0, 2)
    stream.seek(0)
    head = stream.read(_HEAD)
    start: int = struct.unpack_from("<I", head, 0x3C)[0]
    if not head.startswith(MAGIC) or head[start : start + 4] != b"PE\0\0":
        raise ValueError("it is no program for Windows")
    optional = start + 24
    directories = optional + {0x20B: 112, 0x10B: 96}[struct.unpack_from("<H", head, optional)[0]]
    if struct.unpack_from("<I", head, directories - 4)[0] < 5:
        raise ValueError("its headers have no room for a signature")
    place, size = struct.unpack_from("<II", head, directories + 32)
    if place and (place + size != end or place % 8 or size < _TABLE.size):
        raise ValueError("its signatures are not at its end")
    return Layout(checksum=optional + 64, entry=directories + 32, body=place or end, end=end)


def plain(found: Layout) -> tuple[Span, ...]:
    """The program as it would be without signature, checksum, and whatever padding a signature takes."""
    return _without(found, bytes(4), bytes(8))


def hashed(found: Layout) -> tuple[Span, ...]:
    """The bytes that a signature is about."""
    return _without(found, b"", b"")


def _without(found: Layout, checksum: bytes, entry: bytes) -> tuple[Span, ...]:
    return (
        Span(0, found.checksum),
        Span(0, 0, checksum),
        Span(found.checksum + 4, found.entry),
        Span(0, 0, entry),
        Span(found.entry + 8, found.body),
        Span(0, 0, found.padding),
    )


def signature(stream: BinaryIO, found: Layout) -> bytes:
    """The one PKCS #7 structure that a program carries, with the zeros behind it.

    Raises ValueError for several, and for one of another kind: no build makes such a thing.
    """
    if found.end - found.body > _LARGEST:
        raise ValueError("its signature is larger than any")
    stream.seek(found.body)
    table = stream.read(found.end - found.body)
    length, revision, kind = _TABLE.unpack_from(table)
    if (revision, kind) != (0x0200, 2) or not _TABLE.size < length <= len(table) <= length + 7:
        raise ValueError("its table of signatures holds anything but one signature")
    return table[_TABLE.size :]


def signed(stream: BinaryIO, made: bytes) -> tuple[Span, ...]:
    """A program with a signature: what osslsigncode writes, byte for byte. Raises ValueError when it has one already."""
    found = layout(stream)
    if found.is_signed:
        raise ValueError("it is signed already")
    body = found.body + len(found.padding)
    data = made + bytes(-(_TABLE.size + len(made)) % 8)
    table = _TABLE.pack(_TABLE.size + len(data), 0x0200, 2) + data
    entry = struct.pack("<II", body, len(table))
    spans = (
        Span(0, found.checksum),
        Span(0, 0, bytes(4)),
        Span(found.checksum + 4, found.entry),
        Span(0, 0, entry),
        Span(found.entry + 8, found.body),
        Span(0, 0, found.padding + table),
    )
    total = checksum(pieces(stream, spans), body + len(table))
    return (spans[0], Span(0, 0, struct.pack("<I", total)), *spans[2:])


def checksum(data: Iterable[bytes], size: int) -> int:
    """The sum that the headers hold, of a program of `size` bytes whose own is zero: 16 bits, with the carry added, and the size."""
    total, odd = 0, b""
    for piece in data:
        even = odd + piece
        odd = even[len(even) & ~1 :]
        words = array("H", even[: len(even) & ~1])
        if sys.byteorder == "big":
            words.byteswap()
        total += sum(words)
    total += odd[0] if odd else 0
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total + size
