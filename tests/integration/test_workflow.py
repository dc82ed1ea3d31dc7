"""The reusable workflow as a user's repository calls it, all of its jobs, executed by a real runner (act, on this host, offline).

With one target: of a matrix act 0.2.89 keeps the outputs of the leg that ends first only, and it knows no `continue-on-error` of jobs.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from coldforge.records import Manifest, decode
from support import images, packaged
from support.act import ROOT, act, committed, given, shared_home
from support.fake_github import WRITER, FakeGitHub
from support.fake_sigstore import FakeSigstore, github_claims
from support.program import environment
from support.repository import TINY, write
from support.require import tool

pytestmark = pytest.mark.integration
CALLER = """\
on: push
jobs:
  release:
    uses: coldforge/coldforge/.github/workflows/release.yml@v1
    permissions: { contents: write, id-token: write, attestations: write }
    with: { trust-config: trust.json, sign: true }
    secrets:
      rsa-key: ${{ secrets.RSA_KEY }}
"""
MATRIX = """\
targets:
  linux-x86_64: { runner: ubuntu-24.04, container: linux, formats: [tar.gz, deb, apk, sbom] }
"""
IMAGES = """\
[linux]
base = "{freeze}"
glibc = "2.36"
architectures = ["x86_64"]

[debian-12]
use = "smoke"
base = "{bare}"
glibc = "2.36"
architectures = ["x86_64"]
"""


@pytest.fixture
def env(host_env: dict[str, str]) -> dict[str, str]:
    """One private environment of the program for all these tests."""
    return environment(**{key: host_env[key] for key in ("COLDFORGE_CACHE", "UV_CACHE_DIR")})


def repository(folder: Path, sigstore: FakeSigstore) -> Path:
    """A project whose images are those of this machine, and which calls our workflow."""
    own = IMAGES.format(freeze=images.image(images.FREEZE), bare=images.image(images.BARE))
    made = write(folder, {**TINY, "matrix.yml": MATRIX, "containers/images.toml": own, "trust.json": sigstore.trust_config()})
    signer = "coldforge/coldforge/.github/workflows/release.yml@refs/tags/v1"
    sigstore.claims = github_claims(ref="refs/tags/v0.1.0", sha=committed(made, CALLER), signer=signer)
    return made


def test_every_job_of_the_workflow(tmp_path: Path, env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> None:
    with FakeSigstore() as sigstore, FakeGitHub() as github:
        source = repository(tmp_path / "user's repo", sigstore)
        artifacts = tmp_path / "artifacts"
        variables = given(
            ACT_ARTIFACTS=str(artifacts), GITHUB_API_URL=github.url, COLDFORGE_HOME=shared_home(tmp_path_factory),
            GITHUB_REPOSITORY="acme/demo", **sigstore.job_environment(),
        )  # fmt: skip
        key = packaged.rsa(tmp_path).read_text()
        done = act(source, tmp_path, {**env, "RSA_KEY": key}, *variables, "-s", "RSA_KEY")  # whose value act takes from its environment
        assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
        contents = github.contents("v0.1.0")
    assert len(github.recorded) == len(contents["attestations.jsonl"].splitlines())
    manifest = decode(contents["manifest.json"], Manifest, "manifest.json")
    (record,) = manifest.targets
    assert record.target == "linux-x86_64"
    assert {artifact.format for artifact in record.artifacts} == {"tar.gz", "deb", "apk", "sbom"}
    (trial,) = record.smoke.trials
    assert trial.system.startswith("Debian")
    assert {artifact.name for artifact in record.artifacts} <= contents.keys()
    (signed,) = (artifact for artifact in record.artifacts if artifact.format == "apk")
    assert signed.signature
    assert "### Gates" in done.stdout
    assert "coldforge verify OWNER/REPO@v0.1.0" in done.stdout  # here the repository has no remote
    assert WRITER not in done.stdout
    assert key.splitlines()[1] not in done.stdout


def test_the_workflows_are_what_actionlint_expects() -> None:
    program = tool("actionlint", "go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.12")
    workflows = [*sorted((ROOT / ".github/workflows").glob("*.yml")), ROOT / "build/templates/rebuilder/rebuild.yml"]
    unknown_yet = r'specifying action "\$/" in invalid format'
    done = subprocess.run(
        [program, "-format", "{{json .}}", "-ignore", unknown_yet, *workflows], capture_output=True, text=True, check=False
    )
    assert json.loads(done.stdout) == []
