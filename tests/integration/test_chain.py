"""What is built here is attested, released and verified through the program, also when somebody presses Ctrl-C on the way."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support import openapi
from support.fake_github import READER, WRITER, FakeGitHub
from support.fake_sigstore import FakeSigstore
from support.program import coldforge, environment, start
from support.releases import make_release

pytestmark = pytest.mark.integration

TAG = "v1.0.0"
DEB = "demo_1.0.0_amd64.deb"
INTERRUPTED = 130


@pytest.fixture
def sigstore() -> Iterator[FakeSigstore]:
    with FakeSigstore() as fake:
        yield fake


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    openapi.require()
    with FakeGitHub() as fake:
        yield fake
    assert fake.violations == []


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    make_release(tmp_path / "dist")
    return tmp_path / "dist"


@pytest.fixture
def env(sigstore: FakeSigstore, github: FakeGitHub, tmp_path: Path) -> dict[str, str]:
    """A person's desk with an identity token, a release token, and a folder for temporary files that can be watched."""
    (tmp_path / "trust.json").write_text(sigstore.trust_config())
    (tmp_path / "temporary").mkdir()
    return environment(
        COLDFORGE_TRUST_CONFIG=str(tmp_path / "trust.json"),
        COLDFORGE_IDENTITY_TOKEN=sigstore.token(),
        GITHUB_TOKEN=WRITER,
        GITHUB_API_URL=github.url,
        TMPDIR=str(tmp_path / "temporary"),
    )


def attest_and_release(dist: Path, env: dict[str, str], *words: str) -> None:
    coldforge("attest", dist, env=env).succeeded()
    coldforge("release", dist, "--repo", "acme/demo", "--tag", TAG, *words, env=env).succeeded()


def verify(env: dict[str, str], tmp_path: Path, *words: str) -> tuple[int, str]:
    outcome = coldforge("verify", f"acme/demo@{TAG}", "--trusted-root", tmp_path / "trust.json", *words, env=env)
    assert "Traceback" not in outcome.err
    return outcome.code, outcome.err


def test_a_published_release_is_good_for_anybody(dist: Path, env: dict[str, str], tmp_path: Path) -> None:
    attest_and_release(dist, env, "--publish")
    anybody = {name: value for name, value in env.items() if name not in ("GITHUB_TOKEN", "COLDFORGE_IDENTITY_TOKEN")}
    code, said = verify(anybody, tmp_path)
    assert code == 0, said
    assert DEB in said
    assert list((tmp_path / "temporary").iterdir()) == [], "what was downloaded is gone"


def test_a_draft_is_seen_by_who_may_write_only(dist: Path, env: dict[str, str], tmp_path: Path) -> None:
    attest_and_release(dist, env)
    assert verify(env, tmp_path)[0] == 0
    code, said = verify({**env, "GITHUB_TOKEN": READER}, tmp_path)
    assert code == 2
    assert "A draft is seen only with a token that may write" in said


def test_a_file_that_was_exchanged_on_the_server_is_named(dist: Path, env: dict[str, str], github: FakeGitHub, tmp_path: Path) -> None:
    attest_and_release(dist, env, "--publish")
    (release,) = github.releases.values()
    next(asset for asset in release.assets.values() if asset.name == DEB).data = b"somebody else's package"
    code, said = verify(env, tmp_path)
    assert code == 1
    assert any(DEB in line and "altered" in line for line in said.splitlines()), said


def test_a_file_that_is_gone_from_the_server_is_missing(dist: Path, env: dict[str, str], github: FakeGitHub, tmp_path: Path) -> None:
    attest_and_release(dist, env, "--publish")
    (release,) = github.releases.values()
    release.assets = {number: asset for number, asset in release.assets.items() if asset.name != DEB}
    code, said = verify(env, tmp_path)
    assert code == 1
    assert any(DEB in line and "missing" in line for line in said.splitlines()), said


Hook = Callable[[str, str], None]


def interrupt(words: list[str | Path], env: dict[str, str], set_hook: Callable[[Hook], None], at: tuple[str, str]) -> str:
    """Run a command and press Ctrl-C whenever the server gets the request `at`, which may be often; what it said."""
    started: list[subprocess.Popen[str]] = []

    def press(method: str, path: str) -> None:
        if method == at[0] and at[1] in path and started:
            started[0].send_signal(signal.SIGINT)

    set_hook(press)
    with start(*words, env=env) as process:
        started.append(process)
        _, said = process.communicate(timeout=120)
    set_hook(lambda _method, _path: None)
    assert process.returncode == INTERRUPTED, said
    assert "interrupted" in said
    assert "Traceback" not in said
    return said


def leftovers(dist: Path, temporary: Path) -> list[str]:
    """Files that are not whole, or that nobody will ever read."""
    return [path.name for path in dist.rglob(".*") if path.name != ".lock"] + [path.name for path in temporary.iterdir()]


@pytest.mark.parametrize("at", [("POST", "signingCert"), ("POST", "log/entries")], ids=lambda at: at[1])
def test_attesting_is_interrupted_and_goes_on(
    at: tuple[str, str], dist: Path, env: dict[str, str], sigstore: FakeSigstore, tmp_path: Path
) -> None:
    interrupt(["attest", dist], env, lambda hook: setattr(sigstore, "on_request", hook), at)
    assert leftovers(dist, tmp_path / "temporary") == []
    attest_and_release(dist, env)
    assert verify(env, tmp_path)[0] == 0


@pytest.mark.parametrize("at", [("GET", "/releases"), ("POST", "/releases"), ("POST", "/uploads"), ("PATCH", "/releases")], ids=" ".join)
def test_releasing_is_interrupted_and_goes_on(
    at: tuple[str, str], dist: Path, env: dict[str, str], github: FakeGitHub, tmp_path: Path
) -> None:
    coldforge("attest", dist, env=env).succeeded()
    words: list[str | Path] = ["release", dist, "--repo", "acme/demo", "--tag", TAG, "--publish"]
    interrupt(words, env, lambda hook: setattr(github, "on_request", hook), at)
    assert leftovers(dist, tmp_path / "temporary") == []
    coldforge(*words, env=env).succeeded()
    assert len(github.releases) == 1
    assert verify(env, tmp_path)[0] == 0
