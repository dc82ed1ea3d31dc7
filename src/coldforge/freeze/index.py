"""A frozen tree as a list: normalised modes and times, every file with its digest, kind and origin."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from coldforge.freeze.binaries import Elf, is_elf, read_elf
from coldforge.freeze.programs import SUFFIXES, is_pe
from coldforge.host import files
from coldforge.records import FileEntry, Origin


def below(path: str) -> str:
    """A path of the tree as a freezer knows it: below the folder that everything but the executables is in, whatever that is called."""
    return path.partition("/")[2]


def mark_programs(root: Path) -> None:
    """Programs and libraries of Windows can be executed wherever the tree goes: where they were made no mode says so."""
    for path in root.rglob("*"):
        if path.suffix.lower() in SUFFIXES and path.is_file():
            path.chmod(0o755)


def normalise(root: Path, epoch: int) -> None:
    """Modes 755 or 644 and one time for every file, whatever the umask and the clock were."""
    for path in (*sorted(root.rglob("*"), reverse=True), root):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        os.utime(path, (epoch, epoch), follow_symlinks=False)


def index(root: Path, origins: Mapping[str, Mapping[str, str]], application: str) -> tuple[FileEntry, ...]:
    """Every file of a tree with its digest, kind and origin, sorted by path. What has no known origin is the application's."""
    own = {"kind": "application", "name": application}
    listed = {path.relative_to(root).as_posix(): path for path in _listed(root)}
    return tuple(_entry(listed[name], name, origins.get(name) or origins.get(below(name)) or own) for name in sorted(listed))


def _listed(root: Path) -> Iterator[Path]:
    for path in root.rglob("*"):
        if path.is_symlink() or path.is_file() or not any(path.iterdir()):
            yield path


def _entry(path: Path, name: str, known: Mapping[str, str]) -> FileEntry:
    origin = msgspec.convert(dict(known), Origin)
    if path.is_symlink():
        return FileEntry(path=name, kind="link", link=path.readlink().as_posix(), origin=origin)
    if path.is_dir():
        return FileEntry(path=name, kind="directory", mode=0o755, origin=origin)
    mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
    return FileEntry(path=name, kind=_kind(path, mode), mode=mode, size=path.stat().st_size, sha256=files.sha256(path), origin=origin)


def _kind(path: Path, mode: int) -> Any:
    if is_pe(path) and path.suffix.lower() in SUFFIXES:
        return {".exe": "executable", ".pyd": "extension"}.get(path.suffix.lower(), "library")
    if not is_elf(path):
        return "executable" if mode == 0o755 else "data"
    if ".so" not in path.name:
        return "executable"
    return "extension" if "cpython" in path.name or ".abi3." in path.name else "library"


def elfs_of(root: Path, entries: tuple[FileEntry, ...]) -> Iterator[Elf]:
    """The facts of every ELF file of a tree."""
    for entry in entries:
        if entry.kind in ("executable", "library", "extension") and is_elf(root / entry.path):
            elf = read_elf(root / entry.path, entry.path)
            if elf is not None:
                yield elf
