"""Attesting and verifying against a loopback sigstore, with the unmodified client: the whole cycle, and every attack by its word."""

from __future__ import annotations

import base64
import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from coldforge.attest.signer import Signer, claims_of
from coldforge.attest.signer import trust as trust_config
from coldforge.attest.stage import attest
from coldforge.attest.statement import statement
from coldforge.errors import ConfigurationError, Missing, Refused, RemoteFailed
from coldforge.host import files
from coldforge.records import (
    ATTESTATIONS,
    BUNDLE_SUFFIX,
    MANIFEST,
    SUMS,
    Artifact,
    Carried,
    Manifest,
    Shown,
    Signature,
    Smoke,
    Trial,
    canonical,
    read,
    sums,
)
from coldforge.verify.beyond import INTERNALS
from coldforge.verify.claims import KINDS
from coldforge.verify.evidence import LATER, load_roots
from coldforge.verify.policy import Policy, choose, load_policy
from coldforge.verify.release import verify_file, verify_folder, write_policy
from coldforge.verify.verdict import Verdict
from support.fake_sigstore import FakeSigstore, github_claims, mail_claims
from support.releases import BILL, PAYLOAD, WITH_BILL, make_release
from support.require import tool
from support.warned import warnings

pytestmark = pytest.mark.integration
DEB = "demo_1.0.0_amd64.deb"
MADE_BUNDLE = "linux-x86_64.coldforge.sigstore.json"
SBOM_BUNDLE = "linux-x86_64.sbom.sigstore.json"
ARCHIVE = "demo-1.0.0-linux-x86_64.tar.gz"


