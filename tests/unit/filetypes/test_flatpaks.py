"""Flatpak bundles take two tools to be looked into."""

from __future__ import annotations

from pathlib import Path

import pytest

from coldforge.errors import Missing
from coldforge.filetypes.flatpaks import unpack
from coldforge.host import programs


@pytest.mark.parametrize("absent", ["flatpak", "ostree"])
def test_without_a_tool_it_is_said(absent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "find", lambda name: None if name == absent else tmp_path / name)
    with pytest.raises(Missing, match=f"{absent} is not installed") as told:
        unpack(tmp_path / "x.flatpak", tmp_path)
    assert f"apt-get install {absent}" in told.value.hint
