"""Version specifiers are recognised as packaging does, without importing it; names that collide in the frozen tree are not taken."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from coldforge.errors import ConfigurationError, Problem
from coldforge.project.check import Read, check_entry, is_specifier
from coldforge.project.config import Config
from coldforge.project.load import load_project
from coldforge.project.metadata import ProjectTable
from coldforge.project.read import Findings, Part
from coldforge.records import SourceRecord

PLAIN = '[project]\nname = "demo"\nversion = "1.0"\nrequires-python = "{requires}"\n[project.scripts]\n{name} = "demo.cli:main"\n'
PARTS = (
    ">=", "<=", "==", "!=", "~=", "===", "<", ">", "=", "^", " ", ",", "*", ".*", ".", "3", "11", "3.11", "3.9.1", "1!", "v", "a1", "rc",
    ".post1", "-1", ".dev", "dev2", "+local.1", "_", "x", "garbage",
)  # fmt: skip


def _packaging(text: str) -> bool:
    try:
        SpecifierSet(text)
    except InvalidSpecifier:
        return False
    return True


@pytest.mark.parametrize(
    "text",
    ["", ">=3.11", ">=3.9,<4", " >= 3.9 , != 3.9.* ", "==3.*", "~=3.9", "~=3", "===3.9", ">=3.9,", "^3.9", "3.9", "garbage", ">=3.x",
     ">3.*", ">=1!3.9rc1.post2.dev3", "==3.9+local", ">=3.9+local", "==3.9-1", "~=3.9.*", ">=3.9 <4", "=>3.9", ">=3.11;", "==3.9.dev1.*"],
)  # fmt: skip
def test_specifiers_are_told_from_others(text: str) -> None:
    assert is_specifier(text) == _packaging(text)


@given(st.lists(st.sampled_from(PARTS), max_size=6).map("".join))
def test_whatever_is_written(text: str) -> None:
    assert is_specifier(text) == _packaging(text)


def told(folder: Path, name: str = "demo", requires: str = ">=3.11") -> list[str]:
    (folder / "pyproject.toml").write_text(PLAIN.format(name=name, requires=requires))
    with pytest.raises(ConfigurationError) as caught:
        load_project(folder)
    return [str(problem).replace(f"{folder}/", "") for problem in caught.value.problems]


def test_a_specifier_that_is_none_is_refused_with_its_line(tmp_path: Path) -> None:
    assert told(tmp_path, requires="garbage") == ["pyproject.toml:4: 'garbage' is no version specifier (write, for example, \">=3.11\")"]


@pytest.mark.parametrize("name", ["_internal", "_Internal", "coldforge-payload", "licenses"])
def test_names_that_folders_of_the_tree_have_are_refused_with_their_line(name: str, tmp_path: Path) -> None:
    (problem,) = told(tmp_path, name=name)
    assert problem.startswith(f"pyproject.toml:6: '{name}' cannot be the name of a program")


@pytest.mark.parametrize("name", ["_internal", "sp ace"])
def test_names_that_a_backend_tells_are_looked_at_too(name: str) -> None:
    findings, nothing = Findings(), Part(file=Path("pyproject.toml"))
    table = ProjectTable(name="demo", scripts={name: "demo:main"}, dynamic=("scripts",))
    check_entry(Read(root=Path(), table=table, project=nothing, config=Config(), tool=nothing), findings)
    assert [problem.what for problem in findings.problems] == [f"{name!r} cannot be the name of a program"]


def test_an_executable_without_a_script_needs_an_entry(tmp_path: Path) -> None:
    text = PLAIN.format(requires="", name="demo") + "[tool.coldforge.executables.other]\n"
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load_project(tmp_path)
    assert str(caught.value.problems[0]).startswith(f"{tmp_path}/pyproject.toml:7: the executable 'other' has no entry (no script")


def test_an_executable_that_is_misspelled_is_told_which_script_is_meant(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(PLAIN.format(requires="", name="demo") + "[tool.coldforge.executables.dmeo]\n")
    with pytest.raises(ConfigurationError) as caught:
        load_project(tmp_path)
    assert caught.value.problems[0].hint.startswith("no script of [project] has its name; did you mean demo? Else write entry =")


@pytest.mark.parametrize(
    ("tables", "told"),
    [
        ("", ["8: the project has no extra 'Fast.one' (it has none)", "9: the project has no group 'data' (it has none)"]),
        ('[dependency-groups]\ndate = []\n[project.optional-dependencies]\nfast = ["x"]\n',
         ["8: the project has no extra 'Fast.one' (known: fast)", "9: the project has no group 'data' (did you mean date?)"]),
        ('[dependency-groups]\nDATA = []\n[project.optional-dependencies]\nfast_one = ["x"]\n', []),
    ],
    ids=["none", "misspelled", "there"],
)  # fmt: skip
def test_an_extra_or_group_that_is_not_there_is_missed_before_a_freeze_does(
    tables: str, told: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coldforge.project.load.read_source", lambda _root: SourceRecord(epoch=0))
    chosen = '[tool.coldforge.environment]\nextras = ["Fast.one"]\ngroups = ["data"]\n'
    (tmp_path / "pyproject.toml").write_text(PLAIN.format(requires="", name="demo") + chosen + tables)
    problems: tuple[Problem, ...] = ()
    try:
        load_project(tmp_path)
    except ConfigurationError as error:
        problems = error.problems
    assert [str(problem).rpartition("pyproject.toml:")[2] for problem in problems] == told


def one_problem(folder: Path, table: str) -> str:
    """What is wrong with a project that has this table besides."""
    (folder / "pyproject.toml").write_text(PLAIN.format(name="demo", requires=">=3.11") + table)
    with pytest.raises(ConfigurationError) as caught:
        load_project(folder)
    (problem,) = caught.value.problems
    return str(problem)


@pytest.mark.parametrize("python", ["python3.13", ">=3.13", "banana"])
def test_what_names_no_python_is_refused(python: str, tmp_path: Path) -> None:
    """It would be passed over in silence, and whichever Python is there frozen."""
    problem = one_problem(tmp_path, f'[tool.coldforge.environment]\npython = "{python}"\n')
    assert f"pyproject.toml:8: '{python}' names no Python" in problem


@pytest.mark.parametrize(("line", "why"), [('demo \\"x', "no closing quotation"), ("", "it is empty")])
def test_a_smoke_command_that_is_no_command_line_is_refused(line: str, why: str, tmp_path: Path) -> None:
    problem = one_problem(tmp_path, f'[tool.coldforge.smoke]\nrun = ["{line}"]\n')
    assert f"is no command line: {why}" in problem


def test_a_system_that_is_not_there_is_missed_before_anything_is_built(tmp_path: Path) -> None:
    problem = one_problem(tmp_path, '[tool.coldforge.smoke]\nimages = ["debain-12"]\n')
    assert "pyproject.toml:8: there is no bare system 'debain-12'" in problem
