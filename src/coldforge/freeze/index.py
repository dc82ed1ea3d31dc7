"""A frozen tree as a list: normalised modes and times, every file with its digest, kind and origin."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal, TypeAlias

import msgspec

from coldforge.filetypes.macho import is_macho
from coldforge.freeze import binaries
from coldforge.freeze.binaries import Elf, is_elf, read_elf
from coldforge.freeze.machos import read_macho
from coldforge.freeze.programs import SUFFIXES
from coldforge.host import cache, files
from coldforge.records import FileEntry, Origin, digest_of

Kind: TypeAlias = Literal["executable", "library", "extension", "data", "link", "directory"]
_MACHOS: Final[Mapping[str, Kind]] = {"executable": "executable", "bundle": "extension"}
_PROGRAMS: Final[Mapping[str, Kind]] = {".exe": "executable", ".dll": "library", ".pyd": "extension"}


def below(path: str) -> str:
    """A path of the tree as a freezer knows it: below the folder that everything but the executables is in, whatever that is called."""
    return path.partition("/")[2]


def normalise(root: Path, epoch: int, *, windows: bool = False) -> None:
    """Modes 755 or 644 and one time for every file, whatever the umask and the clock were; `windows`: the tree is for that."""
    for path in (*sorted(root.rglob("*"), reverse=True), root):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or _mode(path, windows=windows) == 0o755 else 0o644)
        files.set_time(path, epoch)


def index(root: Path, origins: Mapping[str, Mapping[str, str]], application: str, *, windows: bool = False) -> tuple[FileEntry, ...]:
    """Every file of a tree with its digest, kind and origin, sorted by path. What has no known origin is the application's."""
    own = {"kind": "application", "name": application}
    listed = {path.relative_to(root).as_posix(): path for path in _listed(root)}
    known = {name: origins.get(name) or origins.get(below(name)) or own for name in sorted(listed)}
    return tuple(_entry(listed[name], name, origin, windows=windows) for name, origin in known.items())


def _mode(path: Path, *, windows: bool) -> int:
    """Of a file for Windows the name tells whether it is code: no mode does where it was made, and every one where it is installed."""
    return 0o755 if (path.suffix.lower() in SUFFIXES if windows else path.stat().st_mode & 0o100) else 0o644


def _listed(root: Path) -> Iterator[Path]:
    for path in root.rglob("*"):
        if path.is_symlink() or path.is_file() or not any(path.iterdir()):
            yield path


def _entry(path: Path, name: str, known: Mapping[str, str], *, windows: bool) -> FileEntry:
    origin = msgspec.convert(dict(known), Origin)
    if path.is_symlink():
        return FileEntry(path=name, kind="link", link=path.readlink().as_posix(), origin=origin)
    if path.is_dir():
        return FileEntry(path=name, kind="directory", mode=0o755, origin=origin)
    mode = _mode(path, windows=windows)
    kind = _PROGRAMS.get(path.suffix.lower(), "data") if windows else _kind(path, mode)
    return FileEntry(path=name, kind=kind, mode=mode, size=path.stat().st_size, sha256=files.sha256(path), origin=origin)


def _kind(path: Path, mode: int) -> Kind:
    if is_macho(path):
        return _of_macho(path)
    if not is_elf(path):
        return "executable" if mode == 0o755 else "data"
    if ".so" not in path.name:
        return "executable"
    return "extension" if "cpython" in path.name or ".abi3." in path.name else "library"


def _of_macho(path: Path) -> Kind:
    """Modules of Python are bundles, which nothing is linked with. One that is damaged is a library, which a gate tells of."""
    first = next(iter(read_macho(path, "").slices), None)
    return _MACHOS.get(first.kind, "library") if first else "library"


def elfs_of(root: Path, entries: tuple[FileEntry, ...]) -> Iterator[Elf]:
    """The facts of every ELF file of a tree."""
    kinds = ("executable", "library", "extension")
    found = (_facts(root / entry.path, entry) for entry in entries if entry.kind in kinds and is_elf(root / entry.path))
    yield from (elf for elf in found if elf)


def _facts(path: Path, entry: FileEntry) -> Elf | None:
    """The facts of an ELF file, kept by its digest, and by that of what reads them."""
    key = digest_of([entry.sha256, _reader()])
    known = cache.recalled("elf", key, lambda: msgspec.json.encode(read_elf(path, "")))
    elf = msgspec.json.decode(known, type=Elf | None)
    return replace(elf, path=entry.path) if elf else None


@functools.cache
def _reader() -> str:
    return files.sha256(Path(binaries.__file__))
