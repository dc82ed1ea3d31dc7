"""Every way coldforge can fail: one class is one exit code.

An error says what happened, why, and what to do next. The exit codes are a public
contract (see docs/reference/exit-codes.md); nothing else in coldforge calls `sys.exit`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

DOCS: Final = "https://github.com/coldforge/coldforge/blob/main/docs"  # an installed coldforge has no pages beside it


@dataclass(frozen=True, slots=True)
class Location:
    """Where in a file a problem is: line and column count from 1, None when unknown."""

    path: Path
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        return ":".join(str(part) for part in (self.path, self.line, self.column) if part is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One finding among several: what is wrong, where, and what to do about it."""

    what: str
    where: Location | None = None
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        hint = f"\n({self.hint})" if self.hint and "\n" in self.what else f" ({self.hint})" if self.hint else ""
        return f"{place}{self.what}{hint}"


def without_frames(text: str) -> str:
    r"""What a program says, without the frames of a traceback: those are the business of whoever wrote it.

    >>> without_frames('Traceback (most recent call last):\n  File "x.py", line 1\n    f()\n    ^^^\nValueError: no')
    'ValueError: no'
    >>> without_frames("it says:\n      no")
    'it says:\n      no'
    """
    said, outside = [], -1
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip())
        if frame := re.match(r'\s*(Traceback |File ")', line):  # its beginning may be cut off
            outside = max(0, indent - (0 if frame[1] == "Traceback " else 2))
        elif indent <= outside:  # what was raised
            outside = -1
        if outside < 0:
            said.append(line)
    return "\n".join(said) or text


class ColdforgeError(Exception):
    """The base of all expected failures.

    `what` is one sentence; `why` and `hint` (what to do next) may span lines;
    `problems` carries every finding when several were found at once.
    """

    exit_code: ClassVar[int] = 4
    title: ClassVar[str] = "failed"

    def __init__(
        self,
        what: str,
        *,
        why: str = "",
        hint: str = "",
        where: Location | None = None,
        problems: tuple[Problem, ...] = (),
    ) -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.hint = hint
        self.where = where
        self.problems = problems


class Refused(ColdforgeError):
    """The answer is no: a verification, a comparison or a quality gate failed."""

    exit_code = 1
    title = "refused"


class ConfigurationError(ColdforgeError):
    """Wrong usage, or a configuration that cannot be carried out."""

    exit_code = 2
    title = "configuration"


class Missing(ColdforgeError):
    """Something needed is not here: a tool, an engine, a right, a credential, disk space."""

    exit_code = 3
    title = "missing"


class BuildFailed(ColdforgeError):
    """A step of the build itself failed."""

    exit_code = 4
    title = "build failed"


class RemoteFailed(ColdforgeError):
    """A remote service failed after its retries; running the command again is safe."""

    exit_code = 5
    title = "remote service failed"
