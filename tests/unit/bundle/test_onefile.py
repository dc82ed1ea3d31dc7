"""A one-file program is handed out as it was frozen, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from coldforge.bundle.onefile import OneFile
from coldforge.bundle.tree import Tree
from coldforge.errors import BuildFailed, Refused
from support import payloads

NOTHING = Tree(nodes=(), epoch=0)


def test_it_is_copied_and_can_be_started(tmp_path: Path) -> None:
    job = payloads.job(tmp_path, "onefile")
    OneFile().bundle(job, NOTHING, tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == (job.folder / "onefile" / "demo").read_bytes()
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("change", ["edit", "remove"])
def test_one_that_changed_is_refused(change: str, tmp_path: Path) -> None:
    job = payloads.job(tmp_path, "onefile")
    program = job.folder / "onefile" / "demo"
    if change == "edit":
        program.write_text("#!/bin/sh\necho two\n")
    else:
        program.unlink()
    with pytest.raises(Refused, match="has changed since it was frozen"):
        OneFile().bundle(job, NOTHING, tmp_path / "out")


def test_one_that_the_freeze_did_not_make_is_told(tmp_path: Path) -> None:
    job = payloads.job(tmp_path, "onefile", singles=())
    with pytest.raises(BuildFailed, match="made no one-file program demo"):
        OneFile().bundle(job, NOTHING, tmp_path / "out")
