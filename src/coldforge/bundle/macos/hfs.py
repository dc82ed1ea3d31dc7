"""An HFS Plus volume of a tree, as a stream: what a disk image for macOS holds, because every macOS reads it and it knows links and modes.

    boot blocks, header | allocation | extents | attributes | catalog | file after file | header again

Every file lies in one piece, nothing is free, and everything is reckoned before the first byte: no image lies on the disk meanwhile, and
the same tree gives the same bytes.
Source: https://developer.apple.com/library/archive/technotes/tn/tn1150.html
"""

from __future__ import annotations

import posixpath
import stat
import struct
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

from coldforge.bundle.tree import Node, Tree
from coldforge.errors import BuildFailed, Problem, Refused
from coldforge.filetypes import hfsnames
from coldforge.filetypes.hfs import FILE, FOLDER, ROOT, SINCE_1904
from coldforge.host import files

BLOCK: Final = 4096
_PARENT: Final = 1
_FIRST: Final = 16  # the number of the first entry that is no part of the file system
_NODE: Final = 8192
_SMALL_NODE: Final = 4096
_CATALOG_KEY, _EXTENTS_KEY, _ATTRIBUTES_KEY = 516, 10, 266  # bytes of the longest key
_BIG_KEYS, _VARIABLE_KEYS = 2, 4
_LEAF, _INDEX, _HEADER = -1, 0, 1
_FOLDER_THREAD, _FILE_THREAD = 3, 4
_THREADED: Final = 2
_CASELESS: Final = 0xCF
_LAST: Final = (1 << 32) - 1
_INVISIBLE: Final = 0x4000  # to Finder
_CLEAN: Final = 1 << 31 | 1 << 8  # unmounted in order, unused nodes are empty
_SHOWN: Final = 10  # names in an error


class _Record(NamedTuple):
    """An entry of a tree: what it is sorted by, its key with the length in front, and its data."""

    order: tuple[int, bytes]
    key: bytes
    data: bytes


