"""What a backend prepared fills the dynamic fields, and only those."""

from __future__ import annotations

import warnings as python_warnings
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest

from coldforge.project.config import Config
from coldforge.project.dynamic import ALL, _heard, filled, kept, needs_backend
from coldforge.project.metadata import Person, ProjectTable, Text, product_of
from support.warned import warnings as said

METADATA = """\
Metadata-Version: 2.4
Name: demo
Version: 1.2.3
Summary: Does things
License-Expression: MIT
Requires-Python: >=3.11
Author-email: Ada Lovelace <ada@example.org>, bob@example.org
Project-URL: Homepage, https://example.org/demo
Project-URL: Issues, https://example.org/issues

# Demo

It does things.
"""


@pytest.fixture
def distribution(tmp_path: Path) -> PathDistribution:
    folder = tmp_path / "demo-1.2.3.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(METADATA)
    (folder / "entry_points.txt").write_text("[console_scripts]\ndemo = demo.cli:main\n[gui_scripts]\nshow = demo:show\n[other]\nx = y:z\n")
    return PathDistribution(folder)


def test_a_project_that_says_nothing_gets_everything_from_its_backend(distribution: PathDistribution, tmp_path: Path) -> None:
    table = filled(ALL, distribution)
    assert table.authors == (Person(name="Ada Lovelace", email="ada@example.org"), Person(email="bob@example.org"))
    made = product_of(table, Config(), root=tmp_path)
    assert (made.name, made.version, made.summary, made.license) == ("demo", "1.2.3", "Does things", "MIT")
    assert (made.description, made.homepage, made.requires_python) == ("It does things.", "https://example.org/demo", ">=3.11")
    assert made.maintainer == "Ada Lovelace <ada@example.org>"
    assert [(e.name, e.entry, e.console) for e in made.executables] == [("demo", "demo.cli:main", True), ("show", "demo:show", False)]


def test_what_is_static_stays_as_it_is(distribution: PathDistribution) -> None:
    table = filled(ProjectTable(name="Static", description="Static words", dynamic=("version",)), distribution)
    assert (table.name, table.version, table.description, table.scripts) == ("Static", "1.2.3", "Static words", {})


def test_older_metadata_is_understood(distribution: PathDistribution, tmp_path: Path) -> None:
    old = METADATA.replace("License-Expression: MIT", "License: The MIT License\n        of many lines").replace(
        "Author-email", "Author: Ada\nX"
    )
    (tmp_path / "demo-1.2.3.dist-info" / "METADATA").write_text(old)
    table = filled(ALL, distribution)
    assert isinstance(table.license, Text)
    assert product_of(table, Config(), root=tmp_path).license == "The MIT License"
    assert table.authors == (Person(name="Ada"),)


@pytest.mark.parametrize(
    ("field", "asked"), [("version", True), ("scripts", True), ("license", True), ("readme", False), ("dependencies", False)]
)
def test_the_backend_is_asked_only_for_what_a_plan_needs(field: str, asked: bool) -> None:
    assert needs_backend(ProjectTable(dynamic=(field,))) is asked


@pytest.mark.parametrize(
    "name",
    ["GITHUB_TOKEN", "GH_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_RUNTIME_TOKEN",
     "COLDFORGE_IDENTITY_TOKEN", "UV_INDEX_OURS_PASSWORD", "UV_INDEX_URL", "SSH_AUTH_SOCK", "GIT_CONFIG_VALUE_0", "GIT_ASKPASS",
     "PYTHONPATH", "LD_PRELOAD", "GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH"],
)  # fmt: skip
def test_a_backend_sees_no_secret(name: str) -> None:
    assert kept({name: "secret", "PATH": "/bin"}) == {"PATH": "/bin"}


@pytest.mark.parametrize("name", ["HOME", "SOURCE_DATE_EPOCH", "GIT_CONFIG_GLOBAL", "SETUPTOOLS_SCM_PRETEND_VERSION_FOR_DEMO"])
def test_a_backend_sees_where_it_is_and_what_the_version_is_said_to_be(name: str) -> None:
    assert kept({name: "value"}) == {name: "value"}


def test_what_a_backend_warns_of_is_told_once() -> None:
    with said() as texts, _heard():
        for _ in range(2):
            python_warnings.warn_explicit("it is shallow", UserWarning, "backend.py", 1)
    assert texts == ["the build backend: it is shallow"]
