"""Where a project takes its distributions from."""

from __future__ import annotations

from pathlib import Path

import pytest

from coldforge.errors import ConfigurationError, Location
from coldforge.host.secrets import redact
from coldforge.project.config import Config, EnvironmentConfig
from coldforge.project.read import Findings
from coldforge.project.supply import check_indexes, indexes, wheelhouse

TABLE = """
[[tool.uv.index]]
name = "corp"
url = "https://corp.example/simple"

[[tool.uv.index]]
url = "https://nameless.example/simple"

[[tool.uv.index]]
name = "mirror"
url = "https://mirror.example/simple"
default = true

[[tool.uv.index]]
name = "beside"
url = "wheels"
format = "flat"
"""


def test_the_projects_own_indexes_come_after_those_of_the_environment(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(TABLE)
    own = "corp=https://corp.example/simple https://nameless.example/simple"
    assert indexes(tmp_path, {}) == {"UV_INDEX": own, "UV_DEFAULT_INDEX": "mirror=https://mirror.example/simple"}
    assert indexes(tmp_path, {"UV_INDEX": "https://mine.example"})["UV_INDEX"] == f"https://mine.example {own}"


@pytest.mark.parametrize("name", ["UV_DEFAULT_INDEX", "UV_INDEX_URL"])
def test_the_default_that_the_environment_names_wins(name: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(TABLE)
    assert "UV_DEFAULT_INDEX" not in indexes(tmp_path, {name: "https://here.example/simple"})


def test_a_uv_toml_hides_the_table(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(TABLE)
    (tmp_path / "uv.toml").write_text('[[index]]\nname = "other"\nurl = "https://other.example"\n')
    assert indexes(tmp_path, {}) == {"UV_INDEX": "other=https://other.example"}


def test_a_project_without_indexes_changes_nothing(tmp_path: Path) -> None:
    assert indexes(tmp_path, {}) == {}


@pytest.mark.parametrize("url", ["wheels", "../wheels", "/srv/wheels", "file:///srv/wheels"])
def test_an_index_that_is_a_folder_is_refused_where_it_stands(url: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(TABLE.replace('"wheels"', f'"{url}"'))
    check_indexes(tmp_path, Config(), findings := Findings())
    (problem,) = findings.problems
    assert problem.what == "the index beside is a folder: a freeze takes from addresses only"
    assert problem.where == Location(tmp_path / "pyproject.toml", 16)
    assert "wheelhouse" in problem.hint


def test_a_folder_among_the_indexes_is_nothing_where_no_index_is_asked(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(TABLE)
    for config in (Config(environment=EnvironmentConfig(wheelhouse="wheels")), Config(freezer="command")):
        check_indexes(tmp_path, config, findings := Findings())
        assert findings.problems == []


def test_a_folder_in_uv_toml_has_its_place_too(tmp_path: Path) -> None:
    (tmp_path / "uv.toml").write_text('[[index]]\nurl = "wheels"\n')
    check_indexes(tmp_path, Config(), findings := Findings())
    assert [str(problem.where) for problem in findings.problems] == [f"{tmp_path}/uv.toml:2"]


@pytest.mark.parametrize("text", ["[[tool.uv.index]", 'tool.uv.index = "x"', "tool.uv = 1", "[[tool.uv.index]]\nname = 1\n"])
def test_what_is_no_table_of_indexes_names_none(text: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    assert indexes(tmp_path, {}) == {}


def test_credentials_that_somebody_wrote_into_the_table_are_hidden(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(TABLE.replace("corp.example", "ada:thirteen-keys@corp.example"))
    assert "thirteen-keys" in indexes(tmp_path, {})["UV_INDEX"]
    assert "thirteen-keys" not in redact("it said thirteen-keys")


def test_a_wheelhouse_must_be_a_folder(tmp_path: Path) -> None:
    assert wheelhouse(tmp_path, EnvironmentConfig()) is None
    (tmp_path / "wheels").mkdir()
    assert wheelhouse(tmp_path, EnvironmentConfig(wheelhouse="wheels")) == tmp_path / "wheels"
    with pytest.raises(ConfigurationError, match="the wheelhouse nowhere is no folder"):
        wheelhouse(tmp_path, EnvironmentConfig(wheelhouse="nowhere"))
