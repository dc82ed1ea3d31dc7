"""The bill of materials of a package for macOS (`Bom`): which files an installation brings, with mode, size and checksum of each.

Entries are sorted by their folder's number and their name, in pages that are chained, below a page that leads to each of them.
Sources: bom(5), and what https://github.com/hogliux/bomutils found out of the rest.
"""

from __future__ import annotations

import posixpath
import stat
import struct
import zlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from coldforge.bundle.tree import Node, Tree
from coldforge.errors import BuildFailed
from coldforge.host import files

_HEADER: Final = 512
_PAGE: Final = 4096
_ROOM: Final = (_PAGE - 12) // 8  # entries of a page
_ALL: Final = 3  # architectures
_FILE, _FOLDER, _LINK = 1, 2, 3
_REVERSED: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_ROOT: Final = Node(path=".", mode=0o755)


class Checksum:
    """POSIX cksum: CRC-32 with the highest bit first. zlib reckons that when the bits of every byte, and of the result, are turned."""

    def __init__(self) -> None:
        self._crc, self._size = 0xFFFFFFFF, 0

    def update(self, data: bytes) -> None:
        """Take more of the content."""
        self._crc = zlib.crc32(data.translate(_REVERSED), self._crc)
        self._size += len(data)

    def value(self) -> int:
        """The checksum of what was taken."""
        length = self._size.to_bytes((self._size.bit_length() + 7) // 8, "little")
        register = zlib.crc32(length.translate(_REVERSED), self._crc) ^ 0xFFFFFFFF
        return int(f"{register:032b}"[::-1], 2) ^ 0xFFFFFFFF


class _Blocks:
    """The blocks of a store, which know each other by number; the first has none."""

    def __init__(self) -> None:
        self.data = [b""]

    def add(self, data: bytes) -> int:
        """Another block; its number."""
        self.data.append(data)
        return len(self.data) - 1

    def tree(self, entries: Sequence[tuple[int, int]], size: int = _PAGE) -> int:
        """A tree of pairs (value, key) that are in order; its number."""
        level, leaf = entries, True
        while leaf or len(level) > 1:
            groups = [level[at : at + _ROOM] for at in range(0, len(level), _ROOM)] or [()]
            first = len(self.data)
            for number, group in enumerate(groups, first):
                after = number + 1 if number + 1 < first + len(groups) else 0
                self.add(_page(group, leaf=leaf, after=after, before=number - 1 if number > first else 0))
            # a page is known by its last key
            level, leaf = [(number, group[-1][1] if group else 0) for number, group in enumerate(groups, first)], False
        return self.add(struct.pack(">4sIIIIB", b"tree", 1, level[0][0], size, len(entries), 0))


def _page(entries: Sequence[tuple[int, int]], *, leaf: bool, after: int, before: int) -> bytes:
    """A page of a tree: what is in it, and its neighbours."""
    head = struct.pack(">HHII", leaf, len(entries), after, before)
    return (head + b"".join(struct.pack(">II", *entry) for entry in entries)).ljust(_PAGE, b"\0")


def of(tree: Tree) -> bytes:
    """The bill of a tree. Raises BuildFailed when a file changes meanwhile."""
    blocks, numbers, entries = _Blocks(), {"": 1}, []
    for number, (parent, node) in enumerate(_in_order(tree), 1):
        numbers[node.path] = number
        name = posixpath.basename(node.path).encode()
        facts = blocks.add(struct.pack(">II", number, blocks.add(_facts(node, tree.epoch))))
        entries.append((facts, blocks.add(struct.pack(">I", numbers[parent] if node is not _ROOT else 0) + name + b"\0")))
    variables = {"BomInfo": blocks.add(struct.pack(">III16x", 1, len(entries) + 1, 1))}
    variables["Paths"] = blocks.tree(entries)
    variables["HLIndex"] = blocks.tree(())
    variables["VIndex"] = blocks.add(struct.pack(">IIIB", 1, blocks.tree((), 128), 0, 0))
    variables["Size64"] = blocks.tree(())
    return _store(blocks.data, variables)


def _in_order(tree: Tree) -> Iterable[tuple[str, Node]]:
    """Each entry with its folder: the root, then folder after folder in the order in which they were met."""
    below: defaultdict[str, list[Node]] = defaultdict(list)
    for node in tree:
        below[posixpath.dirname(node.path)].append(node)
    found, at = [("", _ROOT)], 0
    while at < len(found):
        node = found[at][1]
        path = "" if node is _ROOT else node.path
        found += [(path, child) for child in sorted(below.get(path, ()), key=lambda child: child.path.encode())]
        at += 1
    return found


def _facts(node: Node, epoch: int) -> bytes:
    kind, mode, size, checksum, link = _FOLDER, stat.S_IFDIR | node.mode, 0, 0, b""
    if node.link:
        text = node.link.encode()
        kind, mode, size, checksum, link = _LINK, stat.S_IFLNK | 0o755, len(text), _sum([text]), text + b"\0"
    elif node.source:
        kind, mode, size, checksum = _FILE, stat.S_IFREG | node.mode, node.size, _read(node)
    return struct.pack(">BBHHIIIIBII", kind, 1, _ALL, mode, 0, 0, epoch, size, 1, checksum, len(link)) + link


def _read(node: Node) -> int:
    found = 0
    checksum = Checksum()
    if node.source:
        with node.source.open("rb") as stream:
            while data := stream.read(files.CHUNK):
                checksum.update(data)
                found += len(data)
    if found != node.size:
        raise BuildFailed(f"{node.path} has changed while it was read", hint="Run it again.")
    return checksum.value()


def _sum(pieces: Iterable[bytes]) -> int:
    checksum = Checksum()
    for piece in pieces:
        checksum.update(piece)
    return checksum.value()


def _store(blocks: Sequence[bytes], variables: dict[str, int]) -> bytes:
    places, at = [(0, 0)], _HEADER
    for block in blocks[1:]:
        places.append((at, len(block)))
        at += len(block)
    named = struct.pack(">I", len(variables))
    named += b"".join(struct.pack(">IB", number, len(name)) + name.encode() for name, number in variables.items())
    index = struct.pack(">I", len(places)) + b"".join(struct.pack(">II", *place) for place in places) + struct.pack(">I16x", 0)
    head = struct.pack(">8sIIIIII", b"BOMStore", 1, len(blocks) - 1, at + len(named), len(index), at, len(named))
    return head.ljust(_HEADER, b"\0") + b"".join(blocks) + named + index
