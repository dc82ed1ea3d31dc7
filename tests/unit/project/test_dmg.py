"""What a disk image cannot look like is told with its line."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec
import pytest

from coldforge.project.dmg import DmgConfig, check_dmg
from coldforge.project.read import Findings, Part


def problems(folder: Path, text: str) -> list[str]:
    """What is said of a table `[dmg]` with these lines, in a project that has a picture and a text."""
    path = folder / "coldforge.toml"
    path.write_text(f"[dmg]\n{text}\n")
    for name in ("picture.png", "licence.txt"):
        (folder / name).touch()
    table, findings = tomllib.loads(path.read_text()), Findings()
    check_dmg(folder, Part(file=path, content=table), msgspec.convert(table["dmg"], DmgConfig), findings)
    return [str(problem).replace(f"{folder}/", "") for problem in findings.problems]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('background = "none.png"', "the background none.png does not exist"),
        ('background = "../picture.png"', "the background ../picture.png is outside of the project"),
        ('background = "licence.txt"', "the background licence.txt is none of .png, .jpg, .jpeg, .tif, .tiff"),
        ('license = "LICENSE"', "the license LICENSE is none of .txt, .rtf"),
    ],
)
def test_a_file_of_no_use(line: str, problem: str, tmp_path: Path) -> None:
    (found,) = problems(tmp_path, line)
    assert found == f"coldforge.toml:2: {problem} (name a file of the project, relative to it)"


def test_an_icon_beside_the_window(tmp_path: Path) -> None:
    found = problems(tmp_path, "window = [300, 200]\napplication = [100, 201]\napplications = [300, 200]")
    assert found == ["coldforge.toml:3: the icon at 100, 201 is outside of the window of 300 by 200 (place it within the window)"]


def test_what_is_fine_is_fine(tmp_path: Path) -> None:
    assert problems(tmp_path, 'background = "picture.png"\nlicense = "licence.txt"\napplication = [900, 900]') == []


@pytest.mark.parametrize("line", ["window = [10, 10]", "window = [300]", "icon-size = 1000", 'volume = ".x"', 'volume = "a/b"', "link = 1"])
def test_values_that_are_none_are_no_configuration(line: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(tomllib.loads(line), DmgConfig)
