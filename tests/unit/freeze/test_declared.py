"""A lock that does not hold what the project demands is told with every finding."""

from __future__ import annotations

from pathlib import Path

import pytest

from coldforge.errors import ConfigurationError, Location
from coldforge.freeze.declared import check_complete, check_hashes, command, declared
from coldforge.project.config import EnvironmentConfig

PYPROJECT = """\
[project]
name = "demo"
dependencies = ["click>=8", "tomli; python_version < '3.11'", "Rich"]
[project.optional-dependencies]
Fast_Path = ["uvloop"]
[dependency-groups]
all = ["pytest", { include-group = "lint" }]
lint = ["ruff>=1"]
loop = [{ include-group = "loop" }]
"""
HASH = " --hash=sha256:00\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    return tmp_path


def findings(project: Path, text: str, *, python: str = "3.12.1", config: EnvironmentConfig | None = None) -> list[str]:
    try:
        check_complete(project, config or EnvironmentConfig(), project / "requirements.txt", text, python=python)
    except ConfigurationError as error:
        return [problem.what for problem in error.problems]
    return []


def test_a_lock_with_everything_is_accepted(project: Path) -> None:
    assert findings(project, f"click==8.1{HASH}rich==1.0{HASH}") == []


def test_every_finding_is_told_at_once(project: Path) -> None:
    found = findings(project, f"click==7.0{HASH}")
    assert found == ["click 7.0 is locked, the project requires click>=8", "Rich is required by the project but not locked"]


def test_the_hint_is_the_command_that_updates_the_lock(project: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check_complete(project, EnvironmentConfig(), project / "requirements.txt", "", python="3.12.1")
    assert "uv pip compile" in caught.value.hint


def test_markers_are_those_of_the_python_that_is_frozen(project: Path) -> None:
    assert findings(project, f"click==8.1{HASH}rich==1.0{HASH}", python="3.10.4") == [
        'tomli; python_version < "3.11" is required by the project but not locked'
    ]


def test_a_fork_of_a_universal_lock_counts_where_it_applies(project: Path) -> None:
    fork = f"click==7.0 ; python_version < '3.12'{HASH}click==8.2 ; python_version >= '3.12'{HASH}rich==1.0{HASH}"
    assert findings(project, fork, python="3.12.0") == []
    assert findings(project, fork, python="3.11.0") == ["click 7.0 is locked, the project requires click>=8"]


def test_extras_and_groups_are_demanded_too(project: Path) -> None:
    config = EnvironmentConfig(extras=("fast-path",), groups=("all",))
    assert [requirement.name for requirement in declared(project, config)] == ["click", "tomli", "Rich", "uvloop", "pytest", "ruff"]
    assert len(findings(project, f"click==8.1{HASH}rich==1.0{HASH}", config=config)) == 3


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (EnvironmentConfig(extras=("fats",)), "no extra 'fats'"),
        (EnvironmentConfig(groups=("docs",)), "no group 'docs'"),
        (EnvironmentConfig(groups=("loop",)), "includes itself"),
    ],
)
def test_what_does_not_exist_is_named(config: EnvironmentConfig, words: str, project: Path) -> None:
    with pytest.raises(ConfigurationError, match=words):
        declared(project, config)


def test_requirements_without_a_hash_are_named_with_their_lines(tmp_path: Path) -> None:
    text = f"# top\nclick==8.1 \\\n   {HASH}rich==1.0\n-e ./other\n--index-url https://example.org\n"
    with pytest.raises(ConfigurationError) as caught:
        check_hashes(tmp_path / "requirements.txt", text)
    found = [(problem.what, problem.where.line) for problem in caught.value.problems if problem.where]
    assert found == [("no hash: rich==1.0", 4), ("no hash: -e ./other", 5)]
    assert "uv pip compile" in caught.value.hint


@pytest.mark.parametrize("line", ["-e ../library", "./library", "library @ file:///work/library", "library @ git+https://example.org/l@00"])
def test_what_can_have_no_hash_is_not_told_to_be_locked_again(line: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="a folder or a repository has none") as caught:
        check_hashes(tmp_path / "requirements.txt", f"rich==1.0 --hash=sha256:00\n{line}\n")
    assert [(problem.what, problem.where) for problem in caught.value.problems] == [
        (f"no hash: {line}", Location(tmp_path / "requirements.txt", 2))
    ]


@pytest.mark.parametrize(("name", "words"), [("uv.lock", "uv lock"), ("pylock.toml", "export"), ("r.txt", "-o r.txt")])
def test_the_command_that_makes_the_lock_anew(name: str, words: str) -> None:
    assert words in command(Path(name))
