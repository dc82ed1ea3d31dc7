"""What no desktop understands is told with its line."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec
import pytest

from coldforge.project.config import Config
from coldforge.project.desktop import check_desktop
from coldforge.project.read import Findings, Part

HEAD = "[executables.a]\n"
OWN = 'file-associations = [{ mime-type = "a/b", extensions = ["x"] }]\n[executables.b]\n'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('actions.new = { name = "New", arguments = ["-n"] }\nfile-associations = [{ mime-type = "text/plain" }]\n', ""),
        ('actions."a b" = { name = "New" }\n', "2: 'a b' cannot be the id of an action (use letters, digits and hyphens)"),
        ('actions.new = { name = " " }\n', "2: the action 'new' has no name"),
        (
            'file-associations = [{ mime-type = "a/b", icon = "x.png" }]\n',
            "2: a/b has no extensions, so its name and icon would do nothing",
        ),
        (
            'file-associations = [\n  { mime-type = "a/b", extensions = ["x"] },\n  { mime-type = "a/b", extensions = ["y"] },\n]\n',
            "4: a/b is defined twice, and not alike",
        ),
        (
            OWN + 'file-associations = [{ mime-type = "a/c", extensions = ["x"] }]\n',
            "4: .x would be both a/b and a/c (give it to one of them)",
        ),
        (
            OWN + 'file-associations = [{ mime-type = "a/b", extensions = ["x"] }, { mime-type = "a/b" }]\n',
            "",
        ),
    ],
)
def test_one_problem(text: str, problem: str, tmp_path: Path) -> None:
    file = tmp_path / "coldforge.toml"
    file.write_text(HEAD + text)
    table = tomllib.loads(HEAD + text)
    findings = Findings()
    check_desktop(Part(file=file, content=table), msgspec.convert(table, Config).executables, findings)
    found = [str(each).removeprefix(f"{file}:") for each in findings.problems]
    assert len(found) == bool(problem)
    assert all(each.startswith(problem) for each in found)
