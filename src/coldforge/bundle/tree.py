"""The normalised tree: what every bundler reads, and all it may read of the payload.

A payload may come from a job that ran the project's own code, so its index is not believed: a path that leads out
of the tree, or through a link, would put files of this machine into a package.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from coldforge.errors import Refused
from coldforge.host import files
from coldforge.records import FileEntry, Payload

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")  # dpkg and md5sum keep lists with one name a line
_SHOWN: Final = 10  # names in an error
_AGAIN: Final = "Freeze it again: `coldforge build --clean`."
_UNSIGNED: Final = "If `coldforge sign --payload` was interrupted, run it again; else freeze it again: `coldforge build --clean`."


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One entry: `path` relative with forward slashes; `source` is where a regular file's bytes are.

    `config` marks a file that a package manager leaves as the user changed it. `digests` are those of the content that are
    known already, by algorithm.
    """

    path: str
    mode: int
    size: int = 0
    source: Path | None = None
    link: str = ""
    config: bool = False
    digests: Mapping[str, str] = field(default_factory=dict, compare=False)

    def digest(self, algorithm: str) -> str:
        """A digest of the content in hexadecimal, of a link that of where it leads; empty for a folder."""
        if known := self.digests.get(algorithm):
            return known
        if self.source:
            return files.digests(self.source, algorithm)[0]
        return files.digest(self.link.encode(), algorithm) if self.link else ""

    @property
    def is_directory(self) -> bool:
        """Neither a file nor a link."""
        return self.source is None and not self.link


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """Sorted entries, parents before children, owner 0, one time (`epoch`, seconds since 1970 UTC) for all."""

    nodes: tuple[Node, ...]
    epoch: int

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    def adding(self, found: Mapping[str, Path]) -> Tree:
        """The tree with files from elsewhere (mode 644); a path that is taken stays what it is."""
        taken = {node.path for node in self.nodes}
        added = [Node(path=path, mode=0o644, size=source.stat().st_size, source=source) for path, source in found.items()]
        return replace(self, nodes=sorted_with_folders([*self.nodes, *(node for node in added if node.path not in taken)]))


def load(payload: Payload, root: Path, epoch: int, *, jobs: int = 1, digests: Collection[str] = ()) -> Tree:
    """The tree of a payload below `root`; `jobs` files are read at a time, each once, and these `digests` of them kept.

    Raises Refused when the index holds what no tree can, or when a file is missing, has changed since
    the index was written, or is not in it.
    """
    if wrong := sorted({*_unsafe(payload.files)}):
        raise Refused(f"the index of the payload of {payload.target} is not that of a frozen tree", why=_some(wrong), hint=_AGAIN)
    present = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_symlink() or not path.is_dir()}
    with ThreadPoolExecutor(max_workers=jobs) as pool:  # hashing lets go of the interpreter's lock
        nodes = list(pool.map(lambda entry: _node(entry, root, digests), payload.files))
    broken = {entry.path for entry, node in zip(payload.files, nodes, strict=True) if not node}
    if changed := broken | (present - {entry.path for entry in payload.files}):
        hint = _UNSIGNED if any(entry.signature for entry in payload.files if entry.path in broken) else _AGAIN
        raise Refused(f"the payload of {payload.target} has changed since it was frozen", why=_some(sorted(changed)), hint=hint)
    return Tree(nodes=sorted_with_folders([node for node in nodes if node]), epoch=epoch)


def _unsafe(entries: tuple[FileEntry, ...]) -> Iterator[str]:
    """What is wrong with entries of an index, before anything on the disk is looked at."""
    kinds = {entry.path: entry.kind for entry in entries}
    for path, number in Counter(entry.path for entry in entries).items():
        if number > 1:
            yield f"{path} is there {number} times"
        if not _is_plain(path):
            yield f"{path} is no path inside of the tree"
        elif parent := next((parent for parent in _parents(path) if kinds.get(parent, "directory") != "directory"), ""):
            yield f"{path} lies below {parent}, which is no folder"
    for entry in entries:
        if entry.kind == "link" and not _stays_inside(entry.link, folder=posixpath.dirname(entry.path)):
            yield f"{entry.path} links to {entry.link or 'nothing'}, which is not in the tree"
        if entry.kind not in ("link", "directory") and entry.mode not in (0o755, 0o644):
            yield f"{entry.path} has the mode {entry.mode:o}"


def _is_plain(path: str) -> bool:
    """Whether a path is relative, in its shortest spelling, and can stand on one line."""
    return posixpath.normpath(path) == path and path != "." and _stays_inside(path)


def _stays_inside(path: str, *, folder: str = "") -> bool:
    """Whether a link's text in `folder` leads to a place within the tree."""
    first = posixpath.normpath(posixpath.join(folder, path)).split("/")[0]
    return bool(path) and not _CONTROL.search(path) and first not in ("", "..")


def _node(entry: FileEntry, root: Path, digests: Collection[str]) -> Node | None:
    """The entry as it is on the disk; None when that is not what the index says."""
    path = root / entry.path
    if entry.kind == "link":
        same = path.is_symlink() and path.readlink().as_posix() == entry.link
        return Node(path=entry.path, mode=0o777, link=entry.link) if same else None
    if path.is_symlink():
        return None
    if entry.kind == "directory":
        return Node(path=entry.path, mode=0o755) if path.is_dir() else None
    if not path.is_file() or path.stat().st_size != entry.size:
        return None
    algorithms = ("sha256", *digests)
    found = dict(zip(algorithms, files.digests(path, *algorithms), strict=True))
    return Node(path=entry.path, mode=entry.mode, size=entry.size, source=path, digests=found) if found["sha256"] == entry.sha256 else None


def _parents(path: str) -> Iterator[str]:
    parts = path.split("/")
    yield from ("/".join(parts[:length]) for length in range(1, len(parts)))


def sorted_with_folders(nodes: Sequence[Node]) -> tuple[Node, ...]:
    """The nodes in the order of a tree, with the folders that they lie in."""
    missing = {parent for node in nodes for parent in _parents(node.path)} - {node.path for node in nodes}
    return tuple(sorted([*nodes, *(Node(path=path, mode=0o755) for path in missing)], key=lambda node: node.path.split("/")))


def _some(lines: list[str]) -> str:
    """The first of many; names that are no text are shown with escapes."""
    more = [f"and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    return "\n".join([*lines[:_SHOWN], *more]).encode(errors="backslashreplace").decode()
