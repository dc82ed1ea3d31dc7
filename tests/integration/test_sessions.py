"""The sessions that users get from a two-line noxfile: the same program, run by nox."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.fake_github import WRITER, FakeGitHub
from support.fake_sigstore import FakeSigstore, github_claims
from support.program import ROOT
from support.repository import TINY, write

pytestmark = pytest.mark.integration

NOXFILE = """\
from coldforge.sessions import *
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with the noxfile that the README shows."""
    assert f"```python\n{NOXFILE}```" in (ROOT / "README.md").read_text(encoding="utf-8")
    return write(tmp_path / "tiny", {**TINY, "noxfile.py": NOXFILE})


def nox(project: Path, env: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "nox", *words]
    return subprocess.run(argv, cwd=project, env=env, capture_output=True, text=True, check=False, timeout=900)


def test_they_are_listed_with_what_they_do(project: Path, host_env: dict[str, str]) -> None:
    listed = nox(project, host_env, "--list").stdout
    assert re.findall(r"^[-*] (\S+) -> ", listed, re.MULTILINE) == ["plan", "build(linux-x86_64)", "release", "verify"]


def test_a_mistake_ends_the_session_and_says_how_to_repeat_it(project: Path, host_env: dict[str, str]) -> None:
    done = nox(project, host_env, "-s", "plan", "--", "--target", "linux-x68_64")
    assert done.returncode != 0
    assert "the same without nox: coldforge plan --target linux-x68_64" in done.stderr
    assert "unknown target" in done.stdout  # nox folds what its programs print into one stream


def test_from_plan_to_verdict(project: Path, host_env: dict[str, str], tmp_path: Path) -> None:
    git, trust = ["git", "-C", str(project)], tmp_path / "trust.json"
    subprocess.run([*git, "tag", "v0.1.0"], check=True)
    commit = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    with FakeSigstore(github_claims(ref="refs/tags/v0.1.0", sha=commit)) as sigstore, FakeGitHub() as github:
        trust.write_text(sigstore.trust_config())
        env = {
            **host_env,
            **sigstore.job_environment(),
            "COLDFORGE_TRUST_CONFIG": str(trust),
            "GITHUB_TOKEN": WRITER,
            "GITHUB_API_URL": github.url,
        }
        for words in (
            ("plan",),
            ("build(linux-x86_64)", "--", "--host", "--format", "tar.gz", "--format", "deb"),
            ("release", "--", "--repo", "acme/demo", "--tag", "v0.1.0"),
            ("verify", "--", "dist", "--repo", "acme/demo", "--tag", "v0.1.0", "--trusted-root", str(trust)),
        ):
            done = nox(project, env, "-s", *words)
            assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
        assert {"tiny-0.1.0-linux-x86_64.tar.gz", "tiny_0.1.0_amd64.deb", "manifest.json"} < github.contents("v0.1.0").keys()
    (project / "dist" / "linux-x86_64" / "tiny_0.1.0_amd64.deb").write_bytes(b"not what was signed")
    done = nox(project, host_env, "-s", "verify", "--", "dist", "--repo", "acme/demo", "--trusted-root", str(trust))
    assert done.returncode != 0
    assert "altered" in done.stdout
