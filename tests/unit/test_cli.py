"""The front door: what is printed on stdout is one document, whatever stdout is."""

from __future__ import annotations

import errno
import io
import json
import sys
from collections.abc import Iterator

import pytest

from coldforge.cli import answer, main
from coldforge.commands import show
from coldforge.errors import Missing
from coldforge.report import Silent, use


@pytest.fixture(autouse=True)
def _own_reporter() -> Iterator[None]:
    yield
    use(Silent())


def stdout(monkeypatch: pytest.MonkeyPatch, encoding: str) -> io.BytesIO:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding, errors="strict"))
    return raw


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_json_is_utf8_whatever_the_locale_and_takes_every_file_name(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = stdout(monkeypatch, encoding)
    show({"größe": "✓", "name": "a\udcff"})
    assert json.loads(raw.getvalue().decode("utf-8")) == {"größe": "✓", "name": "a\udcff"}
    assert "größe".encode() in raw.getvalue()


def test_a_closed_or_full_stdout_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(Missing, match="standard output is closed"):
        answer("words")
    with open("/dev/full", "w") as full, monkeypatch.context() as patch:  # noqa: PTH123
        patch.setattr(sys, "stdout", full)
        with pytest.raises(Missing, match="writing to standard output failed: No space left"):
            answer("words")


def test_two_documents_at_once_are_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--json", "--matrix"]) == 2
    printed = capsys.readouterr()
    assert "--json and --matrix" in printed.err
    assert printed.out == ""


def test_a_full_disk_that_nobody_names_is_not_said_to_be_a_certain_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(_words: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("coldforge.cli._dispatch", full)
    assert main(["plan"]) == 3
    assert "error: no disk space left\n" in capsys.readouterr().err


def test_the_line_for_a_desk_commands_no_runner(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["plan", "x\n::set-output name=verdict::good"]
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setattr(sys, "argv", ["coldforge", *words])
    assert main(words) == 2
    lines = capsys.readouterr().err.splitlines()
    place = next(number for number, line in enumerate(lines) if line.startswith("::set-output"))
    assert lines[place - 2].startswith("::stop-commands::")


def test_the_list_of_commands_is_whole_on_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["--help"]) == 0
    commands = capsys.readouterr().out.partition("Commands:")[2]
    assert "  build  " in commands
    assert "..." not in commands
