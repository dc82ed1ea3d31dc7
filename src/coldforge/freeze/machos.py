"""Facts of the Mach-O files of a tree, macOS' programs and libraries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from coldforge.filetypes.macho import Slice, floor, is_macho, slices
from coldforge.records import FileEntry
from coldforge.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Macho:
    """One Mach-O file by its path in the tree, and what it is for each architecture: nothing when it is damaged."""

    path: str
    slices: tuple[Slice, ...]


def read_macho(path: Path, name: str) -> Macho:
    """The facts of one Mach-O file, called `name` in messages."""
    with path.open("rb") as stream:
        try:
            return Macho(path=name, slices=slices(stream))
        except ValueError:
            return Macho(path=name, slices=())


def machos_of(root: Path, entries: Iterable[FileEntry]) -> Iterator[Macho]:
    """The facts of every Mach-O file of a tree."""
    for entry in entries:
        if entry.kind not in ("link", "directory") and is_macho(root / entry.path):
            yield read_macho(root / entry.path, entry.path)


def oldest(machos: Iterable[Macho], target: Target) -> str:
    """The oldest macOS that all files run on, on the target's own processors; empty when they do not tell."""
    return floor([part for part in macho.slices if part.machine in target.architectures] for macho in machos)
