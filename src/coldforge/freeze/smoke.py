"""The first start of a frozen tree, where it was frozen: the user's smoke commands, without the environment it came from."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from coldforge.errors import BuildFailed, Refused
from coldforge.freeze import Workshop
from coldforge.report import reporter


def try_out(workshop: Workshop, commands: Sequence[str], *, log: Path) -> None:
    """Run each command line with the tree first on the search path. Raises Refused at the first that does not exit 0."""
    path = f"{workshop.path('out/payload')}:/usr/local/bin:/usr/bin:/bin"
    for command in commands:
        with reporter().step(f"try: {command}"):
            try:
                workshop.run(shlex.split(command), env={"PATH": path, "LC_ALL": "C.UTF-8"}, network=False, log=log)
            except BuildFailed as error:
                hint = f"It runs from the frozen tree alone. {error.hint}"
                raise Refused(f"`{command}` does not work when it is frozen", why=error.why, hint=hint) from error
