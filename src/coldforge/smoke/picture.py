"""What is on the display server's screen: read from its frame buffer, compared, and kept as PNG."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Final

# X11/XWDFile.h: 25 numbers of 32 bits, the most significant byte first.
_HEADER: Final = struct.Struct(">25I")
_COLOUR: Final = 12  # bytes of an entry of the colour table that follows the header
_PIXEL: Final = 4
_MASKS: Final = (0xFF0000, 0xFF00, 0xFF)


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """A rectangle of the screen, in pixels."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Pixels row by row, three bytes each: red, green, blue."""

    width: int
    height: int
    pixels: bytes

    def part(self, area: Area) -> Picture:
        """What of the picture lies in the area."""
        left, right = max(area.x, 0), min(area.x + area.width, self.width)
        top, bottom = max(area.y, 0), min(area.y + area.height, self.height)
        rows = (self.pixels[3 * (y * self.width + left) : 3 * (y * self.width + right)] for y in range(top, bottom))
        return Picture(width=max(right - left, 0), height=max(bottom - top, 0), pixels=b"".join(rows) if right > left else b"")


def screen(data: bytes) -> Picture:
    """The picture in a dump of a window (XWD), of the one kind that a screen of 24 bits gives. Raises ValueError for others.

    Source: X11/XWDFile.h of xorgproto; Xvfb keeps its frame buffer in such a file (Xvfb(1), -fbdir).
    """
    if len(data) < _HEADER.size:
        raise ValueError("no header")
    numbers = _HEADER.unpack_from(data)
    size, _, kind, _, width, height = numbers[:6]
    order, bits, line, colours = numbers[7], numbers[11], numbers[12], numbers[19]
    if kind != 2 or order != 0 or bits != 8 * _PIXEL or numbers[14:17] != _MASKS:
        raise ValueError("the pixels are of another kind")
    start = size + _COLOUR * colours
    if len(data) < start + line * height:
        raise ValueError("the picture is cut off")
    pixels = bytearray(3 * width * height)
    for y in range(height):
        row = data[start + y * line : start + y * line + _PIXEL * width]
        for channel in range(3):  # blue, green, red and a byte of nothing
            pixels[3 * width * y + channel : 3 * width * (y + 1) : 3] = row[2 - channel :: _PIXEL]
    return Picture(width=width, height=height, pixels=bytes(pixels))


def png(picture: Picture) -> bytes:
    """The picture as a PNG file. Source: https://www.w3.org/TR/png-3/"""
    rows = (b"\0" + picture.pixels[3 * picture.width * y : 3 * picture.width * (y + 1)] for y in range(picture.height))
    head = struct.pack(">IIBBBBB", picture.width, picture.height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(b"".join(rows), 6)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
