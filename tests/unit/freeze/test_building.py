"""What is built from source, with what, and what is recorded of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from coldforge.errors import ConfigurationError
from coldforge.freeze.building import BuildLock, built, find_build_lock, split
from coldforge.freeze.lock import RESOLVED
from coldforge.project.config import EnvironmentConfig
from coldforge.records import Distribution

HASH = "--hash=sha256:00"


def test_what_may_be_built_is_taken_out_of_the_lock_by_name() -> None:
    two = f"B_b==1 ; python_version < '3.12' {HASH}\nb-b==2 ; python_version >= '3.12' {HASH}\n"
    text = f"a==1 \\\n    {HASH}\n{two}c @ https://c.example/c.tar.gz {HASH}\n"
    rest, sources = split(text, ("b.b", "C"))
    assert rest.split() == ["a==1", HASH]
    assert sources.keys() == {"b-b", "c"}
    assert len(sources["b-b"].splitlines()) == 2
    assert split(text, ())[1] == {}


def test_a_build_lock_is_enforced_to_the_hash(tmp_path: Path) -> None:
    assert find_build_lock(tmp_path, EnvironmentConfig()) == BuildLock()
    (tmp_path / "build.txt").write_text(f"setuptools==84.2.1 {HASH}\nhatchling==1.27.0\n")
    config = EnvironmentConfig(build_lock="build.txt")
    with pytest.raises(ConfigurationError, match="cannot be enforced") as caught:
        find_build_lock(tmp_path, config)
    assert caught.value.problems[0].what == "no hash: hatchling==1.27.0"
    (tmp_path / "build.txt").write_text(f"setuptools==84.2.1 {HASH}\n")
    assert [pin.name for pin in find_build_lock(tmp_path, config).pins] == ["setuptools"]
    with pytest.raises(ConfigurationError, match="the build lock other does not exist"):
        find_build_lock(tmp_path, EnvironmentConfig(build_lock="other"))


def test_what_an_earlier_build_recorded_has_versions_only(tmp_path: Path) -> None:
    (tmp_path / RESOLVED).write_text("setuptools==84.2.1\n")
    lock = find_build_lock(tmp_path, EnvironmentConfig(build_lock=str(tmp_path / RESOLVED)))
    assert (lock.name, lock.hashed) == (RESOLVED, False)


def test_the_record_of_a_build_has_each_distribution_once_with_what_the_lock_allows(tmp_path: Path) -> None:
    (tmp_path / "thing").write_text("Set_Uptools==84.2.1\nother==1\nSet_Uptools==84.2.1\n")
    lock = BuildLock(name="build.txt", text=f"set-uptools==84.2.1 {HASH}\n")
    assert built(tmp_path, lock) == {
        "thing": (Distribution(name="other", version="1"), Distribution(name="set-uptools", version="84.2.1", hashes=("sha256:00",)))
    }
