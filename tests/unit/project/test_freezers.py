"""What each freezer demands: entries of its own kind, and commands only where they are run."""

from __future__ import annotations

from pathlib import Path

import pytest

from coldforge.errors import ConfigurationError
from coldforge.project import load
from coldforge.project.config import Executable
from coldforge.project.load import Project
from coldforge.records import SourceRecord

OWN = """\
freezer = "command"

[project]
name = "demo"
version = "1.0"
"""
RUN = '\n[command]\nrun = ["make install DESTDIR={out}"]\n'
SCRIPTS = '\n[project.scripts]\ndemo = "demo.cli:main"\n'
ENTRY = '\n[executables.demo]\nentry = "{}"\n'


@pytest.fixture(autouse=True)
def _no_git(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "read_source", lambda _root: SourceRecord(epoch=0))


def read(folder: Path, text: str) -> Project:
    (folder / "coldforge.toml").write_text(text, encoding="utf-8")
    return load.load_project(folder)


def problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        read(folder, text)
    return [f"{problem.where.line if problem.where else 0}: {problem.what}" for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Executable(name="demo", entry="demo")),
        (SCRIPTS, Executable(name="demo", entry="demo")),
        (SCRIPTS.replace("scripts", "gui-scripts"), Executable(name="demo", entry="demo", console=False)),
        (ENTRY.format("./bin/../bin/app"), None),
        (ENTRY.format("./bin//app"), Executable(name="demo", entry="bin/app")),
    ],
)
def test_executables_are_paths_in_what_commands_make(text: str, expected: Executable | None, tmp_path: Path) -> None:
    if expected is None:
        assert problems(tmp_path, OWN + RUN + text) == [
            "11: 'entry' must be a path in the tree that the commands make, not './bin/../bin/app'"
        ]
    else:
        assert read(tmp_path, OWN + RUN + text).product.executables == (expected,)


@pytest.mark.parametrize("entry", ["/usr/bin/app", "..", "../app", "bin/.."])
def test_an_entry_outside_of_the_tree_is_a_problem(entry: str, tmp_path: Path) -> None:
    (found,) = problems(tmp_path, OWN + RUN + ENTRY.format(entry))
    assert repr(entry) in found


def test_commands_that_are_missing_or_none_are_problems(tmp_path: Path) -> None:
    assert problems(tmp_path, OWN) == ["1: there is no command that makes anything"]
    assert problems(tmp_path, OWN + '\n[command]\ntools = ["cc --version"]\n') == ["7: there is no command that makes anything"]
    broken = OWN + '\n[command]\nrun = ["sh -c \'"]\ntools = [" "]\n'
    assert problems(tmp_path, broken) == [
        '8: "sh -c \'" is no command line: no closing quotation',
        "9: ' ' is no command line: it is empty",
    ]


def test_commands_that_nobody_runs_and_a_path_for_pyinstaller_are_problems(tmp_path: Path) -> None:
    text = OWN.replace('freezer = "command"\n', "") + SCRIPTS + RUN + ENTRY.format("bin/demo")
    assert problems(tmp_path, text) == [
        "9: the freezer 'pyinstaller' runs no commands",
        "13: 'entry' must be package.module:function, not 'bin/demo'",
    ]


@pytest.mark.parametrize("output", ["/usr", "..", "a/../../b"])
def test_output_stays_in_the_project(output: str, tmp_path: Path) -> None:
    (found,) = problems(tmp_path, OWN + RUN + f'output = "{output}"\n')
    assert found.startswith("9: 'output' must be a text of the right form")
