"""Where a program's signature lies, and what a file without it is."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest

from coldforge.filetypes import authenticode, pe, signed, spans


def program(size: int = 1003, *, checksum: int = 0, wide: bool = True) -> bytes:
    """The least that has the headers of one; everything else counts upwards."""
    data = bytearray(number % 251 for number in range(size))
    optional, directories = 0x80 + 24, 0x80 + 24 + (112 if wide else 96)
    data[:2] = b"MZ"
    data[0x3C:0x40] = struct.pack("<I", 0x80)
    data[0x80:0x84] = b"PE\0\0"
    data[optional : optional + 2] = struct.pack("<H", 0x20B if wide else 0x10B)
    data[optional + 64 : optional + 68] = struct.pack("<I", checksum)
    data[directories - 4 : directories] = struct.pack("<I", 16)
    data[directories + 32 : directories + 40] = bytes(8)
    return bytes(data)


def with_table(data: bytes, table: bytes, size: int | None = None) -> bytes:
    found = pe.layout(io.BytesIO(data))
    body = data + found.padding
    entry = struct.pack("<II", len(body), len(table) if size is None else size)
    return body[: found.entry] + entry + body[found.entry + 8 :] + table


def plain(data: bytes) -> bytes:
    stream = io.BytesIO(data)
    return b"".join(spans.pieces(stream, pe.plain(pe.layout(stream))))


@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize("size", [1000, 1003])
def test_what_is_put_in_comes_out(size: int, *, wide: bool, tmp_path: Path) -> None:
    data = program(size, checksum=7, wide=wide)
    (tmp_path / "plain").write_bytes(data)
    signed.put(tmp_path / "plain", "nsis", b"signature", tmp_path / "whole")
    whole = (tmp_path / "whole").read_bytes()
    stream = io.BytesIO(whole)
    found = pe.layout(stream)
    assert pe.signature(stream, found).rstrip(b"\0") == b"signature"
    assert plain(whole) == plain(data)
    assert plain(whole)[found.checksum : found.checksum + 4] == bytes(4)
    assert authenticode.digest(stream) == authenticode.digest(io.BytesIO(data))
    assert authenticode.digest(stream) != authenticode.digest(io.BytesIO(data[:-1] + b"?"))
    (tmp_path / "again").write_bytes(whole)
    with pytest.raises(ValueError, match="signed already"):
        signed.put(tmp_path / "again", "nsis", b"signature", tmp_path / "twice")


def test_the_checksum_is_that_of_windows() -> None:
    words = struct.pack("<4H", 0xFFFF, 0xFFFF, 3, 4)
    assert pe.checksum([words[:3], words[3:], b"\x05"], 9) == 12 + 9


TABLE = struct.pack("<IHH", 16, 0x200, 2) + b"8 bytes!"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"MZ", "buffer"),
        (program()[:100], "no program"),
        (program().replace(b"PE\0\0", b"NE\0\0"), "no program"),
        (with_table(program(), TABLE) + b"payload!", "not at its end"),
        (with_table(program(), TABLE, size=8), "not at its end"),
        (with_table(program(), TABLE + TABLE), "anything but one"),
        (with_table(program(), struct.pack("<IHH", 16, 0x200, 1) + b"8 bytes!"), "anything but one"),
        (with_table(program(), struct.pack("<IHH", 4, 0x200, 2) + b"8 bytes!"), "anything but one"),
        (with_table(program(), TABLE), "kind 0x30|cut off|damaged"),
    ],
)
def test_what_makes_no_sense_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(signed.damage(), match=why):
        signed.unsigned(io.BytesIO(data))
