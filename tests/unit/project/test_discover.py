"""What starts a project that does not say so."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from coldforge.errors import ConfigurationError
from coldforge.project.discover import entries, meant
from coldforge.project.load import load_project

PROJECT = '[project]\nname = "my-demo"\nversion = "1"\n'


def project(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in {"pyproject.toml": PROJECT, **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"src/my_demo/__init__.py": "", "src/my_demo/__main__.py": "from .shell import start as go\ngo()\n"}, "my_demo.shell:start"),
        ({"my_demo/__init__.py": "", "my_demo/__main__.py": "from my_demo.shell import run\nrun()\n"}, "my_demo.shell:run"),
        ({"my_demo/__init__.py": "", "my_demo/cli.py": "import typer\napp = typer.Typer()\n"}, "my_demo.cli:app"),
        ({"src/my_demo.py": "def main(): ...\n"}, "my_demo:main"),
    ],
    ids=["what __main__ calls", "by its whole name", "an application object", "one module"],
)
def test_the_entry_that_can_be_meant_is_taken(tmp_path: Path, files: dict[str, str], found: str) -> None:
    assert meant(project(tmp_path, files), "my-demo") == found


@pytest.mark.parametrize(
    ("files", "named"),
    [
        (
            {"my_demo/__init__.py": "", "my_demo/cli.py": "def main(): ...", "my_demo/app.py": "def run(): ..."},
            ["my_demo.cli:main", "my_demo.app:run"],
        ),
        ({"my_demo/__init__.py": "", "my_demo/cli.py": "def main(:"}, ["my_demo.cli:main"]),
        ({"other/__init__.py": "def main(): ..."}, ["my_demo.cli:main"]),
    ],
    ids=["two", "no Python", "of another name"],
)
def test_nothing_is_guessed_where_that_is_not_clear(tmp_path: Path, files: dict[str, str], named: list[str]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_project(project(tmp_path, files))
    (problem,) = caught.value.problems
    assert [entry for entry in named if entry in str(problem)] == named


def test_nothing_of_the_project_is_run(tmp_path: Path) -> None:
    files = {"my_demo/__init__.py": "raise SystemExit(9)", "my_demo/__main__.py": "from .a import b\nb()\n"}
    assert meant(project(tmp_path, files), "my-demo") == "my_demo.a:b"
    assert entries(tmp_path, "nothing") == ()


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"packages/b/pyproject.toml": "", "a/pyproject.toml": "", ".tox/c/pyproject.toml": "", "tool.py": ""}, "of one: a, packages/b."),
        ({f"p{number}/pyproject.toml": "" for number in range(6)}, "p0, p1, p2, p3, p4 …."),
        ({"setup.py": "", "old.py": ""}, 'setup.py is read by its build backend, .*requires = \\["setuptools"\\]'),
        ({"hello.py": "", "noxfile.py": ""}, 'hello.py becomes a project .*hello = "hello:main"'),
        ({"a.py": "", "b.py": ""}, "`uv init`"),
        ({}, "`uv init`"),
    ],
    ids=["projects below", "many", "setup.py", "a script", "scripts", "nothing"],
)
def test_a_folder_without_a_project_is_told_what_would_make_it_one(tmp_path: Path, files: dict[str, str], said: str) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    with pytest.raises(ConfigurationError, match="there is no project in") as caught:
        load_project(tmp_path)
    assert re.search(said, caught.value.hint, re.DOTALL)
