"""Attesting and verifying against a loopback sigstore, with the unmodified client: the whole cycle, and every attack by its word."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from coldforge.attest.stage import attest
from coldforge.errors import ConfigurationError, Missing, Refused
from coldforge.records import ATTESTATIONS, MANIFEST, SUMS, canonical
from coldforge.verify.policy import Policy, choose
from coldforge.verify.release import verify_file, verify_folder
from coldforge.verify.verdict import Verdict
from support.fake_sigstore import FakeSigstore, github_claims, mail_claims
from support.releases import make_release

pytestmark = pytest.mark.integration
DEB = "demo_1.0.0_amd64.deb"
ARCHIVE = "demo-1.0.0-linux-x86_64.tar.gz"


@pytest.fixture(scope="module")
def sigstore() -> Iterator[FakeSigstore]:
    with FakeSigstore() as fake:
        yield fake


@pytest.fixture(scope="module")
def trust(sigstore: FakeSigstore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("trust") / "trust.json"
    path.write_text(sigstore.trust_config())
    return path


@pytest.fixture(scope="module")
def signed(sigstore: FakeSigstore, trust: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release as it was built and attested: nobody changes it."""
    dist = tmp_path_factory.mktemp("signed") / "dist"
    make_release(dist)
    attest(dist, identity_token=sigstore.token(), trust_config=trust)
    return dist


@pytest.fixture
def folder(signed: Path, tmp_path: Path) -> Path:
    """The same release as somebody downloaded it: flat, and theirs to break."""
    flat = tmp_path / "downloads"
    flat.mkdir()
    for path in [*signed.glob("*"), *(signed / "linux-x86_64").glob("demo*")]:
        if path.is_file() and path.name not in ("plan.json", ".lock"):
            shutil.copy(path, flat)
    return flat


def policy(repository: str = "acme/demo", tag: str | None = "v1.0.0") -> Policy:
    chosen = choose(None, repository=repository, tag=tag, identity=None, issuer=None)
    assert chosen is not None
    return chosen


def words(verdict: Verdict) -> dict[str, str]:
    return {row.name: row.word for row in verdict.rows if row.word != "ok"}


def test_a_release_as_it_was_published_is_good(folder: Path, trust: Path) -> None:
    verdict = verify_folder(folder, policy=policy(), trusted_root=trust)
    assert words(verdict) == {}
    assert verdict.exit_code == 0
    assert {row.name for row in verdict.rows} == {DEB, ARCHIVE, MANIFEST, SUMS}


def test_the_folder_that_built_it_is_good_too(signed: Path, trust: Path) -> None:
    assert verify_folder(signed, policy=policy(), trusted_root=trust).exit_code == 0


