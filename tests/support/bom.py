"""A reader of bills of materials (Bom) that believes nothing: every block is used, pages are chained both ways, keys are in order."""

from __future__ import annotations

import struct
from itertools import pairwise
from typing import NamedTuple


class Fact(NamedTuple):
    """What a bill says of one entry."""

    kind: str
    mode: str
    size: int
    checksum: int
    link: str
    time: int
    owner: str


class Store:
    """The blocks and the variables of a store."""

    def __init__(self, data: bytes) -> None:
        magic, version, count, at, length, variables, size = struct.unpack_from(">8sIIIIII", data)
        assert (magic, version, at + length) == (b"BOMStore", 1, len(data))
        (number,) = struct.unpack_from(">I", data, at)
        self.places = [struct.unpack_from(">II", data, at + 4 + 8 * each) for each in range(number)]
        assert self.places[0] == (0, 0)
        assert count == number - 1
        ends = sorted((start, start + length) for start, length in self.places[1:])
        assert ends[0][0] >= 512
        assert all(one[1] <= other[0] for one, other in pairwise(ends))
        self.blocks = [data[start : start + length] for start, length in self.places]
        self.used: set[int] = {0}
        self.variables = {}
        (left,) = struct.unpack_from(">I", data, variables)
        place = variables + 4
        for _ in range(left):
            block, letters = struct.unpack_from(">IB", data, place)
            self.variables[data[place + 5 : place + 5 + letters].decode()] = block
            place += 5 + letters
        assert place == variables + size

    def block(self, number: int) -> bytes:
        """A block, once."""
        assert number not in self.used, f"block {number} is there twice"
        self.used.add(number)
        return self.blocks[number]

    def tree(self, number: int) -> list[tuple[int, int]]:
        """The pairs of a tree, found from above and along the chain of its pages."""
        magic, version, root, _, count, _ = struct.unpack(">4sIIIIB", self.block(number))
        assert (magic, version) == (b"tree", 1)
        found: list[tuple[int, int]] = []
        leaves: list[tuple[int, int, int]] = []
        self._walk(root, found, leaves)
        assert len(found) == count
        numbers = [leaf for leaf, _, _ in leaves]
        assert [after for _, after, _ in leaves] == [*numbers[1:], 0]
        assert [before for _, _, before in leaves] == [0, *numbers[:-1]]
        return found

    def _walk(self, number: int, found: list[tuple[int, int]], leaves: list[tuple[int, int, int]]) -> None:
        page = self.block(number)
        leaf, count, after, before = struct.unpack_from(">HHII", page)
        pairs = [struct.unpack_from(">II", page, 12 + 8 * each) for each in range(count)]
        assert not page[12 + 8 * count :].strip(b"\0")
        if leaf:
            leaves.append((number, after, before))
            found += pairs
            return
        for child, key in pairs:
            self._walk(child, found, leaves)
            assert found[-1][1] == key


def read(data: bytes) -> dict[str, Fact]:
    """The entries of a bill, by their path."""
    store = Store(data)
    info = struct.unpack_from(">III", store.block(store.variables["BomInfo"]))
    pairs = store.tree(store.variables["Paths"])
    for name in ("HLIndex", "Size64"):
        assert store.tree(store.variables[name]) == []
    assert store.tree(struct.unpack_from(">II", store.block(store.variables["VIndex"]))[1]) == []
    assert info[:2] == (1, len(pairs) + 1)
    keys: list[tuple[int, bytes]] = []
    paths: dict[int, str] = {0: ""}
    found = {}
    for value, key in pairs:
        number, facts = struct.unpack(">II", store.block(value))
        entry = store.block(key)
        parent = struct.unpack_from(">I", entry)[0]
        assert entry.endswith(b"\0")
        keys.append((parent, entry[4:-1]))
        paths[number] = f"{paths[parent]}/{entry[4:-1].decode()}".removeprefix("/").removeprefix("./")
        found[paths[number]] = _fact(store.block(facts))
    assert keys == sorted(set(keys))
    assert store.used == set(range(len(store.blocks)))
    return found


def _fact(data: bytes) -> Fact:
    kind, _, _, mode, uid, gid, time, size, _, checksum, length = struct.unpack_from(">BBHHIIIIBII", data)
    link = data[31:]
    assert len(link) == length
    assert not length or link.endswith(b"\0")
    return Fact({1: "file", 2: "directory", 3: "link"}[kind], f"{mode:o}", size, checksum, link[:-1].decode(), time, f"{uid}:{gid}")
