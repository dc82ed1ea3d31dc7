"""The normalised tree: what every bundler reads, and all it may read of the payload."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from coldforge.errors import Refused
from coldforge.host import files
from coldforge.records import FileEntry, Payload


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One entry: `path` relative with forward slashes; `source` is where a regular file's bytes are."""

    path: str
    mode: int
    size: int = 0
    source: Path | None = None
    link: str = ""

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


def load(payload: Payload, root: Path, epoch: int) -> Tree:
    """The tree of a payload below `root`.

    Raises Refused when a file is missing, has changed since the payload's index was written, or is not in it.
    """
    listed = {entry.path for entry in payload.files}
    present = {p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_symlink() or not p.is_dir()}
    changed = sorted({e.path for e in payload.files if not _intact(e, root)} | (present - listed))
    if changed:
        message = f"the payload of {payload.target} has changed since it was frozen"
        raise Refused(message, why="\n".join(changed[:10]), hint="Freeze it again: `coldforge build --clean`.")
    folders = {parent for entry in payload.files for parent in _parents(entry.path)}
    folders |= {entry.path for entry in payload.files if entry.kind == "directory"}
    nodes = [Node(path=path, mode=0o755) for path in folders]
    nodes += [_node(entry, root) for entry in payload.files if entry.kind != "directory"]
    return Tree(nodes=tuple(sorted(nodes, key=lambda node: node.path.split("/"))), epoch=epoch)


def _intact(entry: FileEntry, root: Path) -> bool:
    path = root / entry.path
    if entry.kind == "link":
        return path.is_symlink() and path.readlink().as_posix() == entry.link
    if path.is_symlink():
        return False
    if entry.kind == "directory":
        return path.is_dir()
    return path.is_file() and path.stat().st_size == entry.size and files.sha256(path) == entry.sha256


def _parents(path: str) -> Iterator[str]:
    parts = path.split("/")
    yield from ("/".join(parts[:length]) for length in range(1, len(parts)))


def _node(entry: FileEntry, root: Path) -> Node:
    if entry.kind == "link":
        return Node(path=entry.path, mode=0o777, link=entry.link)
    return Node(path=entry.path, mode=entry.mode, size=entry.size, source=root / entry.path)
