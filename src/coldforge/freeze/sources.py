"""Which files of a project are its source, and their digest."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Final

from coldforge.host import files
from coldforge.host.run import run

_JUNK: Final = frozenset(
    {"__pycache__", ".git", ".venv", "venv", ".tox", ".nox", "node_modules", ".mypy_cache", ".ruff_cache", ".pytest_cache"}
)


def source_files(project: Path, out: Path) -> tuple[Path, ...]:
    """The project's files relative to its root: what git tracks or would track, else everything but the usual junk.

    Output folders (`out`, and any `dist`) are never source.
    """
    listed = _from_git(project) if shutil.which("git") else None
    if listed is None:
        listed = [path.relative_to(project) for path in project.rglob("*") if not _JUNK & set(path.relative_to(project).parts)]
    kept = (path for path in listed if "dist" not in path.parts and not (project / path).is_relative_to(out))
    return tuple(sorted({path for path in kept if (project / path).is_file()}))


def _from_git(project: Path) -> list[Path] | None:
    done = run(["git", "-C", project, "ls-files", "-z", "--cached", "--others", "--exclude-standard"], check=False)
    return [Path(name) for name in done.output.split("\0") if name] if done.code == 0 else None


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
