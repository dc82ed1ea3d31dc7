"""Byte code is found again wherever the workshop stands; none of the application's is kept."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from freezing.imported import CODE, byte_code

FOLDERS: Mapping[str, str] = {"environment": "installed_library", "application": "frozen_program"}


def names(root: Path, kept: Path, name: str) -> list[str]:
    """What the modules of a workshop say they are called; all are written at one time, and of one size."""
    for folder, module in FOLDERS.items():
        (root / folder).mkdir(parents=True)
        (root / folder / f"{module}.py").write_text(f'NAME = "{name}"\n')
        os.utime(root / folder / f"{module}.py", (1_000_000_000, 1_000_000_000))
    importlib.invalidate_caches()
    with byte_code({"work": str(root / "work"), "kept": str(kept)}), pytest.MonkeyPatch.context() as patch:
        for folder in FOLDERS:
            patch.syspath_prepend(root / folder)
        found = [importlib.import_module(module).NAME for module in FOLDERS.values()]
    for module in FOLDERS.values():
        del sys.modules[module]
    return found


@pytest.mark.skipif(os.name == "nt", reason="making links takes rights there")
def test_that_of_the_environment_is_taken_in_another_workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "pycache_prefix", None)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", "")
    kept = tmp_path / "kept"
    assert names(tmp_path / "first", kept, "one") == ["one", "one"]
    compiled = {path.name.partition(".")[0] for path in kept.rglob("*.pyc")}
    assert FOLDERS["environment"] in compiled
    assert FOLDERS["application"] not in compiled
    assert not [path for path in (kept / CODE).rglob("*") if path.is_symlink()]
    (tmp_path / "behind").symlink_to(tmp_path)
    # the key of an analysis tells environments apart: that the old name is said shows that nothing was compiled
    for place in (tmp_path / "second", tmp_path / "behind" / "third"):
        assert names(place, kept, "two") == ["one", "two"]
