"""What a package cannot show or run is told with its line."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec
import pytest

from coldforge.project.pkg import PkgConfig, check_pkg
from coldforge.project.read import Findings, Part


def problems(folder: Path, text: str) -> list[str]:
    """What is said of a table `[pkg]` with these lines, in a project that has a script and a text."""
    path = folder / "coldforge.toml"
    path.write_text(f"[pkg]\n{text}\n")
    (folder / "run").write_text("#!/bin/sh\n")
    (folder / "text.html").write_text("<p>")
    table, findings = tomllib.loads(path.read_text()), Findings()
    check_pkg(folder, Part(file=path, content=table), msgspec.convert(table["pkg"], PkgConfig), findings)
    return [str(problem).replace(f"{folder}/", "") for problem in findings.problems]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('welcome = "none.txt"', "the welcome none.txt does not exist (name a file of the project, relative to it)"),
        ('license = "run"', "the license run is none of .txt, .rtf, .html (name a file of the project, relative to it)"),
        ('background = "text.html"', "the background text.html is none of"),
        ('preinstall = "../run"', "the preinstall ../run is outside of the project"),
        ('postinstall = "none"', "the postinstall none does not exist"),
        ('postinstall = "text.html"', "the postinstall text.html does not begin with #! (its first line names what runs it, such as"),
    ],
)
def test_a_file_of_no_use(line: str, problem: str, tmp_path: Path) -> None:
    (found,) = problems(tmp_path, line)
    assert found.startswith(f"coldforge.toml:2: {problem}")


def test_what_is_fine_is_fine(tmp_path: Path) -> None:
    assert problems(tmp_path, 'welcome = "text.html"\npreinstall = "run"\nlocation = "/Library/Fonts"') == []


@pytest.mark.parametrize(
    "line", ['location = "usr/local"', 'location = "/a/../b"', 'identifier = "demo"', "restart = 1", 'title = "a\\nb"']
)
def test_values_that_are_none_are_no_configuration(line: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(tomllib.loads(line), PkgConfig)
