"""What is on a screenshot."""

from __future__ import annotations

import struct
import zlib
from collections import Counter


def pixels(data: bytes) -> Counter[tuple[int, ...]]:
    """How often each colour is in a PNG of eight bits a colour without filters."""
    width, height = struct.unpack(">II", data[16:24])
    raw = zlib.decompress(data[41 : 41 + struct.unpack(">I", data[33:37])[0]])
    rows = [raw[y * (3 * width + 1) + 1 : (y + 1) * (3 * width + 1)] for y in range(height)]
    return Counter(tuple(row[x : x + 3]) for row in rows for x in range(0, 3 * width, 3))
