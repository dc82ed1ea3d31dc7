"""One at a time in a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from coldforge.errors import Missing
from coldforge.host import files
from coldforge.host.lock import exclusive


def test_a_process_does_not_wait_for_itself(tmp_path: Path) -> None:
    with exclusive(tmp_path), exclusive(tmp_path):
        assert (tmp_path / ".lock").is_file()


def test_what_a_killed_run_left_goes_and_what_is_being_made_stays(tmp_path: Path) -> None:
    for name in (".coldforge-file", "linux-x86_64/.coldforge-file", ".coldforge-folder/a", "linux-x86_64/payload/.coldforge-of-theirs"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("half")
    with exclusive(tmp_path), files.beside(tmp_path / "whole") as temporary, exclusive(tmp_path):
        temporary.write_text("whole")
    left = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    assert left == [".lock", "linux-x86_64/payload/.coldforge-of-theirs", "whole"]


def test_what_is_elsewhere_or_another_runs_stays(tmp_path: Path) -> None:
    mine, theirs, other = tmp_path / "dist", tmp_path / "elsewhere", tmp_path / "dist/nested"
    for folder in (mine, theirs, other):
        folder.mkdir()
        (folder / ".coldforge-file").write_text("half")
    (mine / "link").symlink_to(theirs)
    (other / ".lock").touch()
    with exclusive(mine):
        pass
    assert [(folder / ".coldforge-file").exists() for folder in (mine, theirs, other)] == [False, True, True]


def test_a_folder_that_cannot_be_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "dist").write_text("a file")
    with pytest.raises(Missing, match="dist"), exclusive(tmp_path / "dist"):
        pytest.fail("never reached")
