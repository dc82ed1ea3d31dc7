"""A program or library for Windows as its resources, its sections, and what lies behind them.

Source: https://learn.microsoft.com/windows/win32/debug/pe-format
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from coldforge.filetypes import pe
from coldforge.rebuild.members import ENTRIES, Container, Member
from coldforge.rebuild.verdict import What
from coldforge.rebuild.views import part

_KINDS: Final = {
    1: "cursor", 2: "bitmap", 3: "icon", 4: "menu", 5: "dialog", 6: "texts", 9: "accelerators", 10: "data", 11: "messages",
    12: "cursor group", 14: "icon group", 16: "version", 24: "manifest",
}  # fmt: skip
_DEEP: Final = 4  # levels of the tree of resources: kind, name, language, and one to spare
_RESOURCES: Final = 2  # the directory's entry


@dataclass(frozen=True, slots=True, kw_only=True)
class _Section:
    """Where a section is, in memory and in the file."""

    name: str
    address: int
    place: int
    size: int


def program(view: memoryview) -> Container | None:
    """The parts of a PE file; None when it is none. Raises one of `damage()`.

    Headers come last: what they say of sizes and places follows from the rest.
    """
    if bytes(view[:2]) != pe.MAGIC:
        return None
    start: int = struct.unpack_from("<I", view, 0x3C)[0]
    if bytes(view[start : start + 4]) != b"PE\0\0":
        return None
    count, time, optional_size = struct.unpack_from("<HI8xH", view, start + 6)
    optional = start + 24
    directories = optional + {0x20B: 112, 0x10B: 96}[struct.unpack_from("<H", view, optional)[0]]
    sections = [_section(view, optional + optional_size + 40 * number) for number in range(count)]
    head = min((section.place for section in sections if section.size), default=len(view))
    end = max((section.place + section.size for section in sections), default=head)
    members = [*_resources(view, directories, sections)]
    members += [Member(name=each.name, read=partial(part, view, each.place, each.size)) for each in sections if each.size]
    members.append(Member(name="(behind the sections)", read=partial(part, view, end, len(view) - end)))
    members.append(Member(name="(headers)", read=partial(_headers, view, head, (start + 8, optional + 64))))
    checksum = struct.unpack_from("<I", view, optional + 64)[0]
    facts: dict[What, str] = {"time": str(time), "header": f"checksum {checksum:08x}"}
    return Container(kind="PE", facts=facts, members=tuple(members))


def _section(view: memoryview, at: int) -> _Section:
    name, _, address, size, place = struct.unpack_from("<8sIIII", view, at)
    if place + size > len(view):
        raise ValueError("it is cut off")
    return _Section(name=name.rstrip(b"\0").decode("latin-1"), address=address, place=place, size=size)


def _headers(view: memoryview, size: int, facts: tuple[int, int]) -> memoryview:
    """The headers without the time and the checksum, which are facts of their own."""
    data = bytearray(view[:size])
    for place in facts:
        data[place : place + 4] = bytes(4)
    return memoryview(bytes(data))


def _resources(view: memoryview, directories: int, sections: list[_Section]) -> Iterator[Member]:
    if struct.unpack_from("<I", view, directories - 4)[0] <= _RESOURCES:
        return
    address: int = struct.unpack_from("<I", view, directories + 8 * _RESOURCES)[0]
    section = next((each for each in sections if address and each.address <= address < each.address + each.size), None)
    if section is None:
        return
    table = view[section.place + address - section.address : section.place + section.size]
    for name, at, size in _walk(table, 0, (), [ENTRIES]):
        place = at - section.address
        if place < 0 or place + size > section.size:
            raise ValueError("a resource lies elsewhere")
        yield Member(name=f".rsrc/{name}", read=partial(part, view, section.place + place, size))


def _walk(table: memoryview, at: int, path: tuple[str, ...], left: list[int]) -> Iterator[tuple[str, int, int]]:
    """The resources below a table: kind, name and language as a path, the address in memory, and the size.

    Tables can be shared, so it is counted how many entries are `left` to look at.
    """
    if len(path) >= _DEEP:
        raise ValueError("its resources are nested too deeply")
    named, numbered = struct.unpack_from("<HH", table, at + 12)
    left[0] -= named + numbered
    if left[0] < 0:
        raise ValueError("it has more resources than are looked at")
    for number in range(named + numbered):
        label, below = struct.unpack_from("<II", table, at + 16 + 8 * number)
        here = (*path, _label(table, label, kind=not path))
        if below >> 31:
            yield from _walk(table, below & 0x7FFFFFFF, here, left)
        else:
            address, size = struct.unpack_from("<II", table, below)
            yield "/".join(here), address, size


def _label(table: memoryview, label: int, *, kind: bool) -> str:
    if label >> 31:
        at = label & 0x7FFFFFFF
        length: int = struct.unpack_from("<H", table, at)[0]
        return bytes(table[at + 2 : at + 2 + 2 * length]).decode("utf-16-le", "replace")
    return _KINDS.get(label, str(label)) if kind else str(label)
