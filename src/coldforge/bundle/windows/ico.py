"""Icons as Windows has them: one file with a picture in every size, made from the one PNG or SVG.

Source: https://learn.microsoft.com/previous-versions/ms997538(v=msdn.10) (icons); pictures of 256 pixels are PNG since Windows Vista.
"""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Final

from coldforge.bundle import icons
from coldforge.errors import ConfigurationError, Location

SIZES: Final = (16, 20, 24, 32, 40, 48, 64, 256)  # 20 and 40 where everything is shown at 125 %
_LARGE: Final = 256


def made(source: Path) -> bytes:
    """The icon file. Raises ConfigurationError for a picture that cannot be drawn."""
    drawn = icons.drawn(source, SIZES)
    sizes = [size for size in SIZES if size in drawn]
    if not sizes:
        raise ConfigurationError("the icon is too small for Windows", where=Location(source), hint=f"It has {SIZES[0]} pixels or more.")
    pictures = [drawn[size] if size == _LARGE else _bitmap(drawn[size], size) for size in sizes]
    entries, place = b"", 6 + 16 * len(sizes)
    for size, picture in zip(sizes, pictures, strict=True):
        entries += struct.pack("<BBBBHHII", size % _LARGE, size % _LARGE, 0, 0, 1, 32, len(picture), place)
        place += len(picture)
    return struct.pack("<HHH", 0, 1, len(sizes)) + entries + b"".join(pictures)


def _bitmap(png: bytes, size: int) -> bytes:
    """What old parts of Windows read: a header, the rows from the bottom up as blue, green, red, alpha, and a mask that says nothing."""
    from PIL import Image

    with Image.open(io.BytesIO(png), formats=["PNG"]) as image:
        pixels = image.convert("RGBA").transpose(Image.Transpose.FLIP_TOP_BOTTOM).tobytes("raw", "BGRA")
    mask = bytes((size + 31) // 32 * 4 * size)
    header = struct.pack("<IiiHHIIiiII", 40, size, 2 * size, 1, 32, 0, len(pixels) + len(mask), 0, 0, 0, 0)
    return header + pixels + mask
