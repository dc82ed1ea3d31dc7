"""The reporter for a terminal (and for plain logs): steps with times, bars, tables, on stderr."""

from __future__ import annotations

import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from coldforge.errors import ColdforgeError, Location
from coldforge.report.reporter import Progress, Table, explain, printable

if TYPE_CHECKING:
    from rich.console import Console

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33"}
_PRINTING: Final = threading.Lock()
_SHOWN: Final[list[str]] = []  # the passing line, while there is one
_ERASE: Final = "\x1b[K"


class ConsoleReporter:
    """Plain lines at once; rich is imported only when a bar is really shown."""

    def __init__(
        self,
        *,
        now: Callable[[], float],
        redact: Callable[[str], str],
        verbose: bool = False,
        quiet: bool = False,
    ) -> None:
        self._now = now
        self._redact = redact
        self._verbose = verbose
        self._quiet = quiet
        self._colour = _wants_colour()
        self._started: float | None = None

    def _line(self, text: str, style: str = "") -> None:
        put("\n".join(self._styled(printable(line), style) for line in self._redact(text).expandtabs(4).split("\n")))

    def _styled(self, text: str, style: str) -> str:
        return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if style and self._colour else text

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        if not self._quiet:
            self._line(f"• {title}", "bold")
        self._started = start = self._now()
        try:
            yield
        finally:
            self._started = None
            _write("")
        elapsed = self._now() - start
        if not self._quiet and elapsed >= 0.1:
            self._line(f"  done in {elapsed:.1f} s", "dim")

    @contextmanager
    def progress(self, title: str, total: int, unit: str = "B") -> Iterator[Progress]:
        if self._quiet or not _is_watched():
            yield _Quiet()
            return
        from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as RichProgress

        amount = DownloadColumn() if unit == "B" else MofNCompleteColumn()
        self._started = None  # the bar has the last line to itself
        bar = RichProgress(TextColumn("  {task.description}"), BarColumn(), amount, TimeElapsedColumn(), console=_rich(), transient=True)
        with bar:
            task = bar.add_task(self._redact(title), total=total)
            yield _Bar(bar, task)

    def detail(self, line: str) -> None:
        if self._verbose:
            self._line(f"    {line}", "dim")
        elif self._started is not None and not self._quiet and _is_watched():
            _show(f"  {self._now() - self._started:.0f} s  {self._redact(line)}")

    def info(self, text: str) -> None:
        if not self._quiet:
            self._line(f"  {text}")

    def warn(self, text: str, *, where: Location | None = None) -> None:
        self._line(f"warning: {where}: {text}" if where else f"warning: {text}", "yellow")

    def error(self, error: ColdforgeError) -> None:
        first, *rest = explain(error)
        self._line(f"error: {first}", "red")
        for line in rest:
            self._line(line)

    def table(self, table: Table) -> None:
        """Aligned columns; in Python of our own, because rich costs as much as planning itself."""
        if self._quiet:
            return
        if table.title:
            self._line(table.title, "bold")
        rows = [tuple(printable(self._redact(cell).replace("\n", " ")) for cell in row) for row in (table.columns, *table.rows)]
        widths = [max(len(row[number]) for row in rows) for number in range(len(table.columns))]
        for number, row in enumerate(rows):
            cells = zip(row, widths, table.columns, strict=True)
            text = "  ".join(cell.rjust(width) if column in table.numeric else cell.ljust(width) for cell, width, column in cells)
            self._line(f"  {text.rstrip()}", "" if number else "dim")

    def summary(self, markdown: str) -> None: ...

    def output(self, name: str, value: str) -> None: ...


def put(block: str) -> None:
    """Print lines that belong together, in one piece whatever other threads print.

    When nobody can read them (stderr is closed, full, or a pipe whose reader has gone) the work goes on all the same.
    """
    _write(f"{block}\n")


def _show(text: str) -> None:
    """Show what is going on in the last line of a watched terminal; whatever is printed next takes its place."""
    plain = "".join(character for character in text if character.isprintable())
    _write(f"{plain[: shutil.get_terminal_size().columns - 1]}\r", passing=True)


def _write(text: str, *, passing: bool = False) -> None:
    with _PRINTING, suppress(OSError):
        if sys.stderr is not None:
            sys.stderr.write(f"{_ERASE if _SHOWN else ''}{text}")
            sys.stderr.flush()
        _SHOWN[:] = [text] if passing else []


class _Quiet:
    def advance(self, amount: int) -> None:
        del amount


class _Bar:
    def __init__(self, bar: object, task: object) -> None:
        self._bar = bar
        self._task = task

    def advance(self, amount: int) -> None:
        self._bar.advance(self._task, amount)  # type: ignore[attr-defined]  # rich is imported lazily


def _wants_colour() -> bool:
    """NO_COLOR (https://no-color.org), FORCE_COLOR, else whether a person is looking."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or _is_watched()


def _is_watched() -> bool:
    return sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def _rich() -> Console:
    from rich.console import Console

    width = None if _is_watched() else 160
    return Console(stderr=True, width=width, highlight=False, no_color=not _wants_colour(), force_terminal=_wants_colour() or None)
