"""What commands left becomes the tree of a payload, and its one-file programs."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from coldforge.errors import BuildFailed
from coldforge.project.config import Executable


def arrange(made: Path, tree: Path, executables: Sequence[Executable]) -> None:
    """The tree of a payload: what was made, with every executable at its top under its own name.

    One file alone becomes the executable. Raises BuildFailed when an executable is not there.
    """
    if made.is_file():
        target = tree / executables[0].entry
        target.parent.mkdir(parents=True)
        shutil.copy2(made, target)
    else:
        shutil.copytree(made, tree, symlinks=True)
    for executable in executables:
        _launcher(tree, executable)


def _launcher(tree: Path, executable: Executable) -> None:
    program, top = tree / executable.entry, tree / executable.name
    if not program.is_file():
        hint = f"[tool.coldforge.executables.{executable.name}] entry is its path in what the commands make."
        raise BuildFailed(f"the commands did not make {executable.entry}, which is to be started as {executable.name}", hint=hint)
    if not program.stat().st_mode & 0o100:
        raise BuildFailed(f"{executable.entry} cannot be executed", hint="Its mode lacks the bit: chmod +x.")
    if program == top:
        return
    if top.is_symlink() or top.exists():
        hint = "An executable stands at the top of the tree under its name: call one of both differently."
        raise BuildFailed(f"the commands made something else that is called {executable.name}", hint=hint)
    top.symlink_to(executable.entry)


def lone(tree: Path, singles: Path, executables: Sequence[Executable]) -> None:
    """The one-file programs: a tree that holds nothing but its executables is made of such. Raises BuildFailed for any other."""
    entries = {executable.entry for executable in executables}
    others = sorted(
        name
        for path in tree.rglob("*")
        if path.is_file() and (name := path.resolve().relative_to(tree.resolve()).as_posix()) not in entries
    )
    if others:
        message = f"one-file programs are planned, but the commands also made {others[0]}"
        raise BuildFailed(
            message, hint="Leave `onefile` out of the target's formats in matrix.yml, or make programs that need no other file."
        )
    for executable in executables:
        shutil.copy2(tree / executable.entry, singles / executable.name)
