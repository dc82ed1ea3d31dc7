"""Icons as macOS has them: one file with a picture in every size, made from the one PNG or SVG.

Source: `man iconutil` (the sizes of an icon set), https://en.wikipedia.org/wiki/Apple_Icon_Image_format (the words for them).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from coldforge.bundle import icons
from coldforge.errors import ConfigurationError, Location

# PNG of 16 and 32 pixels is shown badly in an application, so these are what they were before PNG: colours, and a mask.
_OLD: Final = {16: (b"is32", b"s8mk"), 32: (b"il32", b"l8mk")}
_KINDS: Final = {
    b"ic11": 32, b"ic12": 64, b"ic07": 128, b"ic13": 256, b"ic08": 256, b"ic14": 512, b"ic09": 512, b"ic10": 1024,
}  # fmt: skip
SIZES: Final = tuple(sorted({*_OLD, *_KINDS.values()}))
_LONGEST: Final = 128  # bytes that a piece of a channel has at most


def made(source: Path) -> bytes:
    """The icon file. Raises ConfigurationError for a picture that cannot be drawn."""
    drawn = icons.drawn(source, SIZES)
    parts = [part for size in _OLD if size in drawn for part in _old(drawn[size], size)]
    parts += [(kind, drawn[size]) for kind, size in _KINDS.items() if size in drawn]
    if not parts:
        raise ConfigurationError("the icon is too small for macOS", where=Location(source), hint=f"It has {SIZES[0]} pixels or more.")
    body = b"".join(kind + struct.pack(">I", 8 + len(data)) + data for kind, data in parts)
    return b"icns" + struct.pack(">I", 8 + len(body)) + body


def _old(png: bytes, size: int) -> Iterator[tuple[bytes, bytes]]:
    from PIL import Image

    with Image.open(io.BytesIO(png), formats=["PNG"]) as image:
        red, green, blue, mask = (channel.tobytes() for channel in image.convert("RGBA").split())
    colours, shape = _OLD[size]
    yield colours, b"".join(map(_packed, (red, green, blue)))
    yield shape, mask


def _packed(channel: bytes) -> bytes:
    """A channel as pieces of plain bytes, each behind its length less one; runs are not sought, the files are small."""
    pieces = (channel[place : place + _LONGEST] for place in range(0, len(channel), _LONGEST))
    return b"".join(bytes([len(piece) - 1]) + piece for piece in pieces)
