"""The container that an msi is: streams in storages, laid out in sectors like a small file system. Nothing in it is believed.

Source: [MS-CFB], https://learn.microsoft.com/openspecs/windows_protocols/ms-cfb
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from coldforge.filetypes.spans import Span

MAGIC: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_NONE: Final = 0xFFFFFFFA  # and above: no sector
_ENTRY: Final = 128
_ENTRIES: Final = 1 << 16
_SMALL: Final = 4096  # bytes; smaller streams lie in sectors of 64
_NO: Final = 0xFFFFFFFF
STORAGE: Final = 1
STREAM: Final = 2
ROOT: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A stream, a storage, or the root. `name` is UTF-16 with its zero, `path` the names of the storages it lies in and its own."""

    path: tuple[bytes, ...]
    kind: int
    identity: bytes
    spans: tuple[Span, ...] = ()
    size: int = 0


class _File:
    """What the header says, and the chains of sectors."""

    def __init__(self, stream: BinaryIO) -> None:
        self.end = stream.seek(0, 2)
        stream.seek(0)
        head = stream.read(512)
        if not head.startswith(MAGIC) or len(head) < 512:
            raise ValueError("it is no OLE container")
        shift, small_shift = struct.unpack_from("<HH", head, 30)
        if (shift, small_shift) not in ((9, 6), (12, 6)):
            raise ValueError("its sectors are of no known size")
        self.sector, self.stream = 1 << shift, stream
        self.first, _, cutoff, small, _, more, _ = struct.unpack_from("<IIIIIII", head, 48)
        if cutoff != _SMALL:
            raise ValueError("its small streams are of no known size")
        tables = list(struct.unpack_from("<109I", head, 76))
        while more < _NONE:
            numbers = self._numbers(more)
            tables += numbers[:-1]
            more = numbers[-1]
            if len(tables) > self.end // self.sector:
                raise ValueError("its tables go around in circles")
        self.next = [number for table in tables if table < _NONE for number in self._numbers(table)]
        self.small = [number for sector in self.chain(small) for number in self._numbers(sector)]

    def _numbers(self, sector: int) -> list[int]:
        return list(struct.unpack(f"<{self.sector // 4}I", self._read(sector)))

    def _read(self, sector: int) -> bytes:
        self.stream.seek((sector + 1) * self.sector)
        return self.stream.read(self.sector)

    def chain(self, start: int, *, small: bool = False) -> list[int]:
        """The sectors of a stream. Raises ValueError when they go around in circles, IndexError when they lead away."""
        table = self.small if small else self.next
        found: list[int] = []
        while start < _NONE:
            if len(found) > len(table):
                raise ValueError("its sectors go around in circles")
            found.append(start)
            start = table[start]
        return found

    def directory(self) -> list[bytes]:
        """The entries, as they stand in the file."""
        sectors = self.chain(self.first)
        if len(sectors) * self.sector > _ENTRIES * _ENTRY:
            raise ValueError("it has more streams than are looked at")
        data = b"".join(map(self._read, sectors))
        return [data[at : at + _ENTRY] for at in range(0, len(data), _ENTRY)]

    def spans(self, start: int, size: int) -> Iterator[Span]:
        """Where the bytes of a large stream lie."""
        for sector in self.chain(start):
            if size <= 0:
                return
            place = (sector + 1) * self.sector
            yield Span(place, place + min(size, self.sector))
            size -= self.sector
        if size > 0:
            raise ValueError("a stream of it is cut off")


def entries(stream: BinaryIO) -> list[Entry]:
    """Everything in a container, storages after what is in them, in the order that signatures of an msi take.

    Raises ValueError, IndexError or struct.error when it is damaged.
    """
    file = _File(stream)
    listing = file.directory()
    _, start, size = _facts(listing[0])
    tree = _Tree(file=file, listing=listing, small=list(file.spans(start, size)))
    return list(_walk(tree, 0, ()))


def _facts(entry: bytes) -> tuple[int, int, int]:
    start, size = struct.unpack_from("<IQ", entry, 116)
    return entry[66], start, size & 0xFFFFFFFF  # the upper half is undefined in version 3


def _name(entry: bytes) -> bytes:
    length: int = struct.unpack_from("<H", entry, 64)[0]
    if not 2 <= length <= 64 or length % 2:
        raise ValueError("a name of it is damaged")
    return entry[:length]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tree:
    """A container that is walked through: its directory, where its small streams lie, and which entries have been met."""

    file: _File
    listing: list[bytes]
    small: list[Span]
    met: set[int] = field(default_factory=set)


def _walk(tree: _Tree, number: int, path: tuple[bytes, ...]) -> Iterator[Entry]:
    entry = tree.listing[number]
    children = _siblings(tree, struct.unpack_from("<I", entry, 76)[0])
    # by their bytes, and what begins with another's name after it: [MS-CFB] has another order, signatures this one
    for child in sorted(children, key=lambda one: _name(tree.listing[one])):
        found = tree.listing[child]
        kind, start, size = _facts(found)
        if kind == STORAGE:
            yield from _walk(tree, child, (*path, _name(found)))
        elif kind == STREAM:
            spans = tree.file.spans(start, size) if size >= _SMALL else _in_small(tree, start, size)
            yield Entry(path=(*path, _name(found)), kind=kind, identity=found[80:96], spans=tuple(spans), size=size)
        else:
            raise ValueError("an entry of it is of no known kind")
    yield Entry(path=path, kind=entry[66], identity=entry[80:96])


def _siblings(tree: _Tree, number: int) -> list[int]:
    waiting, found = [number], []
    while waiting:
        one = waiting.pop()
        if one == _NO:
            continue
        if one in tree.met:
            raise ValueError("its entries go around in circles")
        tree.met.add(one)
        found.append(one)
        waiting += struct.unpack_from("<II", tree.listing[one], 68)
    return found


def _in_small(tree: _Tree, start: int, size: int) -> Iterator[Span]:
    """Where the bytes of a small stream lie: in pieces of 64 of the root's own stream."""
    each = tree.file.sector // 64
    for piece in tree.file.chain(start, small=True) if size else ():
        if size <= 0:
            return
        place = tree.small[piece // each].start + piece % each * 64
        yield Span(place, place + min(size, 64))
        size -= 64
    if size > 0:
        raise ValueError("a stream of it is cut off")
