"""Draw the icon: a sun half behind a moon, as a square PNG, with the standard library only."""

from __future__ import annotations

import math
import struct
import zlib
from pathlib import Path

SIZE = 256
NIGHT, SUN, MOON, CLEAR = (24, 32, 66, 255), (255, 196, 64, 255), (226, 232, 245, 255), (0, 0, 0, 0)
Colour = tuple[int, int, int, int]


def colour(x: float, y: float) -> Colour:
    """The colour at a point of the unit square."""
    if not _inside_rounded_square(x, y):
        return CLEAR
    if math.dist((x, y), (0.56, 0.58)) < 0.24 and math.dist((x, y), (0.68, 0.48)) > 0.24:
        return MOON
    angle, distance = math.atan2(y - 0.42, x - 0.42), math.dist((x, y), (0.42, 0.42))
    ray = distance < 0.33 and math.cos(12 * angle) > 0.35 + 2 * (distance - 0.2)
    return SUN if distance < 0.18 or ray else NIGHT


def _inside_rounded_square(x: float, y: float, radius: float = 0.18) -> bool:
    dx, dy = (max(abs(value - 0.5) - (0.5 - radius), 0) for value in (x, y))
    return math.hypot(dx, dy) <= radius


def pixel(column: int, line: int, samples: int = 4) -> bytes:
    """One pixel, the mean of its samples."""
    steps = [(index + 0.5) / samples for index in range(samples)]
    seen = [colour((column + a) / SIZE, (line + b) / SIZE) for a in steps for b in steps]
    return bytes(round(sum(values) / len(seen)) for values in zip(*seen, strict=True))


def chunk(kind: bytes, data: bytes) -> bytes:
    """One chunk of a PNG file."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def main() -> None:
    """Write almanac.png beside this script."""
    lines = b"".join(b"\0" + b"".join(pixel(column, line) for column in range(SIZE)) for line in range(SIZE))
    header = struct.pack(">IIBBBBB", SIZE, SIZE, 8, 6, 0, 0, 0)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines, 9)) + chunk(b"IEND", b"")
    Path(__file__).with_name("almanac.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)


if __name__ == "__main__":
    main()
