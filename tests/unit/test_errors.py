"""Errors: the exit codes are a contract, the texts say what, why and what next."""

from __future__ import annotations

import re
from pathlib import Path

from coldforge import errors
from coldforge.errors import BuildFailed, ConfigurationError, Location, Missing, Problem, Refused, RemoteFailed
from coldforge.recipes import ROOT
from coldforge.report.reporter import explain

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "exit-codes.md"


def test_each_class_has_its_documented_code() -> None:
    codes = {Refused: 1, ConfigurationError: 2, Missing: 3, BuildFailed: 4, RemoteFailed: 5}
    assert {kind: kind.exit_code for kind in codes} == codes
    documented = PAGE.read_text()
    assert all(f"| {code} |" in documented for code in codes.values())


def test_no_class_is_without_a_code_of_its_own() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.ColdforgeError)]
    codes = [kind.exit_code for kind in kinds if kind is not errors.ColdforgeError]
    assert len(codes) == len(set(codes)) == 5


def test_an_explanation_has_every_part_in_order() -> None:
    problems = (Problem(what="unknown key 'a'", where=Location(Path("p.toml"), 3, 1), hint="did you mean 'b'?"),)
    error = ConfigurationError("it is wrong", why="line one\nline two", hint="do this", where=Location(Path("p.toml")), problems=problems)
    assert list(explain(error)) == [
        "p.toml: it is wrong",
        "  line one",
        "  line two",
        "  - p.toml:3:1: unknown key 'a' (did you mean 'b'?)",
        "  do this",
    ]


def test_what_to_do_has_a_line_of_its_own_below_several() -> None:
    assert str(Problem(what="one", hint="do")) == "one (do)"
    assert str(Problem(what="one\ntwo", hint="do")) == "one\ntwo\n(do)"


def test_every_page_that_a_message_names_is_there() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in Path(errors.__file__).parent.rglob("*.py"))
    pages = set(re.findall(r"\{DOCS\}/([\w/-]+\.md)", code))
    assert "reference/gates.md" in pages
    assert [page for page in sorted(pages) if not (ROOT / "docs" / page).is_file()] == []
    assert re.findall(r"(?<!\}/)\bdocs/[\w/-]+\.md (?:tells|explains)", code) == []  # who installed it has no such folder
