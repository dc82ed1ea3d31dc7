"""The first start of a frozen tree, where it was frozen: the user's smoke commands, without the environment it came from."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from coldforge.errors import BuildFailed, Refused
from coldforge.freeze import Workshop
from coldforge.report import reporter
from coldforge.target import Target, host_target


def try_out(workshop: Workshop, commands: Sequence[str], *, target: Target, log: Path) -> None:
    """Run each command line with the tree first on the search path. Raises Refused at the first that does not exit 0."""
    if commands and (why := _unable(workshop, target)):
        reporter().info(f"The smoke commands are not run: {why}.")
        return
    tree = workshop.path("out/payload")
    env = {"PATH": f"{tree}:/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
    if target.os == "windows":
        env = {"PATH": f"{tree};{os.environ.get('PATH', '')}"} if os.name == "nt" else {"WINEPATH": workshop.seen("out/payload")}
    for command in commands:
        with reporter().step(f"try: {command}"):
            try:
                program, *words = shlex.split(command)
                workshop.run([_file(program, target), *words], env=env, network=False, log=log)
            except BuildFailed as error:
                hint = f"It runs from the frozen tree alone. {error.hint}"
                raise Refused(f"`{command}` does not work when it is frozen", why=error.why, hint=hint) from error


def _unable(workshop: Workshop, target: Target) -> str:
    """Why programs for the target do not run where commands of another system made them; empty when they do."""
    if target.os == "macos" and host_target() != target:
        return "this is no Mac with the target's processor"
    if target.os == "windows" and os.name != "nt" and not workshop.windows:
        return "there is no Wine where the tree was made; `coldforge smoke` tries what is packaged by Wine"
    return ""


def _file(program: str, target: Target) -> str:
    """The file of a program that a command line begins with."""
    return program if Path(program).suffix else target.program(program)
