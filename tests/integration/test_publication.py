"""GitHub's record of attestations: a job puts them there once, and a release without any among its files is verified by them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from coldforge import releasing, verifying
from coldforge.errors import RemoteFailed
from coldforge.host import files
from coldforge.records import ATTESTATIONS, BUNDLE_SUFFIX, MANIFEST, SUMS, Manifest, canonical, read, sums
from coldforge.verify.verdict import Verdict
from support import openapi
from support.fake_github import READER, WRITER, FakeGitHub, Fault
from support.fake_sigstore import FakeSigstore, github_claims
from support.releases import WITH_BILL, make_release
from support.warned import warnings

pytestmark = pytest.mark.integration


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch, sigstore: FakeSigstore) -> Iterator[FakeGitHub]:
    """A job of GitHub Actions, with an identity and a token that may write."""
    openapi.require()
    for name, value in {**sigstore.job_environment(), "GITHUB_REPOSITORY": "acme/demo", "GITHUB_TOKEN": WRITER}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("coldforge.host.clock.sleep", lambda _: None)
    with FakeGitHub() as fake:
        yield fake
    assert fake.violations == []


@pytest.fixture
def dist(tmp_path: Path, sigstore: FakeSigstore) -> Path:
    make_release(tmp_path / "dist", contents=WITH_BILL)
    (tmp_path / "trust.json").write_text(sigstore.trust_config())
    return tmp_path / "dist"


def attest(dist: Path, github: FakeGitHub) -> int:
    """How many statements were signed."""
    found = releasing.attest_release(dist, identity_token=None, trust_config=dist.parent / "trust.json", api_url=github.url)
    return len(found)


def download(dist: Path, github: FakeGitHub, *, without: tuple[str, ...]) -> None:
    """A published release of the files, but for those with one of these endings."""
    release = github.add_release("v1.0.0", draft=False)
    for path in [*dist.glob("*"), *dist.glob("linux-x86_64/demo*")]:
        if path.is_file() and path.name not in ("plan.json", ".lock") and not path.name.endswith(without):
            github.add_asset(release, path.name, path.read_bytes())


def verify(dist: Path, github: FakeGitHub) -> Verdict:
    who = verifying.Demand(trusted_root=dist.parent / "trust.json", api_url=github.url)
    return verifying.verify("acme/demo@v1.0.0", who, quiet=True)


def lines(dist: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (dist / ATTESTATIONS).read_text().splitlines()]


def test_every_statement_is_in_the_record_once(dist: Path, github: FakeGitHub) -> None:
    assert attest(dist, github) == 7
    assert sorted(map(json.dumps, github.recorded)) == sorted(map(json.dumps, lines(dist)))
    attest(dist, github)
    assert len(github.recorded) == 7


@pytest.mark.parametrize("kind", ["cut after", "503", "cut before"])
def test_an_answer_that_was_lost_is_asked_for(kind: str, dist: Path, github: FakeGitHub) -> None:
    github.faults.append(Fault(kind, path="/attestations", times=3))
    attest(dist, github)
    assert len(github.recorded) == 7


def test_an_outage_is_told_and_what_was_signed_is_kept(dist: Path, github: FakeGitHub) -> None:
    github.faults.append(Fault("503", path="/attestations", times=1000))
    with pytest.raises(RemoteFailed, match="publishing"):
        attest(dist, github)
    kept = (dist / ATTESTATIONS).read_bytes()
    github.faults.clear()
    attest(dist, github)
    assert (dist / ATTESTATIONS).read_bytes() == kept
    assert len(github.recorded) == 7


def test_without_the_right_it_is_told_and_the_files_have_them(dist: Path, github: FakeGitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", READER)
    with warnings() as texts:
        assert attest(dist, github) == 7
    assert any("attestations: write" in text for text in texts)
    assert github.recorded == []


@pytest.mark.parametrize("page", [1, 100])
def test_a_release_without_attestations_is_verified_by_the_record(page: int, dist: Path, github: FakeGitHub) -> None:
    attest(dist, github)
    github.page_of_bundles = page
    download(dist, github, without=(BUNDLE_SUFFIX, ATTESTATIONS))
    verdict = verify(dist, github)
    assert [row for row in verdict.rows if row.word != "ok"] == []
    assert {row.name: row.statements for row in verdict.rows}["demo_1.0.0_amd64.deb"] == ("provenance", "coldforge", "sbom")


def test_what_strangers_put_into_a_record_counts_for_nothing(
    dist: Path, github: FakeGitHub, sigstore: FakeSigstore, tmp_path: Path
) -> None:
    shutil.copytree(dist, tmp_path / "theirs")
    attest(dist, github)
    releasing.attest_release(
        tmp_path / "theirs", identity_token=sigstore.token(github_claims("evil/demo")), trust_config=tmp_path / "trust.json", api_url=None
    )
    ours = list(github.recorded)
    github.recorded = [*lines(tmp_path / "theirs"), *ours]
    download(dist, github, without=(BUNDLE_SUFFIX, ATTESTATIONS))
    assert verify(dist, github).exit_code == 0
    github.recorded = lines(tmp_path / "theirs")
    row = next(row for row in verify(dist, github).rows if row.name == MANIFEST)
    assert row.word == "foreign"


def test_what_the_publisher_said_elsewhere_and_cannot_be_true_is_told(
    dist: Path, github: FakeGitHub, sigstore: FakeSigstore, tmp_path: Path
) -> None:
    """Another list of what is in the same packages, signed by the same workflow for the same commit."""
    shutil.copytree(dist, tmp_path / "again")
    attest(dist, github)
    manifest = read(tmp_path / "again" / MANIFEST, Manifest)
    targets = tuple(replace(target, gates=("floor",), findings=()) for target in manifest.targets)
    (tmp_path / "again" / MANIFEST).write_bytes(canonical(replace(manifest, targets=targets)))
    rewrite_sums(tmp_path / "again")
    releasing.attest_release(tmp_path / "again", identity_token=None, trust_config=tmp_path / "trust.json", api_url=github.url)
    download(dist, github, without=(BUNDLE_SUFFIX, ATTESTATIONS))
    verdict = verify(dist, github)
    assert {row.name: row.word for row in verdict.rows if row.word != "ok"} == {ATTESTATIONS: "contradicted"}
    assert "record" in next(row.why for row in verdict.rows if row.name == ATTESTATIONS)


def rewrite_sums(folder: Path) -> None:
    digests = {artifact.name: artifact.sha256 for artifact in read(folder / MANIFEST, Manifest).artifacts}
    (folder / SUMS).write_bytes(sums({**digests, MANIFEST: files.sha256(folder / MANIFEST)}))


def test_a_list_among_the_files_is_not_mended_from_elsewhere(dist: Path, github: FakeGitHub) -> None:
    attest(dist, github)
    (dist / ATTESTATIONS).write_bytes(b"")
    download(dist, github, without=(f".deb{BUNDLE_SUFFIX}",))
    words = {row.name: row.word for row in verify(dist, github).rows}
    assert (words[ATTESTATIONS], words["demo_1.0.0_amd64.deb"]) == ("altered", "unattested")


def test_a_desk_publishes_nothing(dist: Path, github: FakeGitHub, sigstore: FakeSigstore) -> None:
    releasing.attest_release(dist, identity_token=sigstore.token(), trust_config=dist.parent / "trust.json", api_url=github.url)
    assert github.log == []
