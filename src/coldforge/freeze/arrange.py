"""What commands left becomes the tree of a payload, and its one-file programs."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from coldforge.errors import BuildFailed
from coldforge.project.config import Executable
from coldforge.target import Target


def arrange(made: Path, tree: Path, executables: Sequence[Executable], target: Target) -> None:
    """The tree of a payload: what was made, with every executable at its top under its own name.

    One file alone becomes the executable. Raises BuildFailed when an executable is not there.
    """
    if made.is_file():
        place = tree / executables[0].entry
        place.parent.mkdir(parents=True)
        shutil.copy2(made, place)
    else:
        shutil.copytree(made, tree, symlinks=True)
    for executable in executables:
        (_named if target.os == "windows" else _launcher)(tree, executable)


def _launcher(tree: Path, executable: Executable) -> None:
    program, top = tree / executable.entry, tree / executable.name
    if not program.is_file():
        raise _not_made(executable)
    if not program.stat().st_mode & 0o100:
        raise BuildFailed(f"{executable.entry} cannot be executed", hint="Its mode lacks the bit: chmod +x.")
    if program == top:
        return
    if top.is_symlink() or top.exists():
        hint = "An executable stands at the top of the tree under its name: call one of both differently."
        raise BuildFailed(f"the commands made something else that is called {executable.name}", hint=hint)
    top.symlink_to(executable.entry)


def _named(tree: Path, executable: Executable) -> None:
    """For Windows, where a program's name ends in `.exe` (compilers of other systems leave that out) and links take rights to make."""
    top, entry = tree / f"{executable.name}.exe", tree / executable.entry
    found = next((path for path in (top, entry.with_name(f"{entry.name}.exe"), entry) if path.is_file()), None)
    if found is None:
        raise _not_made(executable)
    if found.parent != tree:
        why = "A tree for Windows has no links, and a program finds its libraries in its own folder."
        what = f"{found.relative_to(tree).as_posix()} is not at the top of the tree, from where Windows starts {executable.name}"
        raise BuildFailed(what, why=why, hint=f"Make it as {top.name} at the top of the tree, with its libraries beside it.")
    found.rename(top)


def _not_made(executable: Executable) -> BuildFailed:
    hint = f"[tool.coldforge.executables.{executable.name}] entry is its path in what the commands make."
    return BuildFailed(f"the commands did not make {executable.entry}, which is to be started as {executable.name}", hint=hint)


def lone(tree: Path, singles: Path, executables: Sequence[Executable], target: Target) -> None:
    """The one-file programs: a tree that holds nothing but its executables is made of such. Raises BuildFailed for any other."""
    programs = {target.program(executable.name): (tree / target.program(executable.name)).resolve() for executable in executables}
    others = sorted(
        path.resolve().relative_to(tree.resolve()).as_posix()
        for path in tree.rglob("*")
        if path.is_file() and path.resolve() not in programs.values()
    )
    if others:
        message = f"one-file programs are planned, but the commands also made {others[0]}"
        raise BuildFailed(
            message, hint="Leave `onefile` out of the target's formats in matrix.yml, or make programs that need no other file."
        )
    for name, program in programs.items():
        shutil.copy2(program, singles / name)
