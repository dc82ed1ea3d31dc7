"""The first difference of two frozen trees: by file, and within it; with where the file comes from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from coldforge.rebuild.causes import likely
from coldforge.rebuild.compare import compare, is_derived
from coldforge.rebuild.verdict import Difference, What
from coldforge.records import SINGLES, TREE, FileEntry, Origin, Payload
from coldforge.report.reporter import printable

_FACTS: Final[tuple[tuple[What, Callable[[FileEntry], str]], ...]] = (
    ("kind", lambda entry: entry.kind),
    ("link", lambda entry: entry.link),
    ("mode", lambda entry: f"{entry.mode:o}"),
)


def difference(released: Payload, rebuilt: Payload, *, here: Path, there: Path) -> Difference | None:
    """The first difference of two trees by their indexes, and within a file that lies in both folders, `here` and `there`."""
    one, other = _entries(released), _entries(rebuilt)
    for name in sorted(one.keys() | other.keys(), key=lambda name: (is_derived(name), name)):
        if name not in other:
            return _found("missing", (name,), origin=one[name].origin)
        if name not in one:
            return _found("added", (name,), origin=other[name].origin)
        if found := _entry(name, one[name], other[name], here, there):
            return found
    return None


def _entries(payload: Payload) -> dict[str, FileEntry]:
    trees = ((TREE, payload.files), (SINGLES, payload.singles))
    return {f"{folder}/{entry.path}": entry for folder, entries in trees for entry in entries}


def _entry(name: str, one: FileEntry, other: FileEntry, here: Path, there: Path) -> Difference | None:
    if one.sha256 != other.sha256:
        paths = _file(here, name), _file(there, name)
        if paths[0] and paths[1] and (inner := compare(paths[0], paths[1])):
            return msgspec.structs.replace(
                inner, where=(printable(name), *inner.where[1:]), cause=_with_origin(inner.cause, one.origin, other.origin)
            )
        return _found("content", (name,), one.sha256, other.sha256, origin=one.origin, other=other.origin)
    for what, fact in _FACTS:
        if fact(one) != fact(other):
            return _found(what, (name,), fact(one), fact(other), origin=one.origin, other=other.origin)
    return None


def _file(folder: Path, name: str) -> Path | None:
    """A file of a tree, if it is there and really in it: an index may come from anybody."""
    path = folder / name
    inside = path.resolve().is_relative_to(folder.resolve())
    return path if inside and path.is_file() and not path.is_symlink() else None


def _found(
    what: What, where: tuple[str, ...], released: str = "", rebuilt: str = "", *, origin: Origin, other: Origin | None = None
) -> Difference:
    cause = _with_origin(likely(what, where, released, rebuilt), origin, other or origin)
    return Difference(
        where=tuple(map(printable, where)), what=what, released=printable(released), rebuilt=printable(rebuilt), cause=printable(cause)
    )


def _with_origin(cause: str, one: Origin, other: Origin) -> str:
    """The cause, with the distribution or package that the file comes from; another version of that explains everything."""
    name = " ".join(filter(None, (one.kind, one.name)))
    if (one.kind, one.name) == (other.kind, other.name) and one.version != other.version:
        return f"another version of the {name}: {one.version or 'not told'} and {other.version or 'not told'}"
    return f"{cause} (the file is of the {' '.join(filter(None, (name, one.version)))})"
