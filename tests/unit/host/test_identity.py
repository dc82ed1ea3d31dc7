"""Who runs this: as the system says and as the environment says, where the two differ."""

from __future__ import annotations

import os
import platform
import pwd
from pathlib import Path

import pytest

from coldforge.host.identity import identity


def test_both_homes_count_and_the_name_is_the_systems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = pwd.getpwuid(os.getuid())
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("USERPROFILE", raising=False)
    monkeypatch.setenv("USERNAME", "somebody-else")
    found = identity()
    assert (found.user, found.host) == (entry.pw_name, platform.node())
    assert set(found.homes) == {entry.pw_dir, str(tmp_path)}


def test_a_user_that_the_system_does_not_know_has_the_home_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 2**31 - 7)  # as in a container that is started with any number
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("USERPROFILE", raising=False)
    monkeypatch.setenv("USERNAME", "ann")
    assert (identity().user, identity().homes) == ("ann", (str(tmp_path),))
    monkeypatch.delenv("HOME")
    assert identity().homes == ()