@pytest.fixture(scope="module")
def signed(sigstore: FakeSigstore, trust: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release as it was built and attested: nobody changes it."""
    dist = tmp_path_factory.mktemp("signed") / "dist"
    make_release(dist, contents=WITH_BILL)
    attest(dist, identity_token=sigstore.token(), trust_config=trust)
    return dist


@pytest.fixture
def folder(signed: Path, tmp_path: Path) -> Path:
    """The same release as somebody downloaded it: flat, and theirs to break."""
    return download(signed, tmp_path / "downloads")


def download(dist: Path, flat: Path) -> Path:
    flat.mkdir()
    for path in [*dist.glob("*"), *(dist / "linux-x86_64").glob("demo*")]:
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
    assert {row.name for row in verdict.rows} == {DEB, ARCHIVE, BILL, MANIFEST, SUMS}
    assert {row.name: row.statements for row in verdict.rows if row.name in (DEB, BILL, SUMS)} == {
        DEB: ("provenance", "coldforge", "sbom"),
        BILL: ("provenance", "coldforge"),
        SUMS: ("provenance",),
    }
    assert ("yes", "yes", "yes", "-") in [row[2:6] for row in verdict.table().rows]


def test_the_folder_that_built_it_is_good_too(signed: Path, trust: Path) -> None:
    assert verify_folder(signed, policy=policy(), trusted_root=trust).exit_code == 0


def test_no_connection_is_opened(folder: Path, trust: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        pytest.fail("verifying a folder tried to open a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert verify_folder(folder, policy=policy(), trusted_root=trust).exit_code == 0


def test_a_folder_is_verified_where_there_is_no_network(folder: Path, trust: Path) -> None:
    alone = [tool("unshare", "apt-get install util-linux"), "--net", sys.executable, "-m", "coldforge"]
    words = ["verify", str(folder), "--repo", "acme/demo", "--trusted-root", str(trust), "--json"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    done = subprocess.run([*alone, *words], env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert {row["word"] for row in json.loads(done.stdout)["rows"]} == {"ok"}


def in_a_process_of_its_own(code: str, *words: str) -> str:
    """What Python prints that has loaded nothing of the client yet."""
    source = str(Path(__file__).parents[2] / "src")
    return subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {source!r})\n{code}", *words],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout


def test_what_verifying_never_uses_is_not_loaded(folder: Path, trust: Path) -> None:
    code = """
from coldforge.cli import main
assert main(sys.argv[1:]) == 0
print(*sorted(sys.modules))
"""
    loaded = set(in_a_process_of_its_own(code, "verify", str(folder), "--repo", "acme/demo", "--trusted-root", str(trust)).split())
    assert {"sigstore.verify", "sigstore.models", "rekor_types._internal.dsse"} <= loaded
    assert loaded.isdisjoint({*LATER, "http.client", "jwt", "sigstore.oidc", "tuf.api.metadata", "urllib3"})
    assert loaded.isdisjoint({"coldforge.host.fetch", "coldforge.plan.formats", "coldforge.project.read"})


def test_who_has_verified_can_sign_and_fetch(folder: Path, trust: Path, sigstore: FakeSigstore, tmp_path: Path) -> None:
    code = """
import base64, json, os
from pathlib import Path
from coldforge.attest.signer import Signer, trust
from coldforge.verify.evidence import LATER, Evidence, load_roots

config, bundle, token, home = sys.argv[1:]
roots, text = load_roots(Path(config)), Path(bundle).read_text()
said = Evidence(roots).read(text)
assert not LATER.keys() & sys.modules.keys()
with Signer(token, trust(Path(config))) as signer:
    again = Evidence(roots).read(signer.sign(base64.b64decode(json.loads(text)["dsseEnvelope"]["payload"])))
assert again.subjects == said.subjects, again

import requests
from pydantic import TypeAdapter
from rekor_types import ProposedEntry
from sigstore._internal import USER_AGENT
from sigstore.errors import TUFError
from sigstore.models import ClientTrustConfig
from sigstore.verify import verifier

assert f"(python-requests/{requests.__version__})" in USER_AGENT, USER_AGENT
assert len(TypeAdapter(ProposedEntry).json_schema()["discriminator"]["mapping"]) == 11
assert verifier.v2.entry.Entry.model_fields
os.environ |= {"HOME": home, "XDG_DATA_HOME": home, "XDG_CACHE_HOME": home}
try:
    ClientTrustConfig.from_tuf("https://127.0.0.1:1")
except TUFError as error:
    assert isinstance(error.__cause__, FileNotFoundError), error.__cause__  # that instance's root was never fetched
print(*LATER.keys() - sys.modules.keys())
"""
    words = [str(trust), str(folder / f"{DEB}{BUNDLE_SUFFIX}"), sigstore.token(), str(tmp_path)]
    assert in_a_process_of_its_own(code, *words).strip() == ""


def test_a_policy_is_written_from_a_release_and_holds_for_it(folder: Path, trust: Path, tmp_path: Path) -> None:
    path = tmp_path / "coldforge.verify.toml"
    path.write_text(write_policy(folder, trusted_root=trust))
    assert load_policy(path).predicates == ("coldforge", "sbom")
    assert verify_folder(folder, policy=load_policy(path), trusted_root=trust).exit_code == 0
    append(folder / DEB)
    with pytest.raises(Refused, match="not good"):
        write_policy(folder, trusted_root=trust)
    (folder / f"{MANIFEST}{BUNDLE_SUFFIX}").unlink()
    with pytest.raises(ConfigurationError, match="nobody signed"):
        write_policy(folder, trusted_root=trust)


def test_a_package_that_must_be_signed(sigstore: FakeSigstore, trust: Path, tmp_path: Path) -> None:
    made = make_release(tmp_path)

    def by(artifact: Artifact) -> Artifact:
        signature = Signature(key="AB12", size=1, sha256="5" * 64, data="")
        return msgspec.structs.replace(artifact, signature=signature) if artifact.format == "deb" else artifact

    targets = [msgspec.structs.replace(target, artifacts=tuple(map(by, target.artifacts))) for target in made.targets]
    rewrite(tmp_path, msgspec.structs.replace(made, targets=tuple(targets)))
    attest(tmp_path, identity_token=sigstore.token(), trust_config=trust)

    def found(**signed: tuple[str, ...]) -> dict[str, str]:
        return words(verify_folder(tmp_path, policy=msgspec.structs.replace(policy(), signed=signed), trusted_root=trust))

    assert found(deb=("AB12",)) == {}
    assert found(deb=("CD34",)) == {DEB: "foreign"}
    assert found(**{"tar.gz": ("AB12",)}) == {ARCHIVE: "unsigned"}


def test_who_must_have_signed_has_to_be_said(folder: Path, trust: Path) -> None:
    with pytest.raises(ConfigurationError, match="nobody said") as caught:
        verify_folder(folder, policy=None, trusted_root=trust)
    assert "--repo acme/demo" in caught.value.hint
    assert "release.yml" in caught.value.why


def test_no_bundle_of_a_stranger_says_who_must_have_signed(sigstore: FakeSigstore, trust: Path, folder: Path) -> None:
    """Whose workflow ran, and for whom: what strangers laid there is named beside it, and is not what is recommended."""
    workflow = "acme/demo/.github/workflows/release.yml@refs/tags/v1.0.0"
    strange = sign(sigstore, trust, altered(folder), github_claims("aaa/evil", signer=workflow))
    (folder / f"more{BUNDLE_SUFFIX}").write_text(strange)
    with pytest.raises(ConfigurationError, match="nobody said") as caught:
        verify_folder(folder, policy=None, trusted_root=trust)
    assert f"{workflow} for https://github.com/aaa/evil (" in caught.value.why
    assert "evil" not in caught.value.hint


def append(path: Path, data: bytes = b"x") -> None:
    path.write_bytes(path.read_bytes() + data)


def remove(*paths: Path) -> None:
    for path in paths:
        path.unlink()


def swap(folder: Path, one: str, two: str) -> None:
    first, second = (folder / one).read_bytes(), (folder / two).read_bytes()
    (folder / one).write_bytes(second)
    (folder / two).write_bytes(first)


def cut(path: Path, *, again: bool = False) -> None:
    """Take the last line of a list, or put the first in its place."""
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:-1], *(lines[:1] if again else [])]))


def drop(path: Path, kind: str) -> None:
    """Take the statements of a kind out of a list."""
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if said_in(line)["predicateType"] != KINDS[kind]))


def forget(folder: Path, kind: str) -> None:
    """Take a kind of statement away everywhere."""
    drop(folder / ATTESTATIONS, kind)
    (folder / f"linux-x86_64.{kind}.sigstore.json").unlink()


def said_in(bundle: str) -> dict[str, Any]:
    """The statement in a bundle."""
    document: dict[str, Any] = json.loads(base64.b64decode(json.loads(bundle)["dsseEnvelope"]["payload"]))
    return document


def pretend(folder: Path) -> None:
    """A folder of somebody else's that looks like what a freeze leaves."""
    (folder / "payload").mkdir(parents=True)
    (folder / "payload" / "demo").write_text("evil")
    (folder / "payload.json").write_text("{}")


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
    "an empty list of attestations": (lambda f: (f / ATTESTATIONS).write_bytes(b""), ATTESTATIONS, "altered"),
    "a list that lacks one": (lambda f: cut(f / ATTESTATIONS), ATTESTATIONS, "altered"),
    "a list with an entry twice, and one less": (lambda f: cut(f / ATTESTATIONS, again=True), ATTESTATIONS, "altered"),
    "a tree that looks like a build's": (lambda f: pretend(f / "x"), "x", "extra"),
    "a tree that is called like a target": (lambda f: pretend(f / "linux-x86_64"), "linux-x86_64", "extra"),
    "a report that nobody signed": (lambda f: (f / "report.html").write_text("<script>"), "report.html", "extra"),
    "a bill of materials that nobody signed for the package": (lambda f: forget(f, "sbom"), DEB, "incomplete"),
    "what was made, signed by nobody": (lambda f: forget(f, "coldforge"), DEB, "incomplete"),
    "a list that lacks a statement of another kind": (lambda f: drop(f / ATTESTATIONS, "sbom"), ATTESTATIONS, "altered"),
    "one kind of statement in the place of another": (
        lambda f: shutil.copy(f / SBOM_BUNDLE, f / MADE_BUNDLE), MADE_BUNDLE, "altered"),
    "a bill of materials in the place of provenance": (
        lambda f: shutil.copy(f / SBOM_BUNDLE, f / f"{DEB}.sigstore.json"), DEB, "unattested"),
    "a damaged statement about a target": (lambda f: (f / MADE_BUNDLE).write_text("{"), MADE_BUNDLE, "altered"),
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
        (github_claims(signer="coldforge/coldforge/.github/workflows/release.yml@refs/pull/7/merge"), "workflow"),
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


@pytest.mark.parametrize("ref", ["refs/tags/v1", "a" * 40])
def test_our_reusable_workflow_may_sign_for_the_repository(ref: str, sigstore: FakeSigstore, trust: Path, tmp_path: Path) -> None:
    make_release(tmp_path)
    claims = github_claims(signer=f"coldforge/coldforge/.github/workflows/release.yml@{ref}")
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


def test_a_policy_from_a_persons_release_is_about_that_product_and_its_next_tags(
    sigstore: FakeSigstore, trust: Path, tmp_path: Path
) -> None:
    make_release(tmp_path / "dist")
    attest(tmp_path / "dist", identity_token=sigstore.token(mail_claims("dev@example.org")), trust_config=trust)
    path = tmp_path / "coldforge.verify.toml"
    path.write_text(write_policy(tmp_path / "dist", trusted_root=trust))
    written = load_policy(path)
    assert (written.identity, written.repository, written.ref) == ("dev@example.org", "acme/demo", "refs/tags/v*")
    assert verify_folder(tmp_path / "dist", policy=written, trusted_root=trust).exit_code == 0


@pytest.mark.parametrize(
    ("repository", "tag", "wrong"), [("acme/demo", "v1.0.0", ""), ("acme/demo", "v1.0.1", "ref"), ("acme/other", "v1.0.0", "repository")]
)
def test_an_older_release_of_a_person_is_not_the_one_that_was_asked_for(
    repository: str, tag: str, wrong: str, sigstore: FakeSigstore, trust: Path, tmp_path: Path
) -> None:
    make_release(tmp_path)
    claims = mail_claims("dev@example.org")
    attest(tmp_path, identity_token=sigstore.token(claims), trust_config=trust)
    named = choose(None, repository=repository, tag=tag, identity="dev@example.org", issuer=claims["iss"])
    file, bundle = tmp_path / "linux-x86_64" / DEB, tmp_path / f"{DEB}{BUNDLE_SUFFIX}"
    for verdict in (
        verify_folder(tmp_path, policy=named, trusted_root=trust),
        verify_file(file, bundle=bundle, policy=named, trusted_root=trust),
    ):
        assert verdict.exit_code == bool(wrong)
        assert verdict.rows[0].word == ("foreign" if wrong else "ok")
        assert wrong in verdict.rows[0].why


@pytest.mark.parametrize("told", [True, False], ids=["by the provenance", "by the manifest alone"])
def test_a_persons_release_of_a_revoked_commit_is_foreign(told: bool, sigstore: FakeSigstore, trust: Path, tmp_path: Path) -> None:
    made, claims, dist = make_release(tmp_path), mail_claims("dev@example.org"), tmp_path
    attest(dist, identity_token=sigstore.token(claims), trust_config=trust)
    if not told:
        (dist / ATTESTATIONS).unlink()
        silent = msgspec.structs.replace(made, source=msgspec.structs.replace(made.source, commit=""))
        said = statement(MANIFEST, files.sha256(dist / MANIFEST), silent, claims)
        with Signer(sigstore.token(claims), trust_config(trust)) as signer:
            (dist / f"{MANIFEST}{BUNDLE_SUFFIX}").write_text(signer.sign(said))
    named = choose(None, repository=None, tag=None, identity="dev@example.org", issuer=claims["iss"])
    assert named is not None
    for revoked, word in ((made.source.commit, "foreign"), ("d" * 40, "ok")):
        verdict = verify_folder(dist, policy=msgspec.structs.replace(named, revoked=(revoked,)), trusted_root=trust)
        row = next(row for row in verdict.rows if row.name == MANIFEST)
        assert row.word == word
        assert word == "ok" or ("revoked" in row.why and row.got == revoked and verdict.exit_code == 1)


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


# The source that a statement names


# Statements about all artifacts of a target


def test_what_was_made_is_signed_as_the_manifest_records_it(signed: Path) -> None:
    said = said_in((signed / MADE_BUNDLE).read_text())
    assert {subject["name"] for subject in said["subject"]} == {DEB, ARCHIVE, BILL}
    predicate = said["predicate"]
    assert said["predicateType"] == "https://github.com/coldforge/coldforge/build/v1"
    assert predicate["gates"]["passed"] == ["floor", "leak"]
    assert [finding["reason"] for finding in predicate["gates"]["relaxed"]] == ["it is ours"]
    assert predicate["payload"]["digest"] == PAYLOAD.digest
    assert [entry["path"] for entry in predicate["payload"]["files"]] == [entry.path for entry in PAYLOAD.files]
    assert predicate["artifacts"][DEB]["unsigned"] == files.sha256(signed / "linux-x86_64" / DEB)


def test_the_bill_of_materials_is_attested_as_github_does(signed: Path) -> None:
    said = said_in((signed / SBOM_BUNDLE).read_text())
    assert said["predicateType"] == "https://cyclonedx.org/bom"
    assert said["predicate"] == json.loads((signed / "linux-x86_64" / BILL).read_text())
    assert {subject["name"] for subject in said["subject"]} == {DEB, ARCHIVE}


def test_one_certificate_signs_the_whole_release(signed: Path) -> None:
    bundles = [json.loads(path.read_text()) for path in signed.glob("*.sigstore.json")]
    assert len(bundles) == 7
    assert len({bundle["verificationMaterial"]["certificate"]["rawBytes"] for bundle in bundles}) == 1


def made_otherwise(folder: Path, **fields: Any) -> bytes:
    """The statement about what was made, with other fields of its predicate."""
    said = said_in((folder / MADE_BUNDLE).read_text())
    return canonical({**said, "predicate": {**said["predicate"], **fields}}).rstrip()


CONTRADICTIONS: dict[str, tuple[dict[str, Any], str, int]] = {
    "gates that were not asked": ({"gates": {"passed": ["everything"]}}, "contradicted", 1),
    "smoke tests that were not run": ({"smoke": {"unproven": ["nothing"]}}, "contradicted", 1),
    "another tree": ({"payload": {"digest": PAYLOAD.digest, "size": PAYLOAD.size, "files": []}}, "contradicted", 1),
    "another target": ({"target": "windows-x86_64"}, "contradicted", 1),
    "another version of coldforge's predicate": ({"new": "field"}, "uncheckable", 3),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_two_things_that_cannot_both_be_true(name: str, folder: Path, sigstore: FakeSigstore, trust: Path) -> None:
    fields, word, code = CONTRADICTIONS[name]
    drop(folder / ATTESTATIONS, "coldforge")
    text = sign(sigstore, trust, made_otherwise(folder, **fields), github_claims())
    (folder / MADE_BUNDLE).write_text(text)
    append(folder / ATTESTATIONS, text.encode() + b"\n")
    verdict = verify_folder(folder, policy=policy(), trusted_root=trust)
    assert (words(verdict)[DEB], verdict.exit_code) == (word, code)


def test_another_bill_of_materials_than_the_released_one(folder: Path, sigstore: FakeSigstore, trust: Path) -> None:
    said = said_in((folder / SBOM_BUNDLE).read_text())
    text = sign(sigstore, trust, canonical({**said, "predicate": {"bomFormat": "CycloneDX"}}).rstrip(), github_claims())
    drop(folder / ATTESTATIONS, "sbom")
    (folder / SBOM_BUNDLE).write_text(text)
    row = next(row for row in verify_folder(folder, policy=policy(), trusted_root=trust).rows if row.name == DEB)
    assert row.word == "contradicted"
    assert BILL in row.why


def test_a_statement_of_somebody_else_does_not_count(folder: Path, sigstore: FakeSigstore, trust: Path) -> None:
    forget(folder, "coldforge")
    said = said_in((folder / SBOM_BUNDLE).read_text())
    drop(folder / ATTESTATIONS, "sbom")
    (folder / SBOM_BUNDLE).write_text(sign(sigstore, trust, canonical(said).rstrip(), github_claims("evil/demo")))
    assert words(verify_folder(folder, policy=policy(), trusted_root=trust))[SBOM_BUNDLE] == "foreign"


def test_a_policy_may_demand_a_bill_of_materials(sigstore: FakeSigstore, trust: Path, tmp_path: Path) -> None:
    make_release(tmp_path)
    attest(tmp_path, identity_token=sigstore.token(), trust_config=trust)
    strict = msgspec.structs.replace(policy(), predicates=("sbom",))
    assert verify_folder(tmp_path, policy=policy(), trusted_root=trust).exit_code == 0
    assert words(verify_folder(tmp_path, policy=strict, trusted_root=trust))[DEB] == "incomplete"
    with pytest.raises(ConfigurationError, match="beside provenance"):
        verify_file(tmp_path / "linux-x86_64" / DEB, bundle=tmp_path / f"{DEB}.sigstore.json", policy=strict, trusted_root=trust)


def test_an_index_of_another_tree_is_not_attested(sigstore: FakeSigstore, trust: Path, tmp_path: Path) -> None:
    make_release(tmp_path)
    files.write(tmp_path / "linux-x86_64" / "payload.json", canonical(msgspec.structs.replace(PAYLOAD, files=())))
    with pytest.raises(Refused, match="index"):
        attest(tmp_path, identity_token=sigstore.token(), trust_config=trust)


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """An attester that looks away."""
    monkeypatch.setattr("coldforge.attest.stage.check_source", lambda *_: None)


LIES: dict[str, dict[str, str]] = {"commit": {"commit": "b" * 40}, "tag": {"version": "0.9.0"}}


@pytest.mark.parametrize("what", LIES)
def test_files_of_another_source_are_not_attested(what: str, sigstore: FakeSigstore, trust: Path, tmp_path: Path) -> None:
    make_release(tmp_path, **LIES[what])  # type: ignore[arg-type]  # texts only
    with pytest.raises(Refused, match=f"not built from the {what}"):
        attest(tmp_path, identity_token=sigstore.token(), trust_config=trust)
    assert not list(tmp_path.glob("*.sigstore.json"))


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("what", LIES)
def test_files_of_another_source_are_not_good(what: str, sigstore: FakeSigstore, trust: Path, tmp_path: Path) -> None:
    make_release(tmp_path, **LIES[what])  # type: ignore[arg-type]  # texts only
    attest(tmp_path, identity_token=sigstore.token(), trust_config=trust)
    for tag in ("v1.0.0", None):
        verdict = verify_folder(tmp_path, policy=policy(tag=tag), trusted_root=trust)
        row = next(row for row in verdict.rows if row.name == MANIFEST)
        assert ({row.word for row in verdict.rows} - {"ok"}, row.word, verdict.exit_code) == ({"foreign"}, "foreign", 1)
        assert f"another {what}" in row.why


def test_a_statement_may_not_name_another_commit_than_its_certificate(sigstore: FakeSigstore, trust: Path, folder: Path) -> None:
    said = statement(DEB, files.sha256(folder / DEB), read(folder / MANIFEST, Manifest), github_claims())
    (folder / f"{DEB}.sigstore.json").write_text(sign(sigstore, trust, said, github_claims(sha="c" * 40)))
    verdict = verify_folder(folder, policy=policy(), trusted_root=trust)
    assert words(verdict) == {DEB: "foreign"}


def test_changes_that_are_in_no_commit_are_told(sigstore: FakeSigstore, trust: Path, tmp_path: Path) -> None:
    made = make_release(tmp_path)
    rewrite(tmp_path, msgspec.structs.replace(made, source=msgspec.structs.replace(made.source, dirty=True)))
    with warnings() as texts:
        attest(tmp_path, identity_token=sigstore.token(), trust_config=trust)
    assert any("in no commit" in text for text in texts)
    verdict = verify_folder(download(tmp_path, tmp_path / "flat"), policy=policy(), trusted_root=trust)
    assert verdict.exit_code == 0
    assert "in no commit" in verdict.line


def rewrite(dist: Path, manifest: Manifest) -> None:
    """Another manifest for the same files."""
    files.write(dist / MANIFEST, canonical(manifest))
    digests = {artifact.name: artifact.sha256 for artifact in manifest.artifacts}
    files.write(dist / SUMS, sums({**digests, MANIFEST: files.sha256(dist / MANIFEST)}))


# Statements that strangers can sign


def sign(sigstore: FakeSigstore, trust: Path, payload: bytes, claims: Mapping[str, str]) -> str:
    """A bundle over any payload, as any client could make it."""
    from sigstore.dsse import Statement
    from sigstore.oidc import IdentityToken
    from sigstore.sign import SigningContext

    raw = Statement.__new__(Statement)  # the class checks what it is given
    raw._contents = payload
    with SigningContext.from_trust_config(trust_config(trust)).signer(IdentityToken(sigstore.token(claims))) as signer:
        return str(signer.sign_dsse(raw).to_json())


def altered(folder: Path, **fields: Any) -> bytes:
    """The package's statement with other fields."""
    envelope = json.loads((folder / f"{DEB}.sigstore.json").read_text())["dsseEnvelope"]
    return canonical({**json.loads(base64.b64decode(envelope["payload"])), **fields}).rstrip()


STRANGE: dict[str, Callable[[Path], bytes]] = {
    "no subject": lambda f: altered(f, subject=[]),
    "no list of subjects": lambda f: altered(f, subject=3),
    "one subject twice": lambda f: altered(
        f, subject=[{"name": DEB, "digest": {"sha256": digest}} for digest in ("0" * 64, files.sha256(f / DEB))]
    ),
    "a deep nest": lambda _: b"[" * 200_000 + b"]" * 200_000,
    "no object": lambda _: b"[]",
    "another type": lambda _: canonical({"_type": "x", "predicateType": "\x1b[8m\u202e\nGOOD: all 4 files"}),
}


def test_a_statement_of_a_kind_that_is_not_known_here_is_not_called_altered(sigstore: FakeSigstore, trust: Path, folder: Path) -> None:
    bundle = sign(sigstore, trust, altered(folder, predicateType="https://spdx.dev/Document/v2.3"), github_claims())
    append(folder / ATTESTATIONS, bundle.encode() + b"\n")
    verdict = verify_folder(folder, policy=policy(), trusted_root=trust)
    assert (words(verdict), verdict.exit_code) == ({ATTESTATIONS: "uncheckable"}, 3)


@pytest.mark.parametrize("signer", [github_claims(), mail_claims("mallory@example.org")], ids=["us", "a stranger"])
@pytest.mark.parametrize("what", STRANGE)
def test_a_statement_that_says_nothing_proves_nothing(
    what: str, signer: dict[str, str], sigstore: FakeSigstore, trust: Path, folder: Path
) -> None:
    bundle = sign(sigstore, trust, STRANGE[what](folder), signer)
    append(folder / ATTESTATIONS, bundle.encode() + b"\n")
    assert words(verify_folder(folder, policy=policy(), trusted_root=trust)) == {ATTESTATIONS: "altered"}
    (folder / f"{DEB}.sigstore.json").write_text(bundle)
    verdict = verify_folder(folder, policy=policy(), trusted_root=trust)
    assert words(verdict)[DEB] == "unattested"
    shown = "".join(cell for row in verdict.table().rows for cell in row) + verdict.line
    assert shown.isprintable()


def test_the_list_of_another_build_is_not_taken(sigstore: FakeSigstore, trust: Path, folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    make_release(other, commit="b" * 40, contents={DEB: b"another build of the same version", ARCHIVE: b"y"})
    attest(other, identity_token=sigstore.token(github_claims(sha="b" * 40)), trust_config=trust)
    shutil.copy(other / ATTESTATIONS, folder)
    assert words(verify_folder(folder, policy=policy(), trusted_root=trust)) == {ATTESTATIONS: "altered"}


def test_the_same_files_of_another_commit_are_foreign_in_the_list(
    sigstore: FakeSigstore, trust: Path, folder: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    make_release(other, commit="b" * 40, contents=WITH_BILL)
    attest(other, identity_token=sigstore.token(github_claims(sha="b" * 40)), trust_config=trust)
    append(folder / ATTESTATIONS, (other / f"{DEB}.sigstore.json").read_bytes())
    assert words(verify_folder(folder, policy=policy(), trusted_root=trust)) == {ATTESTATIONS: "foreign"}


# What lies beside the release


@pytest.fixture
def dist(signed: Path, tmp_path: Path) -> Path:
    """The folder that built it, to break."""
    return shutil.copytree(signed, tmp_path / "dist")


def test_the_work_of_the_build_is_told_and_not_judged(dist: Path, trust: Path) -> None:
    for name in ("payload", "onefile", "logs"):
        (dist / "linux-x86_64" / name).mkdir()
    verdict = verify_folder(dist, policy=policy(), trusted_root=trust)
    assert verdict.exit_code == 0
    assert "not judged (linux-x86_64/logs, linux-x86_64/payload.json, plan.json)" in verdict.line


@pytest.mark.parametrize("name", ["payload/demo", "payload/more", "onefile/demo"])
def test_a_download_in_the_shape_of_a_build_hides_no_program(name: str, dist: Path, trust: Path) -> None:
    files.write(dist / "linux-x86_64" / name, b"evil")
    verdict = verify_folder(dist, policy=policy(), trusted_root=trust)
    assert words(verdict) == {f"linux-x86_64/{name}": "changed" if name == "payload/demo" else "extra"}


def test_what_packages_bring_and_the_windows_that_were_seen_are_the_builds(sigstore: FakeSigstore, trust: Path, tmp_path: Path) -> None:
    """Programs that installers bring of their own must be those that are recorded; a picture is the one that the record names."""
    made, here = make_release(tmp_path), tmp_path / "linux-x86_64"
    files.write(here / "carried" / "nsis" / "uninstall.exe", b"program")
    files.write(here / "demo.png", b"picture")
    carried = Carried(path="nsis/uninstall.exe", key="k", size=7, sha256=files.sha256(here / "carried" / "nsis" / "uninstall.exe"))
    window = Shown(artifact=DEB, executable="demo", title="Demo", screenshot="demo.png")
    smoke = Smoke(trials=(Trial(image="debian", system="Debian", artifacts=(DEB,), windows=(window,)),))
    record = msgspec.structs.replace(made.targets[0], carried=(carried,), smoke=smoke)
    rewrite(tmp_path, msgspec.structs.replace(made, targets=(record,)))
    attest(tmp_path, identity_token=sigstore.token(), trust_config=trust)
    verdict = verify_folder(tmp_path, policy=policy(), trusted_root=trust)
    assert words(verdict) == {}
    assert "linux-x86_64/demo.png" in verdict.line
    files.write(here / "carried" / "nsis" / "uninstall.exe", b"evil")
    files.write(here / "carried" / "nsis" / "more.exe", b"evil")
    files.write(here / "other.png", b"picture")
    assert words(verify_folder(tmp_path, policy=policy(), trusted_root=trust)) == {
        "linux-x86_64/carried/nsis/uninstall.exe": "changed",
        "linux-x86_64/carried/nsis/more.exe": "extra",
        "linux-x86_64/other.png": "extra",
    }


def test_a_tree_that_nothing_signed_lists_is_extra(dist: Path, trust: Path) -> None:
    files.write(dist / "linux-x86_64" / "payload" / "demo", b"evil")
    for path in (dist / ATTESTATIONS, dist / "linux-x86_64.coldforge.sigstore.json"):
        path.unlink()
    assert words(verify_folder(dist, policy=policy(), trusted_root=trust))["linux-x86_64/payload"] == "extra"


BESIDE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a file": (lambda d: (d / "linux-x86_64" / "more.deb").write_bytes(b"x"), "linux-x86_64/more.deb"),
    "a folder": (lambda d: (d / "linux-x86_64" / "more").mkdir(), "linux-x86_64/more"),
    "a link": (lambda d: (d / "linux-x86_64" / "payload").symlink_to("/"), "linux-x86_64/payload"),
    "another target": (lambda d: pretend(d / "linux-aarch64"), "linux-aarch64"),
    "a copy": (lambda d: shutil.copy(d / "linux-x86_64" / DEB, d), "linux-x86_64"),
}


@pytest.mark.parametrize("what", BESIDE)
def test_anything_else_in_the_build_folder_is_extra(what: str, dist: Path, trust: Path) -> None:
    attack, name = BESIDE[what]
    attack(dist)
    verdict = verify_folder(dist, policy=policy(), trusted_root=trust)
    assert words(verdict).get(name) == "extra"
    assert verdict.exit_code == 1


def test_a_folder_without_any_regular_file_is_not_called_empty(trust: Path, tmp_path: Path) -> None:
    (tmp_path / "x").symlink_to("/etc/hostname")
    os.mkfifo(tmp_path / "y")
    found = words(verify_folder(tmp_path, policy=policy(), trusted_root=trust))
    assert (found["x"], found["y"], found[MANIFEST]) == ("extra", "extra", "missing")


@pytest.mark.parametrize("flat", [True, False])
def test_a_manifest_of_a_newer_coldforge_is_uncheckable(flat: bool, sigstore: FakeSigstore, trust: Path, tmp_path: Path) -> None:
    made, path = make_release(tmp_path / "dist"), tmp_path / "dist" / MANIFEST
    path.write_bytes(canonical({**json.loads(path.read_bytes()), "sbom": "x", "schema": 2}))
    with Signer(sigstore.token(), trust_config(trust)) as signer:
        for file in (path, path.with_name(SUMS), *(path.parent / artifact.path for artifact in made.artifacts)):
            said = statement(file.name, files.sha256(file), made, github_claims())
            path.with_name(file.name + BUNDLE_SUFFIX).write_text(signer.sign(said))
    there = download(path.parent, tmp_path / "flat") if flat else path.parent
    verdict = verify_folder(there, policy=policy(), trusted_root=trust)
    assert (words(verdict)[MANIFEST], verdict.exit_code) == ("uncheckable", 3)
    assert not flat or words(verdict) == {MANIFEST: "uncheckable"}


# Who must have signed, when only the repository is named


@pytest.mark.parametrize(
    ("claims", "what"),
    [
        (github_claims(workflow=".github/workflows/stale-bot.yml"), "workflow"),
        (github_claims(ref="refs/heads/main"), "ref"),
        (github_claims(ref="refs/pull/7/merge"), "ref"),
    ],
)
def test_a_repository_stands_for_its_releases_only(
    claims: dict[str, str], what: str, sigstore: FakeSigstore, trust: Path, tmp_path: Path
) -> None:
    make_release(tmp_path)
    attest(tmp_path, identity_token=sigstore.token(claims), trust_config=trust)
    verdict = verify_folder(tmp_path, policy=policy(tag=None), trusted_root=trust)
    row = next(row for row in verdict.rows if row.name == MANIFEST)
    assert (row.word, verdict.exit_code) == ("foreign", 1)
    assert row.why.endswith(f": {what}")


def test_the_case_of_a_repository_does_not_count(folder: Path, trust: Path) -> None:
    assert verify_folder(folder, policy=policy("Acme/Demo"), trusted_root=trust).exit_code == 0


def test_other_tools_are_shown_a_file_that_is_good(sigstore: FakeSigstore, folder: Path, tmp_path: Path) -> None:
    trust = tmp_path / "root.jsonl"
    trust.write_text(json.dumps(sigstore.trusted_root()) + "\n")
    (folder / "$(touch pwned).txt").write_text("x")
    append(folder / ARCHIVE)
    append(folder / BILL)
    cosign, github = map(shlex.split, verify_folder(folder, policy=policy(), trusted_root=trust).commands)
    assert cosign[-1] == github[-1] == DEB
    assert github[github.index("--repo") + 1] == "acme/demo"
    append(folder / MANIFEST)
    assert verify_folder(folder, policy=policy(), trusted_root=trust).commands == ()


def test_the_client_stays_quiet_about_being_offline(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    load_roots(None)
    assert caplog.messages == []


# Identities that end, or are not accepted


def test_what_somebody_else_signed_is_not_kept(sigstore: FakeSigstore, trust: Path, tmp_path: Path) -> None:
    made = make_release(tmp_path)
    said = statement(DEB, next(a.sha256 for a in made.artifacts if a.name == DEB), made, github_claims())
    for claims in (mail_claims("mallory@example.org"), github_claims("evil/demo"), github_claims(sha="c" * 40)):
        planted = sign(sigstore, trust, said, claims)
        (tmp_path / f"{DEB}.sigstore.json").write_text(planted)
        attest(tmp_path, identity_token=sigstore.token(), trust_config=trust)
        assert (tmp_path / f"{DEB}.sigstore.json").read_text() != planted
        assert verify_folder(tmp_path, policy=policy(), trusted_root=trust).exit_code == 0


def test_a_person_keeps_what_they_signed(sigstore: FakeSigstore, trust: Path, tmp_path: Path) -> None:
    make_release(tmp_path)
    token = sigstore.token(mail_claims("dev@example.org"))
    attest(tmp_path, identity_token=token, trust_config=trust)
    sigstore.requests.clear()
    attest(tmp_path, identity_token=token, trust_config=trust)
    assert sigstore.requests == []


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSigstore]:
    """An instance whose tokens and certificates live for two seconds, and a client that does not wait long."""
    monkeypatch.setattr("coldforge.host.clock.sleep", lambda _: time.sleep(0.2))
    with FakeSigstore() as fake:
        fake.lifetime = 2
        yield fake


def outage(fake: FakeSigstore, at: str, seconds: float) -> None:
    """Let requests to `at` fail for a while, from now on."""
    until = time.monotonic() + seconds

    def fail(method: str, path: str) -> None:
        fake.failures = int(method == "POST" and path.endswith(at) and time.monotonic() < until)

    fake.on_request = fail


@pytest.mark.parametrize("at", ["/signingCert", "/log/entries"])
def test_an_outage_may_be_longer_than_the_jobs_token_lives(
    at: str, brief: FakeSigstore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_release(tmp_path / "dist")
    (tmp_path / "trust.json").write_text(brief.trust_config())
    for name, value in brief.job_environment().items():
        monkeypatch.setenv(name, value)
    outage(brief, at, 3)
    attest(tmp_path / "dist", trust_config=tmp_path / "trust.json")
    assert brief.requests.count("GET /oidc/token") > 1
    assert verify_folder(tmp_path / "dist", policy=policy(), trusted_root=tmp_path / "trust.json").exit_code == 0


def test_a_token_that_was_given_and_expires_is_missing(brief: FakeSigstore, tmp_path: Path) -> None:
    make_release(tmp_path / "dist")
    (tmp_path / "trust.json").write_text(brief.trust_config())
    outage(brief, "/signingCert", 60)
    token = brief.token()
    for _ in ("while it lives", "afterwards"):
        with pytest.raises(Missing, match="expired") as caught:
            attest(tmp_path / "dist", identity_token=token, trust_config=tmp_path / "trust.json")
        assert "--identity-token" in caught.value.hint


def test_an_identity_that_is_refused_is_missing_at_once(sigstore: FakeSigstore, trust: Path, tmp_path: Path) -> None:
    make_release(tmp_path)
    sigstore.requests.clear()
    with FakeSigstore() as other, pytest.raises(Missing, match="does not accept"):
        attest(tmp_path, identity_token=other.token(), trust_config=trust)
    assert sigstore.requests == ["POST /api/v2/signingCert"]


def test_a_server_that_speaks_of_tokens_is_waited_for(
    sigstore: FakeSigstore, trust: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coldforge.host.clock.sleep", lambda _: None)
    monkeypatch.setattr(FakeSigstore, "unavailable", "no token for 401 s: try again later")
    make_release(tmp_path)
    sigstore.failures = 2
    attest(tmp_path, identity_token=sigstore.token(), trust_config=trust)
    assert verify_folder(tmp_path, policy=policy(), trusted_root=trust).exit_code == 0


def test_an_outage_without_end_is_a_failure_of_the_service(
    sigstore: FakeSigstore, trust: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coldforge.attest.signer.PATIENCE", 0.0)
    make_release(tmp_path)
    sigstore.failures = 1
    with pytest.raises(RemoteFailed, match="did not sign"):
        attest(tmp_path, identity_token=sigstore.token(), trust_config=trust)
    sigstore.failures = 0


def test_the_jobs_token_names_the_commit_that_is_checked_out(tmp_path: Path) -> None:
    from sigstore.oidc import detect_credential

    from support.repository import write

    with FakeSigstore() as fake, pytest.MonkeyPatch.context() as patch:
        fake.checkout = write(tmp_path / "tiny")
        for name, value in fake.job_environment().items():
            patch.setenv(name, value)
        claims = claims_of(detect_credential() or "")
    assert claims["sha"] != "a" * 40
    assert claims["sha"] == claims["job_workflow_sha"]


@pytest.mark.parametrize(("module", "name"), INTERNALS)
def test_a_client_that_lacks_a_part_that_is_used_is_told_at_once(
    module: str, name: str, folder: Path, trust: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(f"{module}.{name}")
    with pytest.raises(Missing, match="cannot be used to verify") as caught:
        verify_folder(folder, policy=policy(), trusted_root=trust)
    assert f"{module} has no {name}" in caught.value.why
