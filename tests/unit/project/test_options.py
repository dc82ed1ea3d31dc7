"""PyInstaller's options are judged before anything runs, each with its line; they go to the systems that they are for."""

from __future__ import annotations

from pathlib import Path

import pytest

from coldforge.errors import ConfigurationError
from coldforge.project.load import load_project
from coldforge.project.pyinstaller import DECIDED, REMOVED, PyInstallerConfig, meant_for, options

PLAIN = '[project]\nname = "demo"\nversion = "1.0"\n[project.scripts]\ndemo = "demo.cli:main"\n[tool.coldforge.pyinstaller]\n'


def told(folder: Path, lines: str) -> list[str]:
    (folder / "pyproject.toml").write_text(PLAIN + lines)
    with pytest.raises(ConfigurationError) as caught:
        load_project(folder)
    return [str(problem).replace(f"{folder}/", "") for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('add-data = ["notes.txt"]', "'notes.txt' is no pair `source:folder`"),
        ('add-data = ["notes.txt:"]', "'notes.txt:' is no pair `source:folder`"),
        ('add-binary = ["tool:bin"]', "tool does not exist (add-binary names it, relative to the project)"),
        ('add-data = ["*.csv:."]', "*.csv does not exist"),
        ('add-data = ["../notes.txt:."]', "../notes.txt is outside of the project"),
        ('runtime-hooks = ["hook.py"]', "hook.py does not exist"),
        ('additional-hooks-dir = ["hooks"]', "hooks does not exist"),
        ('splash = "picture.png"', "picture.png does not exist"),
        ('version-file = "version.txt"', "version.txt does not exist"),
        ('manifest = "app.manifest"', "app.manifest does not exist"),
        ('resources = ["words.bin,DATA,words"]', "words.bin does not exist"),
        ('paths = ["more"]', "more does not exist"),
        ('spec = "demo.spec"', "demo.spec does not exist"),
        ('contents-directory = "a/b"', "'a/b' cannot be the folder of an executable's files"),
        ('contents-directory = ".."', "'..' cannot be the folder"),
        ('contents-directory = "Demo"', "an executable is called 'Demo' as well"),
    ],
)
def test_what_cannot_be_is_told_with_its_line(line: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("")
    (found,) = told(tmp_path, line + "\n")
    assert found.startswith(f"pyproject.toml:7: {problem}")


def test_what_is_there_is_no_problem(tmp_path: Path) -> None:
    (tmp_path / "words.csv").write_text("a")
    lines = 'add-data = ["*.csv:.", "/usr/share/dict:dict"]\nmanifest = "<assembly/>"\ncontents-directory = "."\npaths = ["none"]\n'
    assert told(tmp_path, lines) == ["pyproject.toml:10: none does not exist (paths names it, relative to the project)"]


def test_no_key_goes_with_a_spec(tmp_path: Path) -> None:
    (tmp_path / "demo.spec").write_text("")
    found = told(tmp_path, 'spec = "demo.spec"\noptimize = 0\nhidden-imports = ["json"]\n')
    assert sorted(found) == [
        "pyproject.toml:8: 'optimize' does nothing beside 'spec' (write it into demo.spec, which decides everything)",
        "pyproject.toml:9: 'hidden-imports' does nothing beside 'spec' (write it into demo.spec, which decides everything)",
    ]


def test_options_go_to_the_systems_that_they_are_for() -> None:
    config = PyInstallerConfig(strip=True, uac_admin=True, target_arch="universal2", optimize=2, splash="picture.png")
    linux, windows, macos = (meant_for(config, system) for system in ("linux", "windows", "macos"))
    assert (linux[0]["uac-admin"], windows[0]["uac-admin"], macos[0]["uac-admin"]) == (False, True, False)
    assert (linux[1], windows[1], macos[1]) == (("target-arch", "uac-admin"), ("strip", "target-arch"), ("splash", "uac-admin"))
    assert {linux[0]["optimize"], windows[0]["optimize"], macos[0]["optimize"]} == {2}
    assert set(linux[0]) == {*options(), "spec", "hooks-config"}


def test_an_option_is_a_key_or_decided_or_gone() -> None:
    keys = [option["option"] for option in options().values()]
    assert len({*keys, *DECIDED, *REMOVED}) == len(keys) + len(DECIDED) + len(REMOVED)
