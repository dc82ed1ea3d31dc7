"""Builds one after the other: narrowed, of a changed source, with a version from git; the record always fits the files."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from coldforge.host.files import sha256
from coldforge.records import Manifest, read
from support.program import coldforge
from support.repository import PYPROJECT, TINY, write

pytestmark = pytest.mark.integration

SCM = (
    PYPROJECT.replace('requires = ["hatchling>=1.27"]', 'requires = ["hatchling>=1.27", "hatch-vcs"]')
    .replace('version = "0.1.0"', 'dynamic = ["version"]')
    .replace("[project.scripts]", '[tool.hatch.version]\nsource = "vcs"\n\n[project.scripts]')
)


def commit(project: Path, *more: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for words in (["add", "-A"], [*identity, "commit", "-qm", "change"], *([list(more)] if more else [])):
        subprocess.run(["git", "-C", project, *words], check=True, env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull})


def formats(dist: Path) -> set[str]:
    """The formats that the release's record lists; every file is there with its digest, and no other."""
    artifacts = read(dist / "manifest.json", Manifest).artifacts
    assert all(sha256(dist / artifact.path) == artifact.sha256 for artifact in artifacts)
    files = {path.name for path in (dist / "linux-x86_64").iterdir() if path.is_file()}
    assert files == {artifact.name for artifact in artifacts} | {"manifest.json", "payload.json"}
    return {artifact.format for artifact in artifacts}


def test_narrowed_builds_add_up_and_a_changed_source_starts_anew(tmp_path: Path, host_env: dict[str, str]) -> None:
    project, dist = write(tmp_path / "tiny"), tmp_path / "dist"
    host_env = {**host_env, "COLDFORGE_CACHE": str(tmp_path / "cache")}  # what other tests made of this project must not help
    words: list[str | Path] = ["build", project, "--host", "--out", dist]
    coldforge(*words, "--format", "deb", env=host_env).succeeded()
    assert formats(dist) == {"deb"}
    payload = (dist / "linux-x86_64" / "payload.json").read_bytes()
    said = coldforge(*words, "--format", "tar.gz", env=host_env).succeeded().err
    assert said.count("Nothing has changed") == 1, "the frozen tree is the same whatever is packaged"
    assert (dist / "linux-x86_64" / "payload.json").read_bytes() == payload
    assert formats(dist) == {"deb", "tar.gz"}
    said = coldforge(*words, env=host_env).succeeded().err
    assert formats(dist) == {"deb", "tar.gz", "onefile", "sbom"}
    (unproven,) = read(dist / "manifest.json", Manifest).targets[0].smoke.unproven
    assert f"Not proven: {unproven}" in said
    assert "--host" in unproven

    (project / "pyproject.toml").write_text(PYPROJECT.replace("0.1.0", "0.2.0"))
    commit(project)
    bundle: list[str | Path] = ["bundle", project, "--out", dist]
    coldforge(*bundle, env=host_env).failed(2, "was not frozen from this source and version", "coldforge freeze")
    assert formats(dist) == {"deb", "tar.gz", "onefile", "sbom"}, "a refusal changes nothing"
    coldforge("freeze", project, "--host", "--out", dist, env=host_env).succeeded()
    assert formats(dist) == set(), "what was made of the old source is no part of the new version"
    coldforge(*bundle, env=host_env).succeeded()
    assert formats(dist) == {"deb", "tar.gz", "onefile", "sbom"}
    assert read(dist / "manifest.json", Manifest).version == "0.2.0"


def test_a_version_from_git_reaches_the_frozen_program(tmp_path: Path, host_env: dict[str, str]) -> None:
    program = "from importlib.metadata import version\n\n\ndef main() -> None:\n    print(version('tiny'))\n"
    project = write(tmp_path / "tiny", {**TINY, "pyproject.toml": SCM, "src/tiny/__init__.py": program})
    commit_tag = ["git", "-C", str(project), "tag", "v1.4.0"]
    subprocess.run(commit_tag, check=True)
    coldforge("build", project, "--host", "--format", "tar.gz", "--out", tmp_path / "dist", env=host_env).succeeded()
    frozen = tmp_path / "dist" / "linux-x86_64" / "payload" / "tiny"
    assert subprocess.run([frozen], capture_output=True, text=True, check=True).stdout == "1.4.0\n"


@pytest.mark.parametrize(("out", "what"), [(".", "holds the project itself"), ("..", "holds the project itself"), ("src", "source")])
def test_nothing_is_made_where_the_source_is(out: str, what: str, tmp_path: Path, host_env: dict[str, str]) -> None:
    project = write(tmp_path / "tiny")
    before = sorted(path for path in tmp_path.rglob("*") if ".git" not in path.parts)
    coldforge("build", "--host", "--out", out, env=host_env, cwd=project).failed(2, what, "--out dist")
    assert sorted(path for path in tmp_path.rglob("*") if ".git" not in path.parts) == before


def test_commands_that_need_a_build_leave_nothing_where_none_was(tmp_path: Path, host_env: dict[str, str]) -> None:
    for words in (["attest", "absent"], ["release", "absent", "--repo", "a/b", "--tag", "v1"], ["release", "absent", "--dry-run"]):
        coldforge(*words, env=host_env, cwd=tmp_path).failed(2, "does not exist", "coldforge build")
    assert list(tmp_path.iterdir()) == []
