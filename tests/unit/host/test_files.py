"""Files are written whole or not at all."""

from __future__ import annotations

import errno
import os
import signal
import tempfile
from pathlib import Path
from typing import Any

import pytest

from coldforge.errors import Missing
from coldforge.host import files


def test_a_file_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    with pytest.raises(KeyboardInterrupt), files.beside(path) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert list(path.parent.iterdir()) == []
    files.write(path, b"whole")
    assert path.read_bytes() == b"whole"
    assert list(path.parent.iterdir()) == [path]


def test_an_interrupt_while_a_temporary_folder_is_made_leaves_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make = tempfile.mkdtemp

    def made(*args: Any) -> str:
        name: str = make(*args)
        signal.raise_signal(signal.SIGINT)
        return name

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(tempfile, "mkdtemp", made)
    with pytest.raises(KeyboardInterrupt), files.scratch("test"):
        pytest.fail("the block is not reached")
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_replacement_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    files.write(path, b"old")
    with pytest.raises(ValueError, match="no"), files.beside(path) as temporary:
        temporary.write_bytes(b"new, half")
        raise ValueError("no")
    assert path.read_bytes() == b"old"


def test_equal_bytes_are_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "file"
    files.write(path, b"same")
    os.utime(path, (1, 1))
    files.write(path, b"same")
    assert path.stat().st_mtime == 1


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    folder = tmp_path / "tree"
    for text in ("one", "two"):
        with files.folder_beside(folder) as temporary:
            (temporary / text).write_text(text)
    assert [path.name for path in folder.iterdir()] == ["two"]
    with pytest.raises(ValueError, match="no"), files.folder_beside(folder) as temporary:
        (temporary / "three").write_text("half")
        raise ValueError("no")
    assert [path.name for path in folder.iterdir()] == ["two"]
    assert [path.name for path in tmp_path.iterdir()] == ["tree"]


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_modes_do_not_depend_on_the_umask(mask: int, tmp_path: Path) -> None:
    old = os.umask(mask)
    try:
        files.write(tmp_path / "file", b"x")
    finally:
        os.umask(old)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(("number", "word"), [(errno.ENOSPC, "no disk space"), (errno.EROFS, "cannot be written"), (errno.EACCES, "--out")])
def test_a_full_or_closed_disk_is_told_in_words(number: int, word: str, tmp_path: Path) -> None:
    with pytest.raises(Missing) as caught, files.disk_errors(tmp_path / "file"):
        raise OSError(number, os.strerror(number))
    assert word in f"{caught.value.what} {caught.value.hint}"


def test_a_folder_is_shown_as_a_shell_takes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert [files.shown(tmp_path / name) for name in ("dist", "my dist")] == ["dist", "'my dist'"]
