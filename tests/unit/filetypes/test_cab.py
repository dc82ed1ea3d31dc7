"""Cabinets are read as [MS-CAB] has them, and are not believed."""

from __future__ import annotations

import io
import struct
import zlib

import pytest

from coldforge.filetypes.cab import File, Unknown, unpack
from coldforge.filetypes.spans import Span

TEXT = b"one and the same line, again and again\n" * 2000


def cabinet(files: dict[str, bytes], *, kind: int = 1, flags: int = 0, extra: int = 0) -> bytes:
    """A cabinet of one folder; `extra` bytes are claimed of the last file that are not there."""
    data, blocks, window = b"".join(files.values()), [], b""
    for at in range(0, len(data), 1 << 15):
        plain = data[at : at + (1 << 15)]
        packer = zlib.compressobj(9, zlib.DEFLATED, -15, zdict=window) if window else zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = b"CK" + packer.compress(plain) + packer.flush() if kind == 1 else plain
        blocks.append(struct.pack("<IHH", 0, len(packed), len(plain)) + packed)
        window = plain
    listing, offset = b"", 0
    for name, content in files.items():
        claimed = len(content) + (extra if name == list(files)[-1] else 0)
        listing += struct.pack("<IIHHHH", claimed, offset, 0, 46 << 9 | 11 << 5 | 29, 9 << 11 | 56 << 5 | 3, 32) + name.encode() + b"\0"
        offset += len(content)
    begin = 36 + 8
    head = struct.pack("<4sIIIIIBBHHHHH", b"MSCF", 0, 0, 0, begin, 0, 3, 1, 1, len(files), flags, 0, 0)
    return (
        head[:8]
        + struct.pack("<I", begin + len(listing))
        + head[12:]
        + struct.pack("<IHH", begin + len(listing), len(blocks), kind)
        + listing
        + b"".join(blocks)
    )


@pytest.mark.parametrize("kind", [0, 1])
def test_files_are_what_they_are(kind: int) -> None:
    """Several blocks, each of which goes back to the one before it."""
    out = io.BytesIO()
    found = unpack(io.BytesIO(cabinet({"a": b"first", "größe b": TEXT}, kind=kind)), out, 1 << 20)
    size = len(TEXT)
    assert found == [
        File(name="a", time="2026-11-29 09:56:06", attributes=32, span=Span(0, 5)),
        File(name="größe b", time="2026-11-29 09:56:06", attributes=32, span=Span(5, 5 + size)),
    ]
    assert out.getvalue() == b"first" + TEXT


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        (cabinet({"a": b"x"}, kind=3), Unknown, "LZX"),
        (cabinet({"a": b"x"}, flags=2), Unknown, "goes on in others"),
        (cabinet({"a": b"x"}, extra=1), EOFError, "cut off"),
        (cabinet({"a": b"x"})[:-1], EOFError, "cut off"),
        (cabinet({"a": b"x"})[:20], EOFError, "cut off"),
        (cabinet({"a": TEXT * 20}), ValueError, "more than is looked at"),
        (cabinet({"a": b"x"}).replace(b"CK", b"KC"), ValueError, "a block of its cabinet is damaged"),
        (b"MSCX" + cabinet({"a": b"x"})[4:], ValueError, "no cabinet"),
    ],
)
def test_a_cabinet_that_lies_is_refused(data: bytes, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        unpack(io.BytesIO(data), io.BytesIO(), 1 << 20)
