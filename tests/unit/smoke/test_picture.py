"""The screen as a file: read, cut, and written as PNG that another reader understands."""

from __future__ import annotations

import struct
import zlib

import pytest

from coldforge.smoke.picture import Area, Picture, png, screen

HEADER = 25 * 4


def dump(width: int, height: int, colours: list[tuple[int, int, int]], *, pad: int = 0, **changed: int) -> bytes:
    """A dump of a window with a name, a colour table, and padding at the end of each line."""
    fields = {
        "size": HEADER + 8, "version": 7, "kind": 2, "depth": 24, "width": width, "height": height, "offset": 0, "order": 0,
        "unit": 32, "bit order": 0, "pad": 32, "bits": 32, "line": 4 * width + pad, "class": 4,
        "red": 0xFF0000, "green": 0xFF00, "blue": 0xFF, "rgb": 8, "map": 256,
        "colours": 2, "w": width, "h": height, "x": 0, "y": 0, "border": 0, **changed,
    }  # fmt: skip
    lines = [colours[y * width : (y + 1) * width] for y in range(height)]
    rows = b"".join(b"".join(bytes((blue, green, red, 0)) for red, green, blue in line) + bytes(pad) for line in lines)
    return struct.pack(">25I", *fields.values()) + b"a name\0\0" + bytes(24) + rows


COLOURS = [(1, 2, 3), (4, 5, 6), (7, 8, 9), (10, 11, 12), (13, 14, 15), (16, 17, 18)]


@pytest.mark.parametrize("pad", [0, 4])
def test_the_pixels_of_a_dump(pad: int) -> None:
    assert screen(dump(3, 2, COLOURS, pad=pad)) == Picture(width=3, height=2, pixels=bytes(range(1, 19)))


@pytest.mark.parametrize("data", [b"", b"short", dump(3, 2, COLOURS)[:-1], dump(3, 2, COLOURS, order=1), dump(3, 2, COLOURS, bits=16)])
def test_what_is_no_such_dump_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"header|kind|cut off"):
        screen(data)


@pytest.mark.parametrize(
    ("area", "pixels"),
    [
        (Area(x=1, y=0, width=2, height=1), bytes(range(4, 10))),
        (Area(x=-5, y=1, width=6, height=9), bytes(range(10, 13))),
        (Area(x=3, y=0, width=2, height=2), b""),
    ],
)
def test_a_part_is_what_lies_on_the_screen(area: Area, pixels: bytes) -> None:
    assert Picture(width=3, height=2, pixels=bytes(range(1, 19))).part(area).pixels == pixels


def test_a_png_holds_the_pixels() -> None:
    made = png(Picture(width=3, height=2, pixels=bytes(range(1, 19))))
    assert made[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">IIBB", made[16:26]) == (3, 2, 8, 2)
    length = struct.unpack(">I", made[33:37])[0]
    assert zlib.decompress(made[41 : 41 + length]) == b"\0" + bytes(range(1, 10)) + b"\0" + bytes(range(10, 19))
