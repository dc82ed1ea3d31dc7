"""Disk images for macOS (UDIF, `.dmg`) as the volume in them. Nothing in one is believed: it is checked against what is there.

The structures are those that Apple's tools write; see also bundle.udif, which writes them.
"""

from __future__ import annotations

import bz2
import lzma
import plistlib
import struct
import zlib
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, BinaryIO, Final, NamedTuple
from xml.parsers.expat import ExpatError

MAGIC: Final = b"koly"
TABLE: Final = b"mish"  # what a table of pieces begins with
TRAILER: Final = 512
SECTOR: Final = 512
_TABLE: Final = 64 << 20  # bytes of a table that are read
_LARGEST: Final = 64 << 20  # bytes of one piece
RUN: Final = struct.Struct(">IIQQQQ")
_HEAD: Final = 204
_SIGNATURE: Final = 304  # where the trailer has its size
ZERO, RAW, IGNORED, COMMENT, END = 0, 1, 2, 0x7FFFFFFE, 0xFFFFFFFF
ZLIB, _BZIP2, _LZMA = 0x80000005, 0x80000006, 0x80000008
_WORDS: Final = {ZLIB: "zlib", _BZIP2: "bzip2", _LZMA: "lzma", 0x80000004: "adc", 0x80000007: "lzfse"}
_CHUNK: Final = 1 << 20


class Unknown(ValueError):
    """It is an image, but of a kind that is not read."""


class Run(NamedTuple):
    """One piece: how it is kept, where it lies in the volume (sectors) and in the file (bytes)."""

    kind: int
    sector: int
    sectors: int
    offset: int
    length: int


class Image(NamedTuple):
    """What an image says of itself: the pieces of its volume, their checksum (None without one), what else is beside them, and the size
    of its signature (0 without one)."""

    runs: tuple[Run, ...]
    checksum: int | None
    resources: dict[str, Any]
    signature: int = 0

    @property
    def compression(self) -> str:
        """How the pieces are compressed."""
        return ", ".join(sorted({_WORDS.get(run.kind, "none") for run in self.runs if run.kind not in (ZERO, IGNORED)})) or "none"


def is_image(stream: BinaryIO) -> bool:
    """Whether a file ends as an image does. Signed ones do too: a signature is before the trailer."""
    end = stream.seek(0, 2)
    stream.seek(max(0, end - TRAILER))
    return stream.read(4) == MAGIC and end > TRAILER


def read(stream: BinaryIO) -> Image:
    """What an image says of itself. Raises ValueError, struct.error or EOFError for one that is damaged, or has no volume of HFS Plus."""
    end = stream.seek(-TRAILER, 2)
    trailer = stream.read(TRAILER)
    start, length = struct.unpack_from(">QQ", trailer, 216)
    base = struct.unpack_from(">Q", trailer, 24)[0]
    if not trailer.startswith(MAGIC) or length > _TABLE or start + length > end:
        raise ValueError("its trailer is damaged")
    stream.seek(start)
    try:
        resources = plistlib.loads(stream.read(length), fmt=plistlib.FMT_XML)["resource-fork"]
        tables = [(str(entry["Name"]), bytes(entry["Data"])) for entry in resources["blkx"]]
    except (LookupError, TypeError, AttributeError, ExpatError) as error:
        raise ValueError("its table is damaged") from error
    fitting = [data for name, data in tables if "Apple_HFS" in name] or [data for _, data in tables if len(tables) == 1]
    if not fitting:
        raise Unknown("it has no volume of HFS Plus")
    return _image(fitting[0], base, end, resources)._replace(signature=struct.unpack_from(">Q", trailer, _SIGNATURE)[0])


def _image(table: bytes, base: int, end: int, resources: dict[str, Any]) -> Image:
    magic, base_table = table[:4], struct.unpack_from(">Q", table, 24)[0]
    count = struct.unpack_from(">I", table, _HEAD - 4)[0]
    if magic != TABLE or _HEAD + count * RUN.size > len(table):
        raise ValueError("its table is damaged")
    found = [
        Run(kind, sector, sectors, base + base_table + at, length)
        for kind, _, sector, sectors, at, length in RUN.iter_unpack(table[_HEAD : _HEAD + count * RUN.size])
    ]
    runs = [run for run in found if run.kind not in (COMMENT, END)]
    if any(one.sector + one.sectors != other.sector for one, other in pairwise(runs)) or (runs and runs[0].sector):
        raise ValueError("its pieces are not in order")
    if any(run.offset + run.length > end or run.sectors * SECTOR > _LARGEST for run in runs if run.kind not in (ZERO, IGNORED)):
        raise ValueError("a piece of it is cut off, or too large")
    kind, bits, checksum = struct.unpack_from(">III", table, 64)
    ignored = any(run.kind == IGNORED for run in runs)
    return Image(tuple(runs), checksum if (kind, bits) == (2, 32) and not ignored else None, resources)


def volume(stream: BinaryIO, image: Image) -> Iterator[bytes]:
    """The bytes of the volume. Raises ValueError, EOFError, zlib.error, OSError or lzma.LZMAError when they are not what is announced."""
    crc = 0
    for run in image.runs:
        for data in _pieces(stream, run):
            crc = zlib.crc32(data, crc)
            yield data
    if image.checksum is not None and crc != image.checksum:
        raise ValueError("its checksum is another one")


def _pieces(stream: BinaryIO, run: Run) -> Iterator[bytes]:
    size = run.sectors * SECTOR
    if run.kind in (ZERO, IGNORED):
        while size:
            yield bytes(min(size, _CHUNK))
            size -= min(size, _CHUNK)
        return
    stream.seek(run.offset)
    data = stream.read(run.length)
    if run.kind == RAW:
        plain = data
    elif run.kind == ZLIB:
        plain = zlib.decompressobj().decompress(data, size + 1)
    elif run.kind == _BZIP2:
        plain = bz2.BZ2Decompressor().decompress(data, size + 1)
    elif run.kind == _LZMA:
        plain = lzma.LZMADecompressor().decompress(data, size + 1)
    else:
        raise Unknown(f"it is compressed by {_WORDS.get(run.kind, hex(run.kind))}, which is not read")
    if len(plain) != size:
        raise EOFError("a piece of it is cut off")
    yield plain
