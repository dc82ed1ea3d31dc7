"""What a release is to be, by what lies where it is made."""

from __future__ import annotations

from pathlib import Path

import pytest

from coldforge.records import Manifest, SourceRecord
from coldforge.release.goal import _told


@pytest.mark.parametrize(("place", "path"), [("apps/foo", "apps/foo"), ("", "apps/foo"), ("", "")])
def test_the_changelog_is_the_projects_own(place: str, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The release is made in the repository's folder, or in the project's own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / place).mkdir(parents=True, exist_ok=True)
    (tmp_path / place / "CHANGELOG.md").write_text("## 1.2.3\n\n- a thing\n")
    manifest = Manifest(coldforge="0", product="foo", version="1.2.3", source=SourceRecord(epoch=0, path=path), targets=())
    assert "- a thing" in _told(None, manifest, "v1.2.3")
