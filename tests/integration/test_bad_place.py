"""Places that do not cooperate: full disks, read-only folders, an engine one may not use, another run in the same folder."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from coldforge.host.files import sha256
from coldforge.records import Manifest, canonical, read
from support.program import Outcome, coldforge, start
from support.repository import TINY, write
from support.require import need

pytestmark = pytest.mark.integration


@contextmanager
def tmpfs(folder: Path, options: str) -> Iterator[Path]:
    """A small or read-only file system at `folder`: needs root."""
    need("root", available=os.geteuid() == 0, how="mounting a file system takes root")
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_under_the_output_folder_is_told_in_words(host_env: dict[str, str], tmp_path: Path) -> None:
    project = write(tmp_path / "tiny")
    with tmpfs(tmp_path / "small", "size=4m") as small:
        coldforge("build", project, "--host", "--out", small / "dist", env=host_env).failed(3, "no disk space left")
        assert not list(small.glob("dist/**/*.deb"))


def test_a_full_disk_for_temporary_files_is_told_in_words(host_env: dict[str, str], tmp_path: Path) -> None:
    project = write(tmp_path / "tiny")
    with tmpfs(tmp_path / "small", "size=1m") as small:
        env = {**host_env, "TMPDIR": str(small), "COLDFORGE_CACHE": str(small / "cache")}
        coldforge("build", project, "--host", "--out", tmp_path / "dist", env=env).failed(3, "disk space")
        assert list(small.glob("coldforge-*")) == []


def test_a_read_only_output_folder_is_told_in_words(host_env: dict[str, str], tmp_path: Path) -> None:
    project = write(tmp_path / "tiny")
    with tmpfs(tmp_path / "fixed", "ro") as fixed:
        coldforge("build", project, "--host", "--out", fixed / "dist", env=host_env).failed(3, "dist", "--out")


def test_a_file_in_the_place_of_the_output_folder(host_env: dict[str, str], tmp_path: Path) -> None:
    project = write(tmp_path / "tiny")
    (tmp_path / "taken").write_text("a file")
    coldforge("build", project, "--host", "--out", tmp_path / "taken", env=host_env).failed(3, "taken")
    assert (tmp_path / "taken").read_text() == "a file"


def test_two_runs_at_the_same_time_in_the_same_folder_both_succeed(host_env: dict[str, str], tmp_path: Path) -> None:
    project, out = write(tmp_path / "tiny"), tmp_path / "dist"
    env = {**host_env, "COLDFORGE_CACHE": str(tmp_path / "cache")}
    processes = [start("build", project, "--host", "--out", out, "--json", env=env) for _ in range(2)]
    ended = [(process.communicate(timeout=600), process.returncode) for process in processes]
    first, second = (Outcome(code=code, out=shown, err=err).succeeded().out for (shown, err), code in ended)
    assert first == second
    manifest = read(out / "manifest.json", Manifest)
    assert canonical(manifest) == (out / "manifest.json").read_bytes()
    for artifact in manifest.artifacts:
        assert sha256(out / artifact.path) == artifact.sha256


def test_a_home_that_is_not_there_is_told_with_the_variable_that_helps(host_env: dict[str, str], tmp_path: Path) -> None:
    project = write(tmp_path / "tiny", {**TINY, "requirements.txt": ""})
    env = {name: value for name, value in host_env.items() if name not in ("UV_CACHE_DIR", "XDG_CACHE_HOME")}
    done = coldforge("build", project, "--host", "--out", tmp_path / "dist", env={**env, "HOME": "/proc"})
    done.failed(3, "uv has no folder for its cache", "/proc", "UV_CACHE_DIR")
