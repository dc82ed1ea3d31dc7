"""gzip: a stream that all processors write, whose bytes do not depend on how many there are; and where streams end that others wrote.

Blocks of one size are compressed side by side, each with the end of the one before as its dictionary, and joined to a single member
(RFC 1952), as pigz does. The faster deflate libraries choose their bytes by what the processor can do, so it is zlib. A block that is
not small is kept by the digest of all that decides its bytes: most of a tree stays as it is from build to build, and blocks that begin
where a file does (`cut`) are the same in every stream that the file is in. Streams that are written side by side share them.
"""

from __future__ import annotations

import hashlib
import io
import os
import struct
import threading
import zlib
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO, TYPE_CHECKING, BinaryIO, Final, NamedTuple

from coldforge.host import cache

if TYPE_CHECKING:
    from typing_extensions import Buffer

# On a frozen tree of 50 MB, 9 takes eight times as long as 4 for two per cent, 6 twice as long for 1.6.
LEVEL: Final = 4
BLOCK: Final = 1 << 20
KEPT: Final = 1 << 16  # bytes of a block that is worth keeping
STORED: Final = 0
_WINDOW: Final = 1 << 15
BEST: Final = 9
# No name, no time, and an unknown system: nothing of the machine. The last byte but one says that no level is smaller.
_HEAD: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00%c\xff"
HEAD: Final = 1 << 14  # bytes of a stream's content that are kept: a tar with a few signatures is smaller
_PIECE: Final = 1 << 16
_LARGEST: Final = 16 << 30  # bytes that one stream unpacks to


class GzipWriter(io.RawIOBase):
    """Compresses what is written to it into `raw`, which stays open; memory is bounded by a few blocks a processor."""

    def __init__(self, raw: IO[bytes], level: int = LEVEL) -> None:
        self._raw, self._level = raw, level
        self._workers = os.cpu_count() or 1
        self._pool = ThreadPoolExecutor(max_workers=self._workers)  # zlib lets go of the interpreter's lock
        self._waiting: deque[Future[bytes]] = deque()
        self._buffer, self._window = bytearray(), b""
        self._crc = self._size = 0
        raw.write(_HEAD % (2 if level == BEST else 0))

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, data: Buffer, /) -> int:
        """Take more of the content."""
        taken = len(self._buffer)
        self._buffer += data
        taken = len(self._buffer) - taken
        while len(self._buffer) >= BLOCK:
            self._start(bytes(self._buffer[:BLOCK]), zlib.Z_SYNC_FLUSH)
            del self._buffer[:BLOCK]
        return taken

    def cut(self) -> None:
        """End the block: what comes next leans on nothing before it."""
        if self._buffer:
            self._start(bytes(self._buffer), zlib.Z_SYNC_FLUSH)
            self._buffer.clear()
        self._window = b""

    def close(self) -> None:
        """Write what is left, and the end of the member."""
        if self.closed:
            return
        try:
            self._start(bytes(self._buffer), zlib.Z_FINISH)
            while self._waiting:
                self._raw.write(self._waiting.popleft().result())
            self._raw.write(struct.pack("<LL", self._crc, self._size & 0xFFFFFFFF))
        finally:
            self._pool.shutdown(cancel_futures=True)
            super().close()

    def _start(self, block: bytes, flush: int) -> None:
        self._crc, self._size = zlib.crc32(block, self._crc), self._size + len(block)
        self._waiting.append(self._pool.submit(_deflated, block, self._window, self._level, flush))
        self._window = block[-_WINDOW:]
        while len(self._waiting) > 2 * self._workers:
            self._raw.write(self._waiting.popleft().result())


def _deflated(block: bytes, window: bytes, level: int, flush: int) -> bytes:
    def make() -> bytes:
        deflate = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS, zdict=window)
        return deflate.compress(block) + deflate.flush(flush)

    if len(block) < KEPT or level == STORED:
        return make()
    key = hashlib.sha256(f"{zlib.ZLIB_RUNTIME_VERSION} {level} {flush} {len(window)} ".encode())
    key.update(window)
    key.update(block)
    return _once(key.hexdigest(), make)


_LOCK: Final = threading.Lock()
_RUNNING: Final[dict[str, Future[bytes]]] = {}


def _once(key: str, make: Callable[[], bytes]) -> bytes:
    """A block that is kept, or that another stream is just making, or a new one."""
    with _LOCK:
        running = _RUNNING.get(key)
        mine = Future[bytes]()
        if running is None:
            _RUNNING[key] = mine
    if running is not None:
        return running.result()
    try:
        mine.set_result(cache.recalled("block", key, make))
    except BaseException as error:
        mine.set_exception(error)
        raise
    finally:
        with _LOCK:
            del _RUNNING[key]
    return mine.result()


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
