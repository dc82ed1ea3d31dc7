"""The action as a user's workflow uses it, executed by a real runner (act, on this host, offline)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.act import act, committed, given, shared_home
from support.fake_github import WRITER, FakeGitHub
from support.fake_sigstore import FakeSigstore, github_claims
from support.program import environment
from support.repository import TINY
from support.repository import write as tiny

pytestmark = pytest.mark.integration
CHAIN = """\
on: push
jobs:
  release:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@v5
      - uses: coldforge/coldforge@v1
        id: plan
        with: { session: plan }
      - uses: coldforge/coldforge@v1
        id: build
        with: { session: build, host: true, target: linux-x86_64, format: tar.gz deb }
      - uses: coldforge/coldforge@v1
        with: { session: attest, trust-config: trust.json }
      - uses: coldforge/coldforge@v1
        id: release
        with: { session: release, repo: acme/demo, tag: v0.1.0 }
      - uses: coldforge/coldforge@v1
        id: verify
        with: { session: verify, repo: acme/demo, tag: v0.1.0, trust-config: trust.json }
      - shell: bash
        env:
          PLANNED: ${{ toJSON(steps.plan.outputs) }}
          BUILT: ${{ toJSON(steps.build.outputs) }}
          RELEASED: ${{ toJSON(steps.release.outputs) }}
          VERIFIED: ${{ toJSON(steps.verify.outputs) }}
        run: printf '[%s,%s,%s,%s]' "$PLANNED" "$BUILT" "$RELEASED" "$VERIFIED" > "$RESULT"
"""
HOSTILE = """\
on: push
jobs:
  plan:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@v5
      - uses: coldforge/coldforge@v1
        with:
          session: plan
          target: |
            "; touch "$PWNED"; echo $(touch "$PWNED") `touch "$PWNED"`
"""
FAILING = """\
on: push
jobs:
  build:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@v5
      - uses: coldforge/coldforge@v1
        with: { session: build, host: true }
"""


@pytest.fixture
def sigstore() -> Iterator[FakeSigstore]:
    with FakeSigstore() as fake:
        yield fake


@pytest.fixture
def env(host_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """One private environment of the program for all these tests."""
    return environment(**{key: host_env[key] for key in ("COLDFORGE_CACHE", "UV_CACHE_DIR")})


def test_the_whole_chain_through_the_action(
    tmp_path: Path, env: dict[str, str], sigstore: FakeSigstore, tmp_path_factory: pytest.TempPathFactory
) -> None:
    repository = tiny(tmp_path / "user's répo")
    (repository / "trust.json").write_text(sigstore.trust_config())
    sigstore.claims = github_claims(ref="refs/tags/v0.1.0", sha=committed(repository, CHAIN))
    result = tmp_path / "result.json"
    job = sigstore.job_environment()
    with FakeGitHub() as github:
        done = act(
            repository, tmp_path, env,
            *given(RESULT=str(result), GITHUB_API_URL=github.url, COLDFORGE_HOME=shared_home(tmp_path_factory), GITHUB_TOKEN=WRITER, **job),
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
        planned, built, released, verified = json.loads(result.read_text())
        contents = github.contents("v0.1.0")
    manifest = (
        json.loads(Path(built["manifest"]).read_text()) if Path(built["manifest"]).is_file() else json.loads(contents["manifest.json"])
    )
    names = sorted(artifact["name"] for target in manifest["targets"] for artifact in target["artifacts"])
    assert sorted(Path(path).name for path in json.loads(built["artifacts-json"])) == names
    assert sorted(Path(path).name for path in built["artifacts"].splitlines()) == names
    assert set(names) < set(contents)
    assert json.loads(planned["matrix"])["include"][0]["target"] == "linux-x86_64"
    assert (planned["version"], verified["verdict"]) == ("0.1.0", "good")
    assert released["release-url"].startswith("https://")
    assert "On a desk: coldforge build --target linux-x86_64 --format tar.gz --format deb --out dist --host -- ." in done.stdout
    assert WRITER not in done.stdout


def test_an_input_stays_data(tmp_path: Path, env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> None:
    marker = tmp_path / "pwned"
    repository = tiny(tmp_path / "repo")
    committed(repository, HOSTILE)
    done = act(
        repository, tmp_path, env, *given(PWNED=str(marker), COLDFORGE_HOME=shared_home(tmp_path_factory))
    )  # fmt: skip
    assert done.returncode != 0
    assert "unknown target" in done.stdout
    assert not marker.exists()


def test_a_failing_build_names_file_and_line(tmp_path: Path, env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> None:
    repository = tiny(tmp_path / "repo")
    pyproject = repository / "pyproject.toml"
    pyproject.write_text(pyproject.read_text() + '\n[tool.coldforge]\ncategory = ["X"]\n')
    line = pyproject.read_text().splitlines().index('category = ["X"]') + 1
    committed(repository, FAILING)
    done = act(repository, tmp_path, env, *given(COLDFORGE_HOME=shared_home(tmp_path_factory)))
    assert done.returncode != 0
    annotation = f"::error title=coldforge%3A configuration,file=pyproject.toml,line={line}::unknown key 'category'"
    assert annotation in done.stdout, done.stdout
    assert "Summary - ### coldforge: configuration" in done.stdout, done.stdout


def test_a_project_without_configuration_is_told_what_to_commit(
    tmp_path: Path, env: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    files = {name: text for name, text in TINY.items() if name != "pyproject.toml"}
    bare = TINY["pyproject.toml"].partition("[project.scripts]")[0]
    repository = tiny(tmp_path / "repo", {**files, "pyproject.toml": bare})
    committed(repository, FAILING.replace("session: build, host: true", "session: plan"))
    done = act(repository, tmp_path, env, *given(COLDFORGE_HOME=shared_home(tmp_path_factory)))
    assert done.returncode == 0, done.stdout
    assert "Summary - ### Initialised: tiny starts at `tiny:main`" in done.stdout
    assert 'tiny = "tiny:main"' in done.stdout.partition("commit this:")[2], "as the page goes on"
