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
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import lru_cache
from typing import IO, TYPE_CHECKING, Final

from coldforge.host import cache

if TYPE_CHECKING:
    from typing_extensions import Buffer

KEPT: Final = 1 << 16  # bytes of a block that is worth keeping
_MOST: Final = 4  # threads: what zstd needs for a block, and what waits, are some 40 MB for each
_WAITING: Final = 1 << 24  # bytes of blocks that wait for a processor in one stream

Task = tuple[str, Callable[[], bytes]]
"""What compresses a block in any thread, and the key under which its bytes are kept: none where that is not worth it."""


class BlockWriter(io.RawIOBase):
    """Compresses what is written to it into `raw`, which stays open; memory is bounded by a few blocks a processor.

    `block` is how many bytes one has; a file of `alone` bytes or more is worth blocks of its own.
    """

    def __init__(self, raw: IO[bytes], *, block: int, alone: int) -> None:
        self.alone = alone
        self._raw, self._block = raw, block
        self._workers = min(os.cpu_count() or 1, _MOST)
        self._most = min(2 * self._workers, _WAITING // block)
        self._waiting: deque[Future[bytes]] = deque()
        self._buffer = bytearray()

    def task(self, block: bytes, *, last: bool) -> Task:
        """It is asked for in the order of the blocks. The last one may be empty."""
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
            self._start(bytes(memoryview(self._buffer)[: self._block]))
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
            wait(self._waiting)
            super().close()

    def _start(self, block: bytes, *, last: bool = False) -> None:
        self._waiting.append(_started(_pool(self._workers), *self.task(block, last=last)))
        while len(self._waiting) > self._most:
            self._raw.write(self._waiting.popleft().result())


def key(how: str, *parts: bytes) -> str:
    """The digest of all that decides a block's bytes."""
    digest = hashlib.sha256(f"{how} {[len(part) for part in parts]} ".encode())
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


@lru_cache
def _pool(workers: int) -> ThreadPoolExecutor:
    """The threads of all streams; the libraries let go of the interpreter's lock."""
    return ThreadPoolExecutor(max_workers=workers, thread_name_prefix="blocks")


_LOCK: Final = threading.Lock()
_RUNNING: Final[dict[str, Future[bytes]]] = {}


def _started(pool: ThreadPoolExecutor, key: str, make: Callable[[], bytes]) -> Future[bytes]:
    """A compressed block that is kept, or that another stream has asked for, or a new one."""
    if not key:
        return pool.submit(make)

    def recalled() -> bytes:
        try:
            return cache.recalled("block", key, make)
        finally:
            with _LOCK:
                del _RUNNING[key]

    with _LOCK:
        if key not in _RUNNING:
            _RUNNING[key] = pool.submit(recalled)
        return _RUNNING[key]
