"""Where a project takes its distributions from."""

from __future__ import annotations

from pathlib import Path

import pytest

from coldforge.errors import ConfigurationError
from coldforge.host.secrets import redact
from coldforge.project.config import EnvironmentConfig
from coldforge.project.supply import indexes, wheelhouse

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