def test_no_connection_is_opened(folder: Path, trust: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        pytest.fail("verifying a folder tried to open a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert verify_folder(folder, policy=policy(), trusted_root=trust).exit_code == 0


def test_who_must_have_signed_has_to_be_said(folder: Path, trust: Path) -> None:
    with pytest.raises(ConfigurationError, match="nobody said") as caught:
        verify_folder(folder, policy=None, trusted_root=trust)
    assert "--repo acme/demo" in caught.value.hint
    assert "release.yml" in caught.value.why


def append(path: Path, data: bytes = b"x") -> None:
    path.write_bytes(path.read_bytes() + data)


def remove(*paths: Path) -> None:
    for path in paths:
        path.unlink()


def swap(folder: Path, one: str, two: str) -> None:
    first, second = (folder / one).read_bytes(), (folder / two).read_bytes()
    (folder / one).write_bytes(second)
    (folder / two).write_bytes(first)


ATTACKS: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "a changed file": (lambda f: append(f / DEB), DEB, "altered"),
    "an emptied file": (lambda f: (f / DEB).write_bytes(b""), DEB, "altered"),
    "a missing file": (lambda f: (f / DEB).unlink(), DEB, "missing"),
    "an extra file": (lambda f: (f / "readme.txt").write_text("hello"), "readme.txt", "extra"),
    "an extra file called like the work of a build": (lambda f: (f / "plan.json").write_text("{}"), "plan.json", "extra"),
    "a changed manifest": (lambda f: append(f / MANIFEST, b"\n"), MANIFEST, "altered"),
    "a missing manifest": (lambda f: (f / MANIFEST).unlink(), MANIFEST, "missing"),
    "changed sums": (lambda f: append(f / SUMS, b"\n"), SUMS, "altered"),
    "a missing attestation, and none in the list": (
        lambda f: remove(f / f"{DEB}.sigstore.json", f / ATTESTATIONS), DEB, "unattested"),
    "the attestation of another file": (lambda f: shutil.copy(f / f"{ARCHIVE}.sigstore.json", f / f"{DEB}.sigstore.json"), DEB, "altered"),
    "two files that changed places": (lambda f: swap(f, DEB, ARCHIVE), DEB, "altered"),
    "an attestation that is no JSON": (lambda f: (f / f"{DEB}.sigstore.json").write_text("{"), DEB, "unattested"),
    "a truncated list of attestations": (
        lambda f: (f / ATTESTATIONS).write_bytes((f / ATTESTATIONS).read_bytes()[:-40]), ATTESTATIONS, "altered"),
    "an attestation of nothing here": (
        lambda f: shutil.copy(f / f"{DEB}.sigstore.json", f / "other.deb.sigstore.json"), "other.deb.sigstore.json", "extra"),
    "a link": (lambda f: (f / DEB).symlink_to((f / DEB).rename(f.parent / DEB)), DEB, "missing"),
    "a twin that differs in case only": (lambda f: shutil.copy(f / DEB, f / DEB.title()), DEB, "missing"),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_called_by_its_name(name: str, folder: Path, trust: Path) -> None:
    attack, file, word = ATTACKS[name]
    attack(folder)
    verdict = verify_folder(folder, policy=policy(), trusted_root=trust)
    assert words(verdict).get(file) == word
    assert verdict.exit_code == 1


def test_every_byte_of_a_bundle_counts(folder: Path, trust: Path) -> None:
    """Change each region of the bundle in turn; none may leave the verdict good."""
    (folder / ATTESTATIONS).unlink()
    path = folder / f"{DEB}.sigstore.json"
    original = path.read_text()

    def regions(node: object, trail: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
        items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        for key, value in items:
            yield from regions(value, (*trail, key))
        if isinstance(node, str):
            yield trail

    def changed(trail: tuple[str | int, ...]) -> str:
        document = json.loads(original)
        node = document
        for key in trail[:-1]:
            node = node[key]
        text = node[trail[-1]]
        middle = len(text) // 2
        node[trail[-1]] = text[:middle] + ("A" if text[middle : middle + 1] != "A" else "B") + text[middle + 1 :]
        return json.dumps(document)

    trails = list(regions(json.loads(original)))
    assert len(trails) > 10
    accepted = []
    for trail in trails:
        path.write_text(changed(trail))
        if verify_folder(folder, policy=policy(), trusted_root=trust).exit_code == 0:
            accepted.append(trail)
    assert accepted == []


@pytest.mark.parametrize(
    ("claims", "what"),
    [
        (github_claims("evil/demo"), "repository"),
        (
            github_claims(workflow=".github/workflows/release.yml", signer="evil/ci/.github/workflows/release.yml@refs/heads/main"),
            "workflow",
        ),
        (github_claims(signer="acme/demo/.github/workflows/../x.yml@refs/tags/v1.0.0"), "workflow"),
        (github_claims(signer="coldforge/coldforge/.github/workflows/release.yml.attacker.yml@refs/tags/v1"), "workflow"),
        (github_claims(ref="refs/heads/main"), "ref"),
        (github_claims(runner="self-hosted"), "runner"),
        (mail_claims("mallory@example.org"), "issuer"),
    ],
)
def test_somebody_else_signed(claims: dict[str, str], what: str, sigstore: FakeSigstore, trust: Path, tmp_path: Path) -> None:
    make_release(tmp_path)
    attest(tmp_path, identity_token=sigstore.token(claims), trust_config=trust)
    verdict = verify_folder(tmp_path, policy=policy(), trusted_root=trust)
    row = next(row for row in verdict.rows if row.name == MANIFEST)
    assert (row.word, verdict.exit_code) == ("foreign", 1)
    assert what in row.why


def test_our_reusable_workflow_may_sign_for_the_repository(sigstore: FakeSigstore, trust: Path, tmp_path: Path) -> None:
    make_release(tmp_path)
    claims = github_claims(signer="coldforge/coldforge/.github/workflows/release.yml@refs/tags/v1")
    attest(tmp_path, identity_token=sigstore.token(claims), trust_config=trust)
    assert verify_folder(tmp_path, policy=policy(), trusted_root=trust).exit_code == 0


def test_a_genuine_file_of_another_release_does_not_belong(sigstore: FakeSigstore, trust: Path, folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    make_release(other, commit="b" * 40, contents={DEB: b"another build of the same version", ARCHIVE: b"y"})
    attest(other, identity_token=sigstore.token(github_claims(sha="b" * 40)), trust_config=trust)
    shutil.copy(other / "linux-x86_64" / DEB, folder)
    shutil.copy(other / f"{DEB}.sigstore.json", folder)
    assert words(verify_folder(folder, policy=policy(), trusted_root=trust))[DEB] == "foreign"


def test_another_instance_is_not_trusted(folder: Path, tmp_path: Path) -> None:
    with FakeSigstore() as other:
        root = tmp_path / "root.json"
        root.write_text(json.dumps(other.trusted_root()))
        verdict = verify_folder(folder, policy=policy(), trusted_root=root)
    assert verdict.exit_code == 1
    assert not any(row.word == "ok" for row in verdict.rows)


def test_a_bundle_of_an_unknown_kind_is_uncheckable_and_never_good(folder: Path, trust: Path) -> None:
    (folder / ATTESTATIONS).unlink()
    path = folder / f"{DEB}.sigstore.json"
    document = json.loads(path.read_text())
    document["verificationMaterial"]["tlogEntries"] = []
    path.write_text(json.dumps(document))
    verdict = verify_folder(folder, policy=policy(), trusted_root=trust)
    assert words(verdict) == {DEB: "uncheckable"}
    assert verdict.exit_code == 3


def test_one_file_with_its_bundle(folder: Path, trust: Path) -> None:
    assert verify_file(folder / DEB, bundle=None, policy=policy(), trusted_root=trust).exit_code == 0
    other = folder / f"{ARCHIVE}.sigstore.json"
    assert verify_file(folder / DEB, bundle=other, policy=policy(), trusted_root=trust).exit_code == 1


def test_a_person_may_sign_and_be_named(sigstore: FakeSigstore, trust: Path, tmp_path: Path) -> None:
    make_release(tmp_path)
    claims = mail_claims("dev@example.org")
    attest(tmp_path, identity_token=sigstore.token(claims), trust_config=trust)
    named = choose(None, repository=None, tag=None, identity="dev@example.org", issuer=claims["iss"])
    assert verify_folder(tmp_path, policy=named, trusted_root=trust).exit_code == 0


def test_the_job_signs_with_its_own_identity(sigstore: FakeSigstore, trust: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_release(tmp_path)
    for name, value in sigstore.job_environment().items():
        monkeypatch.setenv(name, value)
    attest(tmp_path, trust_config=trust)
    assert verify_folder(tmp_path, policy=policy(), trusted_root=trust).exit_code == 0


def test_without_an_identity_the_way_to_one_is_told(tmp_path: Path, trust: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_ACTIONS", "CIRCLECI", "GITLAB_CI", "BUILDKITE"):
        monkeypatch.delenv(name, raising=False)
    make_release(tmp_path)
    with pytest.raises(Missing, match="no identity") as caught:
        attest(tmp_path, trust_config=trust)
    assert "id-token: write" in caught.value.hint


def test_a_second_run_signs_only_what_is_missing(sigstore: FakeSigstore, trust: Path, tmp_path: Path) -> None:
    make_release(tmp_path)
    attest(tmp_path, identity_token=sigstore.token(), trust_config=trust)
    before = {path.name: path.read_bytes() for path in tmp_path.glob("*.sigstore.json")}
    (tmp_path / f"{DEB}.sigstore.json").unlink()
    sigstore.requests.clear()
    attest(tmp_path, identity_token=sigstore.token(github_claims(attempt="2")), trust_config=trust)
    after = {path.name: path.read_bytes() for path in tmp_path.glob("*.sigstore.json")}
    assert [name for name in after if after[name] != before[name]] == [f"{DEB}.sigstore.json"]
    assert sigstore.requests.count("POST /api/v1/log/entries") == 1


def test_sigstore_that_fails_for_a_while_is_waited_for(
    trust: Path, tmp_path: Path, sigstore: FakeSigstore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coldforge.host.clock.sleep", lambda _: None)
    make_release(tmp_path)
    sigstore.failures = 3
    attest(tmp_path, identity_token=sigstore.token(), trust_config=trust)
    assert verify_folder(tmp_path, policy=policy(), trusted_root=trust).exit_code == 0


def test_nothing_is_signed_that_is_not_what_was_built(sigstore: FakeSigstore, trust: Path, tmp_path: Path) -> None:
    make_release(tmp_path)
    append(tmp_path / "linux-x86_64" / DEB)
    with pytest.raises(Refused, match="changed"):
        attest(tmp_path, identity_token=sigstore.token(), trust_config=trust)
    assert not list(tmp_path.glob("*.sigstore.json"))


def test_statements_are_a_superset_of_githubs_own(signed: Path) -> None:
    import base64

    bundle = json.loads((signed / f"{DEB}.sigstore.json").read_text())
    statement = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
    assert canonical(statement).rstrip() == base64.b64decode(bundle["dsseEnvelope"]["payload"])
    build = statement["predicate"]["buildDefinition"]
    assert build["buildType"] == "https://actions.github.io/buildtypes/workflow/v1"
    assert build["externalParameters"]["workflow"] == {
        "ref": "refs/tags/v1.0.0", "repository": "https://github.com/acme/demo", "path": ".github/workflows/release.yml",
    }  # fmt: skip
    assert build["resolvedDependencies"][0]["digest"] == {"gitCommit": "a" * 40}
    assert statement["predicate"]["runDetails"]["builder"]["id"].endswith("/acme/demo/.github/workflows/release.yml@refs/tags/v1.0.0")
    assert bundle["mediaType"] == "application/vnd.dev.sigstore.bundle.v0.3+json"
