"""Keys lie in folders that go, also those of a run that had no time to see to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from coldforge.host.owner import this_process
from coldforge.sign import openpgp


def test_keys_of_a_run_that_was_killed_go_with_the_next_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openpgp, "MEMORY", tmp_path)
    place, _, _ = this_process().rpartition(" ")
    for name, owner in {"coldforge-dead": f"{place} 999999999.1", "coldforge-alive": this_process(), "coldforge-unknown": "?"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "owner").write_text(owner)
        (tmp_path / name / "key.p12").write_text("secret")
    with openpgp.memory_folder() as folder:
        assert sorted(tmp_path.iterdir()) == sorted([folder, tmp_path / "coldforge-alive", tmp_path / "coldforge-unknown"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["coldforge-alive", "coldforge-unknown"]