class _Fork(NamedTuple):
    """Where the bytes of a file lie: its size, and its first block."""

    size: int = 0
    start: int = 0

    @property
    def blocks(self) -> int:
        """How many blocks it takes."""
        return -(-self.size // BLOCK)

    def packed(self) -> bytes:
        """As it stands in a record: one extent, and seven that there are none of."""
        return struct.pack(">QIIII56x", self.size, 0, self.blocks, self.start if self.blocks else 0, self.blocks)


def moment(epoch: int) -> int:
    """Seconds since 1904, which end in 2040."""
    return min(epoch + SINCE_1904, _LAST)


def numbers(tree: Tree) -> dict[str, int]:
    """The number (CNID) of each entry, by its path."""
    return {node.path: number for number, node in enumerate(tree, _FIRST)}


@dataclass(frozen=True, kw_only=True)
class Volume:
    """A volume: its name, what is in it, a number of 64 bits that it is known by, and which paths Finder does not show."""

    name: str
    tree: Tree
    identity: int
    hidden: Collection[str] = ()

    @cached_property
    def catalog(self) -> bytes:
        """The tree of all names. Its size does not depend on where the files lie."""
        return _catalog(self, self.places)

    @cached_property
    def places(self) -> Mapping[str, _Fork]:
        """Where the bytes of each file and link lie."""
        *_, catalog = self.own
        at, found = catalog.start + catalog.blocks, {}
        for node in self.tree:
            if size := _length(node):
                found[node.path] = _Fork(size, at)
                at += found[node.path].blocks
        return found

    @cached_property
    def catalog_size(self) -> int:
        """Bytes of the catalog."""
        return len(_catalog(self, {}))

    @cached_property
    def total(self) -> int:
        """Blocks of the volume."""
        return self.allocation.start + self.allocation.blocks + self.needed

    @cached_property
    def needed(self) -> int:
        """Blocks of everything but the header and the map of blocks; the last one has the header's copy."""
        own = (len(_EXTENTS), len(_ATTRIBUTES), self.catalog_size)
        return sum(_Fork(size).blocks for size in (*own, *map(_length, self.tree))) + 1

    @cached_property
    def allocation(self) -> _Fork:
        """The map of blocks, which has a bit for each one of its own too."""
        blocks = 1
        while blocks * BLOCK * 8 < 1 + blocks + self.needed:
            blocks += 1
        return _Fork(blocks * BLOCK, 1)

    @cached_property
    def own(self) -> tuple[_Fork, _Fork, _Fork]:
        """The trees of the pieces of files that have many, of further attributes (both are empty) and of names."""
        extents = _Fork(len(_EXTENTS), self.allocation.start + self.allocation.blocks)
        attributes = _Fork(len(_ATTRIBUTES), extents.start + extents.blocks)
        return extents, attributes, _Fork(self.catalog_size, attributes.start + attributes.blocks)

    def header(self) -> bytes:
        """The volume's header: 512 bytes."""
        time, folders = moment(self.tree.epoch), sum(node.is_directory for node in self.tree)
        extents, attributes, catalog = self.own
        counts = (len(self.tree.nodes) - folders, folders, BLOCK, self.total, 0, 0, BLOCK, BLOCK, _FIRST + len(self.tree.nodes), 1)
        head = struct.pack(">2sHI4sI4I", b"H+", 4, _CLEAN, b"10.0", 0, time, time, 0, time)
        head += struct.pack(">10IQ", *counts, 1)
        head += struct.pack(">6IQ", 0, 0, ROOT, 0, 0, 0, self.identity)  # the third: whose window opens when it is mounted
        return head + b"".join(fork.packed() for fork in (self.allocation, extents, catalog, attributes, _Fork()))


def _length(node: Node) -> int:
    return len(node.link.encode()) if node.link else node.size


def check(tree: Tree, artifact: str) -> None:
    """Raises Refused for a tree that a volume cannot hold: names that are too long, or the same but for their case."""
    wrong = [*_long(tree), *_clashes(tree)]
    if wrong:
        more = [Problem(what=f"and {len(wrong) - _SHOWN} more")] if len(wrong) > _SHOWN else []
        hint = "Rename them where the payload is made."
        raise Refused(f"{artifact} cannot be made: macOS cannot hold the tree", problems=(*wrong[:_SHOWN], *more), hint=hint)


def _long(tree: Tree) -> Iterator[Problem]:
    for node in tree:
        name = posixpath.basename(node.path)
        try:
            length = len(hfsnames.encoded(hfsnames.spelled(name))) // 2
        except UnicodeEncodeError:
            yield Problem(what=f"{name!r} is no text")
            continue
        if length > hfsnames.LONGEST:
            yield Problem(what=f"{name} has {length} characters, accents counted, it takes {hfsnames.LONGEST}")


def _clashes(tree: Tree) -> Iterator[Problem]:
    taken: dict[tuple[str, str], str] = {}
    for node in tree:
        folder, name = posixpath.split(node.path)
        other = taken.setdefault((folder, hfsnames.folded(hfsnames.spelled(name))), node.path)
        if other != node.path:
            yield Problem(what=f"{other} and {node.path} are one name on a Mac")


def write(volume: Volume) -> Iterator[bytes]:
    """The volume, piece by piece. Raises BuildFailed when a file changes meanwhile."""
    header = volume.header()
    yield (bytes(1024) + header).ljust(BLOCK, b"\0")
    yield _map(volume.total).ljust(volume.allocation.size, b"\0")
    yield _EXTENTS + _ATTRIBUTES
    yield volume.catalog
    for node in volume.tree:
        yield from _content(node)
    yield (bytes(BLOCK - 1024) + header).ljust(BLOCK, b"\0")


def _map(blocks: int) -> bytes:
    """As many bits as there are blocks, all of them taken."""
    full, rest = divmod(blocks, 8)
    return b"\xff" * full + (bytes([0xFF00 >> rest & 0xFF]) if rest else b"")


def _content(node: Node) -> Iterator[bytes]:
    """The bytes of a file or link, up to the end of its last block."""
    if node.link:
        yield node.link.encode()
    elif node.source:
        left = node.size
        with node.source.open("rb") as stream:
            while data := stream.read(files.CHUNK):
                left -= len(data)
                yield data
        if left:
            raise BuildFailed(f"{node.path} has changed while it was read", hint="Run it again.")
    yield bytes(-_length(node) % BLOCK)


def _catalog(volume: Volume, places: Mapping[str, _Fork]) -> bytes:
    """The catalog, with the place of each file that has one there."""
    found, valence = numbers(volume.tree), Counter(posixpath.dirname(node.path) for node in volume.tree)
    epoch = volume.tree.epoch
    records = [*_entry(_PARENT, hfsnames.spelled(volume.name), ROOT, _folder(ROOT, 0o755, valence[""], epoch), _FOLDER_THREAD)]
    for node in volume.tree:
        folder, name = posixpath.split(node.path)
        number, flags = found[node.path], _INVISIBLE if node.path in volume.hidden else 0
        if node.is_directory:
            data, thread = _folder(number, node.mode, valence[node.path], epoch, flags), _FOLDER_THREAD
        else:
            data, thread = _file(number, node, places.get(node.path, _Fork()), epoch, flags), _FILE_THREAD
        records += _entry(found.get(folder, ROOT), hfsnames.spelled(name), number, data, thread)
    return _btree(sorted(records), _CATALOG_KEY, _NODE, _BIG_KEYS | _VARIABLE_KEYS)


def _entry(parent: int, name: str, number: int, data: bytes, thread: int) -> Iterator[_Record]:
    """The two records of an entry: by its folder and name, and by its number."""
    text = hfsnames.encoded(name)
    place = struct.pack(">IH", parent, len(text) // 2) + text
    yield _Record((parent, hfsnames.order(name)), struct.pack(">H", len(place)) + place, data)
    yield _Record((number, b""), struct.pack(">HIH", 6, number, 0), struct.pack(">HH", thread, 0) + place)


def _facts(mode: int, epoch: int) -> bytes:
    """Times (but of a backup) and rights, as files and folders have them."""
    return struct.pack(">4I4x", *[moment(epoch)] * 4) + struct.pack(">IIBBHI", 0, 0, 0, 0, mode, 1)


def _folder(number: int, mode: int, valence: int, epoch: int, flags: int = 0) -> bytes:
    finder = struct.pack(">8xH6x16x", flags)
    return struct.pack(">HHII", FOLDER, 0, valence, number) + _facts(stat.S_IFDIR | mode, epoch) + finder + bytes(8)


def _file(number: int, node: Node, fork: _Fork, epoch: int, flags: int) -> bytes:
    kind = stat.S_IFLNK | 0o755 if node.link else stat.S_IFREG | node.mode
    finder = struct.pack(">8sH6x16x", b"slnkrhap" if node.link else bytes(8), flags)
    head = struct.pack(">HHII", FILE, _THREADED, 0, number)
    return head + _facts(kind, epoch) + finder + bytes(8) + fork.packed() + _Fork().packed()


def _btree(records: Sequence[_Record], longest: int, size: int, attributes: int) -> bytes:
    """A tree of records that are sorted. Raises Refused for more than its first map has bits for."""
    levels: list[list[bytes]] = []
    row, kind, first = records, _LEAF, 1
    while row:
        groups = list(_groups(row, size))
        numbers = range(first, first + len(groups))
        links = zip((*numbers[1:], 0), (0, *numbers[:-1]), strict=True)
        levels.append([_node(group, (kind, len(levels) + 1), pair, size) for group, pair in zip(groups, links, strict=True)])
        if len(groups) == 1:
            break
        row = [_Record(group[0].order, group[0].key, struct.pack(">I", n)) for n, group in zip(numbers, groups, strict=True)]
        kind, first = _INDEX, first + len(groups)
    total, leaves = 1 + sum(map(len, levels)), len(levels[0]) if levels else 0
    if total > (size - 256) * 8:
        raise Refused("the tree has more entries than a volume is made for", hint="Put some of them into an archive.")
    ends = (total - 1, len(records), min(1, leaves), leaves)  # the last node made is the root
    head = struct.pack(">H4IHHIIHIBBI64x", len(levels), *ends, size, longest, total, 0, 0, size, 0, _CASELESS, attributes)
    head_node = struct.pack(">IIbBHH", 0, 0, _HEADER, 0, 3, 0) + head + bytes(128) + _map(total).ljust(size - 256, b"\0")
    return b"".join([head_node + _offsets([14, 120, 248, size - 8]), *(node for level in levels for node in level)])


def _groups(records: Sequence[_Record], size: int) -> Iterator[list[_Record]]:
    """As many records at a time as one node holds."""
    group: list[_Record] = []
    room = size - 16
    for record in records:
        taken = len(record.key) + len(record.data) + 2
        if taken > room:
            yield group
            group, room = [], size - 16
        group.append(record)
        room -= taken
    yield group


def _node(records: Sequence[_Record], kind: tuple[int, int], links: tuple[int, int], size: int) -> bytes:
    """A node of a kind and height, between two others of its level."""
    data, places = struct.pack(">IIbBHH", *links, *kind, len(records), 0), []
    body = bytearray(data)
    for record in records:
        places.append(len(body))
        body += record.key + record.data
    offsets = _offsets([*places, len(body)])
    return bytes(body) + bytes(size - len(body) - len(offsets)) + offsets


def _offsets(places: Sequence[int]) -> bytes:
    return struct.pack(f">{len(places)}H", *reversed(places))


_EXTENTS: Final = _btree((), _EXTENTS_KEY, _SMALL_NODE, _BIG_KEYS)
_ATTRIBUTES: Final = _btree((), _ATTRIBUTES_KEY, _NODE, _BIG_KEYS | _VARIABLE_KEYS)
