"""GitHub's workflow commands: escaped, grouped, and never spoken by a tool's output."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from coldforge.errors import ConfigurationError, Location, Problem
from coldforge.report.actions import ActionsReporter
from coldforge.report.reporter import Table


@pytest.fixture
def reporter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ActionsReporter:
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    ticks = iter(range(100))
    return ActionsReporter(now=lambda: float(next(ticks)), redact=lambda text: text.replace("geheim", "***"))


def test_an_annotation_keeps_all_its_lines(reporter: ActionsReporter, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reporter.warn("50% of\nit, geheim", where=Location(tmp_path / "a,b.toml", 7))
    assert capsys.readouterr().err == "::warning title=coldforge,file=a%2Cb.toml,line=7::50%25 of%0Ait, ***\n"


def test_an_error_marks_every_line_and_is_on_the_page(
    reporter: ActionsReporter, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    problem = Problem(what="unknown key", where=Location(tmp_path / "p.toml", 3), hint="remove it")
    reporter.error(ConfigurationError("wrong", problems=(problem,)))
    printed = capsys.readouterr().err
    assert "file=p.toml,line=3::unknown key (remove it)" in printed
    assert "    wrong" in (tmp_path / "summary").read_text()


def test_a_tool_cannot_command_the_runner(reporter: ActionsReporter, capsys: pytest.CaptureFixture[str]) -> None:
    reporter.detail("::set-env name=PATH::/evil")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("::stop-commands::")
    assert lines[-1] == f"::{lines[0].removeprefix('::stop-commands::')}::"
    assert len(lines[0]) > 40


def test_groups_close_even_when_the_work_fails(reporter: ActionsReporter, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="no"), reporter.step("work"):
        raise ValueError("no")
    printed = capsys.readouterr().err
    assert printed.startswith("::group::work\n")
    assert printed.rstrip().endswith("::endgroup::")


def test_cells_cannot_break_out_of_a_table(reporter: ActionsReporter, tmp_path: Path) -> None:
    reporter.table(Table(title="t", columns=("a",), rows=(("x|y`<b>&\nz",),)))
    assert r"| x\|y\`&lt;b>&amp; z |" in (tmp_path / "summary").read_text()


def test_a_cell_is_no_link_and_no_picture(reporter: ActionsReporter, tmp_path: Path) -> None:
    """Who names a file, or signs as a stranger, writes into it."""
    reporter.table(Table(title="t", columns=("a",), rows=(("![x](https://e.example/y) **GOOD**\x1b",),)))
    assert r"| !\[x\](https://e.example/y) \*\*GOOD\*\*\\x1b |" in (tmp_path / "summary").read_text()


def test_outputs_of_several_lines_have_a_delimiter_nobody_can_guess(reporter: ActionsReporter, tmp_path: Path) -> None:
    reporter.output("one", "1")
    reporter.output("many", "a\nb")
    first, head, *rest = (tmp_path / "output").read_text().splitlines()
    assert first == "one=1"
    name, delimiter = head.split("<<")
    assert (name, rest) == ("many", ["a", "b", delimiter])
    assert len(delimiter) > 30


HOSTILE = (
    "::set-output name=verdict::good",
    " \t::set-output name=verdict::good",
    "\u00a0\u2003::set-output name=verdict::good",
    "\0::set-output name=verdict::good",
    "compiling\r::set-output name=verdict::good",
    "compiling\r\n\r\n  ::add-mask::o",
    "compiling\n::add-mask::o",
    "warning: x ##[set-output name=verdict;]good",
    "#\u200b#[set-output name=verdict;]good",
    "one\rtwo ##[add-mask]o",
)


def _obeyed(printed: str) -> list[str]:
    """What the runner would obey of an output: commands at a line's start or `##[` within it, unless they are stopped."""
    found, token = [], ""
    for line in re.split("\r\n|\r|\n", printed):
        seen = re.sub("[\0\u200b]", "", line).strip()
        command = re.match("::([^ :]*)", seen) or re.search(r"##\[([^ ;\]]*)", seen)
        if command is None:
            continue
        if token:
            token = "" if command[1] == token else token
        elif command[1] == "stop-commands":
            token = seen.rpartition("::")[2]
        else:
            found.append(command[1])
    assert not token, "commands stay stopped"
    return found


@pytest.mark.parametrize("text", HOSTILE)
def test_no_event_lets_anybody_command_the_runner(text: str, reporter: ActionsReporter, capsys: pytest.CaptureFixture[str]) -> None:
    assert _obeyed(text)
    reporter.detail(text)
    reporter.info(text)
    reporter.table(Table(title=text, columns=("what", text), rows=(("a", text), (text, "b"))))
    assert _obeyed(capsys.readouterr().err) == []
    reporter.warn(text)
    reporter.error(
        ConfigurationError(text, why=text, hint=text, problems=(Problem(what=text, where=Location(Path(text.replace("\0", "")), 1)),))
    )
    with reporter.step(text):
        pass
    assert _obeyed(capsys.readouterr().err) == ["warning", "error", "error", "group", "endgroup"]


def test_ordinary_lines_are_printed_as_they_are(reporter: ActionsReporter, capsys: pytest.CaptureFixture[str]) -> None:
    reporter.detail("std::vector #[derive] 3::4")
    assert capsys.readouterr().err == "    std::vector #[derive] 3::4\n"


def test_quiet_holds_for_the_output_of_tools(capsys: pytest.CaptureFixture[str]) -> None:
    ActionsReporter(now=lambda: 0.0, redact=str, quiet=True).detail("words")
    assert capsys.readouterr().err == ""
