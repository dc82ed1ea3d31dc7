"""The events of a run, and the reporter that drops them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from coldforge.errors import ColdforgeError, Location


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows to show. `numeric` names the columns that are set flush right."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: frozenset[str] = field(default_factory=frozenset)


def megabytes(size: int) -> str:
    """A size for people, in units of 10^6 bytes."""
    return f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{size / 1e3:.1f} kB"


def printable(text: str) -> str:
    r"""A text of anybody's, fit for a terminal: what moves the cursor, turns the direction of writing or is no text is spelled out.

    >>> printable("demo\x1b[2K\u202e")
    'demo\\x1b[2K\\u202e'
    """
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


class Progress(Protocol):
    """A running total: `advance` by what was done since the last call."""

    def advance(self, amount: int) -> None: ...


class Reporter(Protocol):
    """Where events go. Every text is plain; the reporter redacts, escapes and decorates it."""

    def step(self, title: str) -> AbstractContextManager[None]:
        """A named stretch of work; its elapsed time is shown when it ends. Steps do not nest."""

    def progress(self, title: str, total: int, unit: str = "B") -> AbstractContextManager[Progress]:
        """A bar for work whose total is known."""

    def detail(self, line: str) -> None:
        """A line of a tool's output: shown in CI and with --verbose."""

    def info(self, text: str) -> None: ...

    def warn(self, text: str, *, where: Location | None = None) -> None: ...

    def error(self, error: ColdforgeError) -> None: ...

    def table(self, table: Table) -> None: ...

    def summary(self, markdown: str) -> None:
        """Text for the page that a CI job shows; nothing elsewhere."""

    def output(self, name: str, value: str) -> None:
        """A named output of a CI step; nothing elsewhere."""


class _NoProgress:
    def advance(self, amount: int) -> None:
        del amount


class Silent:
    """Drops every event: the default in tests and for library use."""

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        del title
        yield

    @contextmanager
    def progress(self, title: str, total: int, unit: str = "B") -> Iterator[Progress]:
        del title, total, unit
        yield _NoProgress()

    def detail(self, line: str) -> None: ...

    def info(self, text: str) -> None: ...

    def warn(self, text: str, *, where: Location | None = None) -> None: ...

    def error(self, error: ColdforgeError) -> None: ...

    def table(self, table: Table) -> None: ...

    def summary(self, markdown: str) -> None: ...

    def output(self, name: str, value: str) -> None: ...


def explain(error: ColdforgeError) -> Sequence[str]:
    """The lines of an error: what happened, where, why, every problem, and what to do next."""
    place = f"{error.where}: " if error.where else ""
    lines = [f"{place}{error.what}"]
    lines += [f"  {line}" for line in error.why.splitlines()]
    lines += ["  - " + str(problem).replace("\n", "\n    ") for problem in error.problems]
    lines += [f"  {line}" for line in error.hint.splitlines()]
    return lines
