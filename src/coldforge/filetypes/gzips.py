"""gzip: a stream that all processors write, whose bytes do not depend on how many there are; and where streams end that others wrote.

Blocks of one size are compressed side by side, each with the end of the one before as its dictionary, and joined to a single member
(RFC 1952), as pigz does. The faster deflate libraries choose their bytes by what the processor can do, so it is zlib.
"""

from __future__ import annotations

import io
import struct
import zlib
from functools import partial
from typing import IO, BinaryIO, Final, NamedTuple

from coldforge.filetypes.blocks import KEPT, BlockWriter, Task, key

# On a frozen tree of 50 MB, 9 takes eight times as long as 4 for two per cent, 6 twice as long for 1.6.
LEVEL: Final = 4
BLOCK: Final = 1 << 20
STORED: Final = 0
_WINDOW: Final = 1 << 15
BEST: Final = 9
# No name, no time, and an unknown system: nothing of the machine. The last byte but one says that no level is smaller.
_HEAD: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00%c\xff"
HEAD: Final = 1 << 14  # bytes of a stream's content that are kept: a tar with a few signatures is smaller
_PIECE: Final = 1 << 16
_LARGEST: Final = 16 << 30  # bytes that one stream unpacks to


class GzipWriter(BlockWriter):
    """Writes one member; see `BlockWriter`."""

    def __init__(self, raw: IO[bytes], level: int = LEVEL) -> None:
        super().__init__(raw, block=BLOCK, alone=KEPT)
        self._level, self._window = level, b""
        self._crc = self._size = 0
        raw.write(_HEAD % (2 if level == BEST else 0))

    def cut(self) -> None:
        super().cut()
        self._window = b""

    def task(self, block: bytes, *, last: bool) -> Task:
        self._crc, self._size = zlib.crc32(block, self._crc), self._size + len(block)
        window, self._window = self._window, block[-_WINDOW:]
        flush = zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH
        kept = len(block) >= KEPT and self._level != STORED
        name = key(f"{zlib.ZLIB_RUNTIME_VERSION} {self._level} {flush}", window, block) if kept else ""
        return name, partial(_deflated, block, window, self._level, flush)

    def end(self) -> bytes:
        return struct.pack("<LL", self._crc, self._size & 0xFFFFFFFF)


def _deflated(block: bytes, window: bytes, level: int, flush: int) -> bytes:
    deflate = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS, zdict=window)
    return deflate.compress(block) + deflate.flush(flush)


def small(data: bytes, level: int = LEVEL) -> bytes:
    """Bytes, gzipped: `gzip -9n` writes the same at the best level, but for the word about the system."""
    buffer = io.BytesIO()
    with GzipWriter(buffer, level) as stream:
        stream.write(data)
    return buffer.getvalue()


class Stream(NamedTuple):
    """A stream of gzip: where it ends in the file, the first bytes of what is in it, and how many there are."""

    end: int
    head: bytes
    size: int


def stream_at(stream: BinaryIO, start: int) -> Stream:
    """The gzip stream that begins at `start`.

    Raises EOFError when it has no end, zlib.error when it is damaged, ValueError when it unpacks to more than anybody needs.
    """
    stream.seek(start)
    inflate, head, left, amount = zlib.decompressobj(wbits=31), b"", b"", 0
    while not inflate.eof:
        left = left or stream.read(_PIECE)
        if not left:
            raise EOFError("it is cut off")
        data = inflate.decompress(left, _PIECE)
        left = inflate.unconsumed_tail
        head, amount = (head + data)[:HEAD], amount + len(data)
        if amount > _LARGEST:
            raise ValueError("it unpacks to more than is looked at")
    return Stream(stream.tell() - len(inflate.unused_data), head, amount)
