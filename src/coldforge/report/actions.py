"""The reporter for GitHub Actions: groups, escaped annotations, step summary, outputs.

Source: https://docs.github.com/actions/reference/workflow-commands-for-github-actions
and the runner's own parser (ActionCommand.cs): data escapes %, CR and LF; properties also : and ,.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from coldforge.errors import ColdforgeError, Location
from coldforge.report.console import ConsoleReporter, put
from coldforge.report.reporter import Table, explain, printable

_LINE_END: Final = re.compile(r"\r\n|\r|\n")  # where .NET, and so the runner, ends a line
_INVISIBLE: Final = re.compile(r"[^!-~]")


class ActionsReporter(ConsoleReporter):
    """What the console shows, in groups, plus annotations and the summary page."""

    def __init__(
        self,
        *,
        now: Callable[[], float],
        redact: Callable[[str], str],
        verbose: bool = False,
        quiet: bool = False,
    ) -> None:
        super().__init__(now=now, redact=redact, verbose=verbose, quiet=quiet)
        self._fence = secrets.token_hex(16)  # nobody who writes a line can know it

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        self._command("group", title)
        try:
            with super().step(title):
                yield
        finally:
            self._command("endgroup", "")

    def detail(self, line: str) -> None:
        if not self._quiet:
            self._line(f"    {line}")

    def _line(self, text: str, style: str = "") -> None:
        """Print a text in which nothing is a command, whoever wrote it: a tool, a file, the environment."""
        lines = [printable(line) for line in _LINE_END.split(self._redact(text).expandtabs(4))]
        block = "\n".join(self._styled(line, style) for line in lines)
        put(f"::stop-commands::{self._fence}\n{block}\n::{self._fence}::" if any(map(is_command, lines)) else block)

    def warn(self, text: str, *, where: Location | None = None) -> None:
        self._annotate("warning", "coldforge", text, where)

    def error(self, error: ColdforgeError) -> None:
        located = [problem for problem in error.problems if problem.where]
        for problem in located[:9]:  # the page shows about ten of a kind
            text = f"{problem.what} ({problem.hint})" if problem.hint else problem.what
            self._annotate("error", f"coldforge: {error.title}", text, problem.where)
        self._annotate("error", f"coldforge: {error.title}", "\n".join(explain(error)), error.where)
        # indented, so that nothing in a message can be markdown
        self.summary(f"### coldforge: {error.title}\n\n" + "\n".join(f"    {line}" for line in explain(error)))

    def table(self, table: Table) -> None:
        super().table(table)
        lines = [f"### {_cell(table.title)}", "", _row(table.columns)] if table.title else [_row(table.columns)]
        lines.append("|" + "|".join("---:" if column in table.numeric else "---" for column in table.columns) + "|")
        self.summary("\n".join([*lines, *(_row(row) for row in table.rows), ""]))

    def summary(self, markdown: str) -> None:
        if name := os.environ.get("GITHUB_STEP_SUMMARY"):
            with Path(name).open("a", encoding="utf-8", errors="backslashreplace") as stream:
                stream.write(self._redact(markdown).rstrip("\n") + "\n\n")

    def output(self, name: str, value: str) -> None:
        if not (path := os.environ.get("GITHUB_OUTPUT")):
            return
        delimiter = f"coldforge-{secrets.token_hex(16)}"
        text = f"{name}={value}\n" if "\n" not in value else f"{name}<<{delimiter}\n{value}\n{delimiter}\n"
        with Path(path).open("a", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(text)

    def _annotate(self, level: str, title: str, text: str, where: Location | None) -> None:
        properties = {"title": title}
        if where is not None:
            properties["file"] = _relative(where.path)
            if where.line is not None:
                properties["line"] = str(where.line)
        words = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
        self._command(f"{level} {words}", text)

    def _command(self, command: str, data: str) -> None:
        put(f"::{command}::{_data(self._redact(data))}")


def is_command(line: str) -> bool:
    """Whether the runner could take a line for a command: `::` after blanks of any kind, or `##[` anywhere.

    What is not printable ASCII does not count, because .NET's comparison, which the runner uses, ignores much of it.
    Source: ActionCommand.TryParseV2 and TryParse of https://github.com/actions/runner
    """
    seen = _INVISIBLE.sub("", line)
    return seen.startswith("::") or "##[" in seen


def _relative(path: Path) -> str:
    workspace = Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd())
    return (
        path.resolve().relative_to(workspace.resolve()).as_posix()
        if path.resolve().is_relative_to(workspace.resolve())
        else path.as_posix()
    )


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _cell(text: str) -> str:
    """A text in a cell of Markdown: it ends no cell, and what it says is no markup and no link under another name."""
    escaped = re.sub(r"[\\|`*\[\]]", r"\\\g<0>", printable(text.replace("\n", " ")))
    return escaped.replace("&", "&amp;").replace("<", "&lt;")


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"
