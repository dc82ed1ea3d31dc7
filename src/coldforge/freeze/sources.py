"""Which files of a project are its source, and their digest."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from coldforge.host import files
from coldforge.host.run import run
from coldforge.project.source import is_output

_JUNK: Final = frozenset(
    {"__pycache__", ".git", ".venv", "venv", ".tox", ".nox", "node_modules", ".mypy_cache", ".ruff_cache", ".pytest_cache"}
)


def source_files(project: Path, out: Path) -> tuple[Path, ...]:
    """The project's files relative to its root: what git tracks, submodules too, and would track; else everything but the usual junk.

    Output folders (`out`, and others that an earlier run left) are never source; a folder that is called `dist` is
    one only at the top, and only if git does not track it. Links to folders of the project are followed.
    """
    tracked = tracked_files(project)
    others = _others(project) if tracked is not None else _everything(project)
    kept = [*(tracked or ()), *(path for path in others if not _is_made(project, path))]
    found = (file for path in kept if not (project / path).is_relative_to(out) for file in _files(project, path))
    return tuple(sorted(set(found)))


def tracked_files(project: Path) -> list[Path] | None:
    """What git tracks in a folder, relative to it; None when it is no repository, or git is not installed."""
    listed = _git(project, "--cached")
    if listed is None:
        return None
    # a submodule is listed as a folder
    inner = {path: tracked_files(project / path) for path in listed if _is_folder(project / path)}
    return [file for path in listed for file in ([path / name for name in inner[path] or ()] if path in inner else [path])]


def _others(project: Path) -> list[Path]:
    return _git(project, "--others", "--exclude-standard") or []


def _git(project: Path, *words: str) -> list[Path] | None:
    if shutil.which("git") is None:
        return None
    done = run(["git", "-C", project, "ls-files", "-z", *words], check=False, quiet=True)
    return [Path(name) for name in done.output.split("\0") if name] if done.code == 0 else None


def _everything(project: Path) -> list[Path]:
    paths = (path.relative_to(project) for path in project.rglob("*"))
    return [path for path in paths if not _JUNK & set(path.parts)]


def _is_made(project: Path, path: Path) -> bool:
    """Whether an untracked file is what a build left."""
    return path.parts[0] == "dist" or any(is_output(project / parent) for parent in path.parents[:-1])


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _files(project: Path, path: Path) -> Iterator[Path]:
    """The file itself, or the files below a link to a folder of the project."""
    full = project / path
    if full.is_file():
        yield path
    elif full.is_symlink() and full.is_dir() and full.resolve().is_relative_to(project.resolve()):
        yield from (path / name for name in _everything(full) if (full / name).is_file())


def digest(project: Path, listed: tuple[Path, ...]) -> str:
    """The sha256 of names, executable bits and bytes of the files."""
    total = hashlib.sha256()
    for path in listed:
        full = project / path
        total.update(f"{path.as_posix()}\0{full.stat().st_mode & 0o100}\0{files.sha256(full)}\n".encode())
    return total.hexdigest()


def copy(project: Path, listed: tuple[Path, ...], destination: Path) -> None:
    """Copy the source files into a folder of their own."""
    for path in listed:
        target = destination / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(project / path, target)
        target.chmod(0o755 if (project / path).stat().st_mode & 0o100 else 0o644)
