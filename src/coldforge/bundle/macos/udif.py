"""UDIF, what a `.dmg` is: compressed pieces of a volume, then a table of them, then a trailer of 512 bytes.

The pieces are compressed side by side and written in their order, so that neither the memory nor the bytes depend on how many processors
there are. It is zlib (UDZO), which every macOS reads.
Nothing of it is documented by Apple: the structures are those that its tools write and others read.
"""

from __future__ import annotations

import hashlib
import os
import plistlib
import struct
import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO, Any, Final

from coldforge.filetypes.udif import END, MAGIC, RAW, RUN, SECTOR, TABLE, TRAILER, ZLIB, Run

LEVEL: Final = 6
_PIECE: Final = 512 * SECTOR
_BUFFER: Final = 520  # sectors that a reader needs at a time
_WHOLE: Final = 0xFFFFFFFE  # the volume is all there is: no partitions
_NAME: Final = "whole disk (Apple_HFS : 0)"
_CRC: Final = 2
_FLATTENED, _PARTITION = 1, 2


def tool() -> str:
    """Another zlib may write other bytes."""
    return f"zlib {zlib.ZLIB_RUNTIME_VERSION} level {LEVEL}"


def write(volume: Iterable[bytes], out: IO[bytes], resources: Mapping[str, list[dict[str, Any]]] | None = None) -> None:
    """Write a volume that comes in pieces, with further `resources` (such as a licence) beside the table."""
    runs: list[Run] = []
    crc = whole = sector = offset = 0
    for plain, (kind, data) in _compressed(_pieces(volume)):
        crc, whole = zlib.crc32(plain, crc), zlib.crc32(data, whole)
        out.write(data)
        runs.append(Run(kind, sector, len(plain) // SECTOR, offset, len(data)))
        sector, offset = sector + len(plain) // SECTOR, offset + len(data)
    runs.append(Run(END, sector, 0, offset, 0))
    forks = {"blkx": [entry(0, _NAME, _table(runs, sector, crc), attributes="0x0050")], **(resources or {})}
    xml = plistlib.dumps({"resource-fork": forks}, sort_keys=True)
    out.write(xml)
    out.write(_trailer(xml, offset, sector, (crc, whole)))


def entry(number: int, name: str, data: bytes, *, attributes: str = "0x0000") -> dict[str, Any]:
    """A resource, as the table has it."""
    named = {"CFName": name} if attributes != "0x0000" else {}
    return {"Attributes": attributes, "Data": data, "ID": str(number), "Name": name, **named}


def _pieces(stream: Iterable[bytes]) -> Iterator[bytes]:
    """The stream in pieces of one size, the last one filled up to a sector."""
    buffer = bytearray()
    for data in stream:
        buffer += data
        while len(buffer) >= _PIECE:
            yield bytes(buffer[:_PIECE])
            del buffer[:_PIECE]
    if buffer:
        yield bytes(buffer) + bytes(-len(buffer) % SECTOR)


def _compressed(pieces: Iterable[bytes]) -> Iterator[tuple[bytes, tuple[int, bytes]]]:
    """Each piece, and how it is kept."""
    workers = os.cpu_count() or 1
    waiting: deque[tuple[bytes, Future[tuple[int, bytes]]]] = deque()
    with ThreadPoolExecutor(max_workers=workers) as pool:
        for piece in pieces:
            waiting.append((piece, pool.submit(_deflated, piece)))
            while len(waiting) > 4 * workers:
                plain, future = waiting.popleft()
                yield plain, future.result()
        for plain, future in waiting:
            yield plain, future.result()


def _deflated(piece: bytes) -> tuple[int, bytes]:
    data = zlib.compress(piece, LEVEL)
    return (ZLIB, data) if len(data) < len(piece) else (RAW, piece)


def _checksum(value: int) -> bytes:
    return struct.pack(">III124x", _CRC, 32, value)


def _table(runs: list[Run], sectors: int, crc: int) -> bytes:
    head = struct.pack(">4sIQQQII24x", TABLE, 1, 0, sectors, 0, _BUFFER, _WHOLE) + _checksum(crc) + struct.pack(">I", len(runs))
    return head + b"".join(RUN.pack(run.kind, 0, *run[1:]) for run in runs)


def _trailer(xml: bytes, length: int, sectors: int, checksums: tuple[int, int]) -> bytes:
    """Where everything is. The number that tells this image from others is made of the table, which has the checksums."""
    crc, whole = checksums
    head = struct.pack(">4sIII5QII", MAGIC, 4, TRAILER, _FLATTENED, 0, 0, length, 0, 0, 1, 1) + hashlib.sha256(xml).digest()[:16]
    head += _checksum(whole) + struct.pack(">QQ120x", length, len(xml)) + _checksum(zlib.crc32(struct.pack(">I", crc)))
    return head + struct.pack(">IQ12x", _PARTITION, sectors)
