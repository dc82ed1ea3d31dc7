"""The sections of ELF files, as far as an AppImage is about them: it begins with a program that has room for what is said of the whole.

Sources: elf(5) and https://github.com/AppImage/AppImageSpec/blob/master/draft.md
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

TYPE2: Final = b"AI\x02"  # at offset 8 of an AppImage
LARGEST: Final = 64 << 20  # bytes of the program that an AppImage begins with


class Section(NamedTuple):
    """A section of an ELF file: its name, and where its bytes are."""

    name: str
    offset: int
    size: int


def of(data: bytes) -> Iterator[Section]:
    """The sections of a 64-bit little-endian ELF file. Raises struct.error or IndexError when there is no sense in it."""
    start, size, number, names = _table(data)
    headers = [struct.unpack_from("<IIQQQQ", data, start + index * size) for index in range(number)]
    for name, kind, _flags, _address, offset, length in headers:
        begin = headers[names][4] + name
        text = data[begin : data.index(b"\0", begin)].decode("ascii", "replace")
        yield Section(text, offset, 0 if kind == 8 else length)  # SHT_NOBITS takes no place in the file


def _table(data: bytes) -> tuple[int, int, int, int]:
    """Where the section headers are, the size of one, how many there are, and which of them holds the names."""
    (start,) = struct.unpack_from("<Q", data, 40)
    size, number, names = struct.unpack_from("<HHH", data, 58)
    return start, size, number, names


def end_of(data: bytes) -> int:
    """Where an ELF file ends, by its own account: that is where runtimes look for the image. 0 when there is no sense in it."""
    try:
        start, size, number, _ = _table(data)
        return max([start + size * number, *(section.offset + section.size for section in of(data))])
    except (struct.error, IndexError, ValueError):
        return 0
