"""Streams that are compressed in blocks, side by side: their bytes do not depend on how many processors there are.

A block that is not small is kept by the digest of all that decides its bytes: most of a tree stays as it is from build to build, and
blocks that begin where a file does (`cut`) are the same in every stream that the file is in. Streams that are written side by side
share them.
"""

from __future__ import annotations

import hashlib
import io
import os
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO, TYPE_CHECKING, Final

from coldforge.host import cache

if TYPE_CHECKING:
    from typing_extensions import Buffer

KEPT: Final = 1 << 16  # bytes of a block that is worth keeping
_WAITING: Final = 1 << 26  # bytes of blocks that wait for a processor


class BlockWriter(io.RawIOBase):
    """Compresses what is written to it into `raw`, which stays open; memory is bounded by a few blocks a processor.

    `block` is how many bytes one has; a file of `alone` bytes or more is worth blocks of its own.
    """

    def __init__(self, raw: IO[bytes], *, block: int, alone: int) -> None:
        self.alone = alone
        self._raw, self._block = raw, block
        self._workers = os.cpu_count() or 1
        self._most = max(1, min(2 * self._workers, _WAITING // block))
        self._pool = ThreadPoolExecutor(max_workers=self._workers)  # the libraries let go of the interpreter's lock
        self._waiting: deque[Future[bytes]] = deque()
        self._buffer = bytearray()

    def task(self, block: bytes, *, last: bool) -> Callable[[], bytes]:
        """What compresses a block in any thread; it is asked for in the order of the blocks. The last one may be empty."""
        raise NotImplementedError

    def end(self) -> bytes:
        """What comes after all blocks."""
        raise NotImplementedError

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, data: Buffer, /) -> int:
        """Take more of the content."""
        taken = len(self._buffer)
        self._buffer += data
        taken = len(self._buffer) - taken
        while len(self._buffer) >= self._block:
            self._start(bytes(self._buffer[: self._block]))
            del self._buffer[: self._block]
        return taken

    def cut(self) -> None:
        """End the block: what comes next leans on nothing before it."""
        if self._buffer:
            self._start(bytes(self._buffer))
            self._buffer.clear()

    def close(self) -> None:
        """Write what is left, and the stream's end."""
        if self.closed:
            return
        try:
            self._start(bytes(self._buffer), last=True)
            while self._waiting:
                self._raw.write(self._waiting.popleft().result())
            self._raw.write(self.end())
        finally:
            self._pool.shutdown(cancel_futures=True)
            super().close()

    def _start(self, block: bytes, *, last: bool = False) -> None:
        self._waiting.append(self._pool.submit(self.task(block, last=last)))
        while len(self._waiting) > self._most:
            self._raw.write(self._waiting.popleft().result())


_LOCK: Final = threading.Lock()
_RUNNING: Final[dict[str, Future[bytes]]] = {}


def once(how: str, *parts: bytes, make: Callable[[], bytes]) -> bytes:
    """A compressed block that is kept, or that another stream is just making, or a new one; `how` and the parts decide its bytes."""
    digest = hashlib.sha256(f"{how} {[len(part) for part in parts]} ".encode())
    for part in parts:
        digest.update(part)
    key = digest.hexdigest()
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
