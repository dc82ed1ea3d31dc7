"""GitHub's workflow commands: escaped, grouped, and never spoken by a tool's output."""

from __future__ import annotations

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


def test_outputs_of_several_lines_have_a_delimiter_nobody_can_guess(reporter: ActionsReporter, tmp_path: Path) -> None:
    reporter.output("one", "1")
    reporter.output("many", "a\nb")
    first, head, *rest = (tmp_path / "output").read_text().splitlines()
    assert first == "one=1"
    name, delimiter = head.split("<<")
    assert (name, rest) == ("many", ["a", "b", delimiter])
    assert len(delimiter) > 30
