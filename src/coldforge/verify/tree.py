"""A tree of files that lies somewhere, against the list of its files that was signed."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from coldforge.errors import Missing
from coldforge.host import files
from coldforge.records import FileEntry
from coldforge.verify.verdict import Row

# What archives have beside the tree: licence files of the project. Whatever something could run or import is none, whatever it is
# called, so the name ends as those of texts do (LICENSE, NOTICE.txt, COPYING.LESSER, LICENSE-APACHE-2.0, GPL-3.0-or-later).
_LICENCE: Final = re.compile(
    r"(licenses/(.+/)?|(licen[cs]e|copying|notice|authors))"
    r"([^/.]*|[^/]*\.(txt|md|rst|apache|bsd|gpl|lesser|lgpl|mit|mpl|psf|\d+(-[a-z-]+)?))",
    re.IGNORECASE,
)
_SPECIAL: Final = stat.S_ISUID | stat.S_ISGID
_LARGEST_TEXT: Final = 1_000_000  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """What lies in a folder and below it: all that is no folder itself, by name; and the sha256 of regular files."""

    paths: Mapping[str, Path]
    digests: Mapping[str, str]


def read(root: Path) -> Tree:
    """Read a folder. Raises Missing for what may not be read."""
    paths = {path.relative_to(root).as_posix(): path for path in _below(root)}
    regular = {name: path for name, path in paths.items() if stat.S_ISREG(path.lstat().st_mode)}
    with ThreadPoolExecutor() as pool:
        return Tree(paths=paths, digests=dict(zip(regular, pool.map(files.sha256, regular.values()), strict=True)))


def _below(root: Path) -> Iterator[Path]:
    """Everything in a folder that is no folder itself, and folders that are links."""
    for folder, folders, names in os.walk(root, onerror=_unreadable):
        yield from (Path(folder) / name for name in sorted(names))
        yield from (Path(folder) / name for name in sorted(folders) if (Path(folder) / name).is_symlink())


def _unreadable(error: OSError) -> None:
    raise Missing(f"{error.filename} cannot be read", why=error.strerror or "", hint="Run it as a user who may read what is installed.")


def rows(tree: Tree, entries: Iterable[FileEntry], what: str) -> Iterator[Row]:
    """A row for each file that is signed, and for each more that is here; `what` is the name and version of the product."""
    wanted = {entry.path: entry for entry in entries if entry.kind != "directory"}
    for name, entry in wanted.items():
        if name in tree.paths:
            yield _entry(entry, tree.paths[name], tree.digests.get(name, ""))
        else:
            yield Row(name=name, word="missing", why=f"{what} has it, and it is not here")
    for name in sorted(tree.paths.keys() - wanted.keys()):
        if not (_LICENCE.fullmatch(name) and _is_text(tree.paths[name])):
            yield Row(name=name, word="extra", why=f"{what} has no such file", sha256=tree.digests.get(name, ""))


def _entry(entry: FileEntry, path: Path, sha256: str) -> Row:
    """One file that should be there, and is."""
    state = path.lstat()
    if entry.kind == "link":
        got = path.readlink().as_posix() if stat.S_ISLNK(state.st_mode) else "no link"
        expected = entry.link
    else:
        got, expected = sha256 or "no regular file", entry.sha256
    if got != expected:
        return Row(name=entry.path, word="changed", why="it is not what was signed", expected=expected, got=got, sha256=sha256)
    if not stat.S_ISLNK(state.st_mode) and has_rights(path):
        why = "it runs with rights that whoever starts it has not"
        return Row(name=entry.path, word="changed", why=why, expected=f"{entry.mode:o}", got=f"{state.st_mode & 0o7777:o}", sha256=sha256)
    return Row(name=entry.path, word="ok", sha256=sha256, statements=("coldforge",))


def has_rights(path: Path) -> bool:
    """Whether a file runs with rights that whoever starts it has not: its owner's, its group's, or some of root's (`setcap`)."""
    if path.lstat().st_mode & _SPECIAL:
        return True
    if sys.platform != "linux":
        return False
    try:
        return "security.capability" in os.listxattr(path, follow_symlinks=False)
    except OSError:  # a file system that has none
        return False


def _is_text(path: Path) -> bool:
    """Whether a file is a text that nothing would run."""
    state = path.lstat()
    if not stat.S_ISREG(state.st_mode) or state.st_mode & 0o111 or state.st_size > _LARGEST_TEXT:
        return False
    try:
        return "\0" not in path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return False
