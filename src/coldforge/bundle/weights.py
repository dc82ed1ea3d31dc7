"""Whose bytes a payload's are: every part of it with its files and its weight, as pure functions of the index."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from coldforge.records import Component, FileEntry, Origin, Payload

Key = tuple[str, str]


class Piece(NamedTuple):
    """Bytes that are somewhere in the payload: a file, or what of an executable is not the application's."""

    name: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One part of a payload. `files` are those that come from it; `pieces` are the bytes that it adds to the payload, the largest
    first: its files, and its modules in the archive of each executable."""

    part: Component
    files: tuple[FileEntry, ...]
    pieces: tuple[Piece, ...]

    @property
    def size(self) -> int:
        """Bytes in the payload."""
        return sum(piece.size for piece in self.pieces)


def shares(payload: Payload) -> tuple[Share, ...]:
    """Every part of a payload, the largest first. Their sizes add up to the payload's, and each file belongs to one of them."""
    parts = {_key(part): part for part in (*_named_by_files(payload), *payload.components)}
    files: dict[Key, list[FileEntry]] = defaultdict(list)
    pieces: dict[Key, list[Piece]] = defaultdict(list)
    for entry in payload.files:
        files[_key(entry.origin)].append(entry)
        for key, piece in _pieces(entry, parts):
            pieces[key].append(piece)
    found = (Share(part=part, files=tuple(files[key]), pieces=_sorted(pieces[key])) for key, part in parts.items())
    return tuple(sorted(found, key=lambda share: (-share.size, share.part.kind, share.part.name)))


def _pieces(entry: FileEntry, parts: Mapping[Key, Component]) -> Iterator[tuple[Key, Piece]]:
    """A file, which is one part's; an executable is the modules of all of them, and the boot loader around the archive."""
    own, loader = _key(entry.origin), next((key for key in parts if key[0] == "freezer"), None)
    archived = sum(part.archived for part in parts.values())
    launcher = entry.kind == "executable" and "/" not in entry.path and entry.origin.kind == "application"
    if loader is None or not launcher or entry.size < archived:
        yield own, Piece(entry.path, entry.size)
        return
    yield loader, Piece(f"boot loader of {entry.path}", entry.size - archived)
    yield from ((key, Piece(f"modules in {entry.path}", part.archived)) for key, part in parts.items())


def _named_by_files(payload: Payload) -> Iterator[Component]:
    """The parts as the origins of files name them: what is known when the freezer says nothing of its own."""
    for entry in payload.files:
        yield Component(kind=entry.origin.kind, name=entry.origin.name, version=entry.origin.version)


def _key(of: Component | Origin) -> Key:
    """There is one application, however its name is spelled."""
    return (of.kind, "" if of.kind == "application" else of.name)


def _sorted(pieces: list[Piece]) -> tuple[Piece, ...]:
    return tuple(sorted((piece for piece in pieces if piece.size), key=lambda piece: (-piece.size, piece.name)))
