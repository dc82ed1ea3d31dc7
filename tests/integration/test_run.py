"""Processes: what they print is shown as it comes, unless it answers a question of ours."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from coldforge.errors import BuildFailed
from coldforge.host.run import run
from coldforge.report import Silent, use
from coldforge.report.console import ConsoleReporter

pytestmark = pytest.mark.integration

SAYS = (sys.executable, "-c", "import sys; print('words\\0'); sys.exit(len(sys.argv) - 1)")


@pytest.fixture(autouse=True)
def _verbose() -> Iterator[None]:
    use(ConsoleReporter(now=lambda: 0.0, redact=str, verbose=True))
    yield
    use(Silent())


def test_what_a_tool_prints_is_shown_and_what_answers_a_question_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(SAYS).output == "words\0"
    assert capsys.readouterr().err == "    words\\x00\n", "spelled out, for what a tool says is nobody's command to a terminal"
    assert run(SAYS, quiet=True).output == "words\0"
    assert run([*SAYS, "1"], quiet=True, check=False).code == 1
    assert capsys.readouterr().err == ""


def test_a_question_that_fails_is_quoted_all_the_same() -> None:
    with pytest.raises(BuildFailed) as caught:
        run([*SAYS, "1"], quiet=True)
    assert "words" in caught.value.why


def test_a_log_takes_names_that_are_no_text(tmp_path: Path) -> None:
    run([*SAYS[:2], "pass", "a\udcff"], log=tmp_path / "log")
    assert "a\\udcff" in (tmp_path / "log").read_text()


def test_a_program_that_does_not_read_its_input_is_judged_by_how_it_ends() -> None:
    assert run(SAYS, stdin=b"x" * (1 << 20)).output == "words\0"
    with pytest.raises(BuildFailed):
        run([*SAYS, "1"], stdin=b"x" * (1 << 20))
