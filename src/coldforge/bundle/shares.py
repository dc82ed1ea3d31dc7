"""Whose bytes a payload's are: every part of it with its files and its weight, as pure functions of the index."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from coldforge.records import Component, FileEntry, Origin, Payload

Key = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One part of a payload. `files` are those that come from it; `size` is what it adds to the payload, in bytes:
    its files, and its modules in the archive of each executable."""

    part: Component
    files: tuple[FileEntry, ...]
    size: int


def shares(payload: Payload) -> tuple[Share, ...]:
    """Every part of a payload, the largest first. Their sizes add up to the payload's, and each file belongs to one of them."""
    parts = {_key(part): part for part in (*_named_by_files(payload), *payload.components)}
    files: dict[Key, list[FileEntry]] = defaultdict(list)
    for entry in payload.files:
        files[_key(entry.origin)].append(entry)
    moved: dict[Key, int] = defaultdict(int)
    for key, size in _archives(payload, parts):
        moved[key] += size
    found = (Share(part=part, files=tuple(files[key]), size=_total(files[key]) + moved[key]) for key, part in parts.items())
    return tuple(sorted(found, key=lambda share: (-share.size, share.part.kind, share.part.name)))


def _archives(payload: Payload, parts: dict[Key, Component]) -> Iterator[tuple[Key, int]]:
    """What of the executables, which count as the application's files, is another's: their modules, and the boot loader around them."""
    own, loader = ("application", ""), next((key for key in parts if key[0] == "freezer"), None)
    archived = sum(part.archived for part in parts.values())
    for entry in payload.files:
        launcher = entry.kind == "executable" and "/" not in entry.path and _key(entry.origin) == own
        if loader is None or not launcher or entry.size < archived:
            continue
        yield own, -entry.size
        yield from ((key, part.archived) for key, part in parts.items())
        yield loader, entry.size - archived


def _named_by_files(payload: Payload) -> Iterator[Component]:
    """The parts as the origins of files name them: what is known when the freezer says nothing of its own."""
    for entry in payload.files:
        yield Component(kind=entry.origin.kind, name=entry.origin.name, version=entry.origin.version)


def _key(of: Component | Origin) -> Key:
    """There is one application, however its name is spelled."""
    return (of.kind, "" if of.kind == "application" else of.name)


def _total(files: list[FileEntry]) -> int:
    return sum(entry.size for entry in files)
