"""Lines for people: heard from every thread, whole, and never a reason to fail."""

from __future__ import annotations

import os
import pty
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from coldforge.errors import Refused
from coldforge.report import Silent, reporter, use
from coldforge.report.console import ConsoleReporter
from coldforge.report.reporter import Table


@pytest.fixture
def console() -> Iterator[ConsoleReporter]:
    chosen = ConsoleReporter(now=lambda: 0.0, redact=str)
    use(chosen)
    yield chosen
    use(Silent())


def test_threads_of_a_pool_are_heard(console: ConsoleReporter, capsys: pytest.CaptureFixture[str]) -> None:
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(reporter).result() is console
        pool.submit(lambda: reporter().warn("again in 2 s")).result()
    assert capsys.readouterr().err == "warning: again in 2 s\n"


def test_what_anybody_wrote_is_no_command_to_a_terminal(console: ConsoleReporter, capsys: pytest.CaptureFixture[str]) -> None:
    console.error(Refused("x\x1b]0;y\x07", why="a\tb\r\u202ec", hint="d\udcff"))
    console.table(Table(title="t\x1b[2K", columns=("name",), rows=(("e\x9b2J",),)))
    assert capsys.readouterr().err.splitlines() == [
        "error: x\\x1b]0;y\\x07", "  a b", "  \\u202ec", "  d\\udcff", "t\\x1b[2K", "  name", "  e\\x9b2J",
    ]  # fmt: skip


def test_lines_of_many_threads_stay_whole(console: ConsoleReporter, capfd: pytest.CaptureFixture[str]) -> None:
    lines = [f"{letter * 300}" for letter in "abcdefgh"] * 20
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(console.info, lines))
    assert sorted(capfd.readouterr().err.splitlines()) == sorted(f"  {line}" for line in lines)


def test_nobody_to_read_is_no_reason_to_fail(console: ConsoleReporter, monkeypatch: pytest.MonkeyPatch) -> None:
    full = Path("/dev/full").open("w")  # noqa: SIM115  # closing it would fail, as it must
    monkeypatch.setattr(sys, "stderr", full)
    console.warn("words")
    monkeypatch.setattr(sys, "stderr", None)
    console.warn("words")
    with pytest.raises(OSError, match="No space"):
        full.close()


def test_a_watched_step_shows_what_it_does_in_a_line_that_passes(console: ConsoleReporter, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, terminal = pty.openpty()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "30")
    with os.fdopen(terminal, "w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        with console.step("freeze"):
            console.detail("reading\x1b[2J a module with a long name")
            console.detail("writing")
        console.detail("nobody waits for this")
        console.info("made")
        shown = ""
        while not shown.endswith("made\r\n"):  # a terminal gives what it has
            shown += os.read(reader, 1000).decode()
    os.close(reader)
    assert shown.split("\r\n")[1:] == ["  0 s  reading[2J a module wi\r\x1b[K  0 s  writing\r\x1b[K  made", ""]


def test_an_unwatched_step_says_nothing_in_between(console: ConsoleReporter, capsys: pytest.CaptureFixture[str]) -> None:
    with console.step("freeze"):
        console.detail("reading")
    assert capsys.readouterr().err == "• freeze\n"
