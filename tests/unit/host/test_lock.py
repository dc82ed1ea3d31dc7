"""One at a time in a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from coldforge.errors import Missing
from coldforge.host.lock import exclusive


def test_a_process_does_not_wait_for_itself(tmp_path: Path) -> None:
    with exclusive(tmp_path), exclusive(tmp_path):
        assert (tmp_path / ".lock").is_file()


def test_a_folder_that_cannot_be_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "dist").write_text("a file")
    with pytest.raises(Missing, match="dist"), exclusive(tmp_path / "dist"):
        pytest.fail("never reached")
