"""Trees for Windows of what commands left: programs that stand at the top under their own name, and nothing that leads there."""

from __future__ import annotations

from pathlib import Path

import pytest

from coldforge.errors import BuildFailed
from coldforge.freeze.arrange import arrange, lone
from coldforge.project.config import Executable
from coldforge.target import Target

WINDOWS = Target("windows", "x86_64")
TINY = Executable(name="tiny", entry="bin/tiny")
HELLO = Executable(name="hello", entry="hello")
SMALL = Executable(name="tiny", entry="tiny")


def arranged(folder: Path, executable: Executable, *made: str) -> set[str]:
    """The files of the tree that commands left as these."""
    for name in made:
        path = folder / "made" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    arrange(folder / "made", folder / "tree", [executable], WINDOWS)
    return {path.relative_to(folder / "tree").as_posix() for path in (folder / "tree").rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("executable", "made", "tree"),
    [
        (HELLO, ("hello",), {"hello.exe"}),
        (HELLO, ("hello.exe", "a.dll"), {"hello.exe", "a.dll"}),
        (Executable(name="hello", entry="greet.exe"), ("greet.exe",), {"hello.exe"}),
        (TINY, ("tiny.exe", "bin/other.exe"), {"tiny.exe", "bin/other.exe"}),
    ],
)
def test_a_program_gets_the_name_that_windows_starts(executable: Executable, made: tuple[str, ...], tree: set[str], tmp_path: Path) -> None:
    assert arranged(tmp_path, executable, *made) == tree


def test_one_file_alone_is_the_program_and_its_own_one_file_program(tmp_path: Path) -> None:
    (tmp_path / "made").write_text("a program")
    arrange(tmp_path / "made", tmp_path / "tree", [SMALL], WINDOWS)
    (tmp_path / "singles").mkdir()
    lone(tmp_path / "tree", tmp_path / "singles", [SMALL], WINDOWS)
    assert (tmp_path / "singles" / "tiny.exe").read_text() == "a program"


@pytest.mark.parametrize(
    ("made", "what"),
    [("bin/tiny.exe", "bin/tiny.exe is not at the top of the tree, from where Windows starts tiny"), ("a.dll", "did not make bin/tiny")],
)
def test_nothing_leads_to_a_program_in_a_folder(made: str, what: str, tmp_path: Path) -> None:
    with pytest.raises(BuildFailed, match=what):
        arranged(tmp_path, TINY, made)
