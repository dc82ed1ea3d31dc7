"""Bytes that are looked at without being copied or believed: files as views, and unpacked streams within a budget."""

from __future__ import annotations

import io
import mmap
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

CHUNK: Final = 1 << 20
IN_MEMORY: Final = 1 << 24  # what unpacks to more goes through a temporary file
UNPACKED: Final = 8 << 30  # bytes that the comparison of one artifact may unpack


class Budget:
    """How many more bytes may be unpacked."""

    def __init__(self, left: int = UNPACKED) -> None:
        self._left = left

    def take(self, amount: int) -> None:
        """Raises ValueError when it is used up."""
        self._left -= amount
        if self._left < 0:
            raise ValueError("it unpacks to more than is looked at")


def view_of(path: Path) -> memoryview:
    """A file's bytes, read when they are looked at."""
    if not path.stat().st_size:
        return memoryview(b"")
    with path.open("rb") as stream:
        return memoryview(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))


def saved(view: memoryview, path: Path) -> Path:
    """A view as a file of its own, for tools that read files; its path."""
    with path.open("wb") as stream:
        stream.writelines(view[at : at + CHUNK] for at in range(0, len(view), CHUNK))
    return path


def kept(path: Path, budget: Budget) -> memoryview:
    """What a tool unpacked into a file, within the budget; it stays readable when the file has no name any more."""
    budget.take(path.stat().st_size)
    return view_of(path)


def unpacked(chunks: Iterable[bytes], budget: Budget) -> memoryview:
    """The bytes of a stream; a large one is kept in a temporary file that nobody else sees."""
    with tempfile.SpooledTemporaryFile(IN_MEMORY) as spool:
        for chunk in chunks:
            budget.take(len(chunk))
            spool.write(chunk)
        size = spool.tell()
        spool.seek(0)
        if size <= IN_MEMORY:
            return memoryview(spool.read())
        return memoryview(mmap.mmap(spool.fileno(), 0, access=mmap.ACCESS_READ))


def chunks_of(stream: Any) -> Iterable[bytes]:
    """What a readable gives, piece by piece."""
    while data := stream.read(CHUNK):
        yield data


def part(view: memoryview, start: int, size: int) -> memoryview:
    """Some bytes of a view."""
    return view[start : start + size]


class Stream(io.RawIOBase):
    """A view as a file, for libraries that read files."""

    def __init__(self, view: memoryview) -> None:
        self._view, self._position = view, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._view[self._position : self._position + len(buffer)]
        buffer[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: len(self._view)}[whence]
        if base + offset < 0:
            raise ValueError("a place before the start")
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        return self._position


def file_of(view: memoryview) -> io.BufferedReader:
    """A view as a buffered file."""
    return io.BufferedReader(Stream(view))


def first_offset(left: memoryview, right: memoryview) -> int | None:
    """Where two views differ first (the end of the shorter one counts); None when they are the same."""
    for start in range(0, max(len(left), len(right)), CHUNK):
        one, other = bytes(left[start : start + CHUNK]), bytes(right[start : start + CHUNK])
        if one != other:
            pairs = enumerate(zip(one, other, strict=False))
            return start + next((place for place, (x, y) in pairs if x != y), min(len(one), len(other)))
    return None
