"""Cabinets, read without trust: the files of one go, one after the other, into another file.

Source: [MS-CAB] with [MS-MCI] for MSZIP, https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-cab
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from coldforge.filetypes.spans import Span

MAGIC: Final = b"MSCF"
_HEADER: Final = struct.Struct("<4s4xI4xI4xBBHHH4x")  # size of all, where the files are listed, version, folders, files, flags
_FOLDER: Final = struct.Struct("<IHH")
_FILE: Final = struct.Struct("<IIHHHH")
_DATA: Final = struct.Struct("<4xHH")
_RESERVE: Final = struct.Struct("<HBB")
_SPLIT, _RESERVED = 3, 4  # flags: goes on in other cabinets, has room for others' use
_NAME: Final = 256
_WINDOW: Final = 1 << 15
_STORED, _MSZIP = 0, 1


class Unknown(ValueError):
    """A cabinet of a kind that is not read here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file of a cabinet: `time` as DOS has it (local, two seconds), `span` where its bytes lie in what was written."""

    name: str
    time: str
    attributes: int
    span: Span


def unpack(cabinet: BinaryIO, out: BinaryIO, limit: int) -> list[File]:
    """Write what is in a cabinet to `out`, and say what lies where in it, in the cabinet's order.

    Raises Unknown for compressions other than MSZIP and for cabinets in parts; ValueError, EOFError, struct.error or zlib.error
    when it is damaged or unpacks to more than `limit` bytes.
    """
    cabinet.seek(0)
    magic, _, listed, _, major, folders, count, flags = _HEADER.unpack(_exactly(cabinet, _HEADER.size))
    if magic != MAGIC or major != 1:
        raise ValueError("it is no cabinet")
    if flags & _SPLIT:
        raise Unknown("its cabinet goes on in others")
    room, each, per_block = _RESERVE.unpack(_exactly(cabinet, _RESERVE.size)) if flags & _RESERVED else (0, 0, 0)
    cabinet.seek(room, 1)
    heads = [_FOLDER.unpack(_exactly(cabinet, _FOLDER.size + each)[: _FOLDER.size]) for _ in range(folders)]
    places: list[Span] = []
    for start, blocks, kind in heads:
        begin = out.tell()
        cabinet.seek(start)
        for piece in _pieces(cabinet, blocks, kind & 15, per_block):
            limit -= len(piece)
            if limit < 0:
                raise ValueError("it unpacks to more than is looked at")
            out.write(piece)
        places.append(Span(begin, out.tell()))
    cabinet.seek(listed)
    return [_file(cabinet, places) for _ in range(count)]


def _pieces(cabinet: BinaryIO, blocks: int, kind: int, room: int) -> Iterator[bytes]:
    if kind not in (_STORED, _MSZIP):
        raise Unknown("its cabinet is compressed in a way that is not known here (LZX or Quantum)")
    window = b""
    for _ in range(blocks):
        size, unpacked = _DATA.unpack(_exactly(cabinet, _DATA.size + room)[: _DATA.size])
        data = _exactly(cabinet, size)
        if kind == _MSZIP:
            if data[:2] != b"CK":
                raise ValueError("a block of its cabinet is damaged")
            # each block is a stream of its own that may go back to what the one before it unpacked to
            data = zlib.decompressobj(-15, zdict=window).decompress(data[2:], _WINDOW)
            window = data[-_WINDOW:]
        if len(data) != unpacked:
            raise ValueError("a block of its cabinet is damaged")
        yield data


def _file(cabinet: BinaryIO, folders: list[Span]) -> File:
    size, offset, folder, day, time, attributes = _FILE.unpack(_exactly(cabinet, _FILE.size))
    place = cabinet.tell()
    name, end, _ = cabinet.read(_NAME).partition(b"\0")
    if not end or folder >= len(folders):
        raise ValueError("an entry of its cabinet is damaged")
    cabinet.seek(place + len(name) + 1)
    start = folders[folder].start + offset
    if start + size > folders[folder].end:
        raise EOFError("its cabinet is cut off")
    shown = f"{1980 + (day >> 9)}-{day >> 5 & 15:02}-{day & 31:02} {time >> 11:02}:{time >> 5 & 63:02}:{(time & 31) * 2:02}"
    return File(name=name.decode(errors="backslashreplace"), time=shown, attributes=attributes, span=Span(start, start + size))


def _exactly(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError("its cabinet is cut off")
    return data
