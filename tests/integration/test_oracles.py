"""Other people's verifiers: cosign, sigstore-go and gh accept what we sign and reject what we reject; we accept what cosign signs."""

from __future__ import annotations

import base64
import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest
from cryptography import x509
from msgspec.structs import replace

from coldforge.attest.signer import Signer
from coldforge.attest.signer import trust as trust_config
from coldforge.attest.stage import attest
from coldforge.attest.statement import statement
from coldforge.errors import RemoteFailed
from coldforge.host import files
from coldforge.records import ATTESTATIONS, BUNDLE_SUFFIX, MANIFEST, Manifest, read
from coldforge.verify.claims import KINDS
from coldforge.verify.policy import Policy, choose
from coldforge.verify.release import verify_file, verify_folder
from support.authority import Authority
from support.fake_github import READER, FakeGitHub
from support.fake_sigstore import FakeSigstore, github_claims, mail_claims
from support.releases import WITH_BILL, make_release
from support.require import GH, tool

pytestmark = pytest.mark.integration
DEB = "demo_1.0.0_amd64.deb"
ARCHIVE = "demo-1.0.0-linux-x86_64.tar.gz"
IDENTITY = "https://github.com/acme/demo/.github/workflows/release.yml@refs/tags/v1.0.0"
ISSUER = "https://token.actions.githubusercontent.com"
SECONDS = 60


@pytest.fixture(scope="module")
def cosign() -> str:
    return tool("cosign", "go install github.com/sigstore/cosign/v3/cmd/cosign@v3.1.1")


@pytest.fixture(scope="module")
def sigstore_go() -> str:
    how = "go install github.com/sigstore/sigstore-go/examples/sigstore-go-verification@v1.3.0"
    return tool("sigstore-go-verification", how)


@pytest.fixture(scope="module")
def gh() -> str:
    return tool("gh", GH)


@pytest.fixture(scope="module")
def root(sigstore: FakeSigstore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("trust") / "root.json"
    path.write_text(json.dumps(sigstore.trusted_root()) + "\n")
    return path


@pytest.fixture(scope="module")
def signed(sigstore: FakeSigstore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release that we signed, as it is downloaded."""
    return released(tmp_path_factory.mktemp("signed"), sigstore)


def released(place: Path, sigstore: FakeSigstore) -> Path:
    if not (place / "dist").exists():
        make_release(place / "dist", contents=WITH_BILL)
    (place / "trust.json").write_text(sigstore.trust_config())
    attest(place / "dist", identity_token=sigstore.token(), trust_config=place / "trust.json")
    flat = place / "flat"
    flat.mkdir()
    for path in [*(place / "dist").glob("*"), *(place / "dist" / "linux-x86_64").glob("demo*")]:
        if path.is_file() and path.name not in ("plan.json", ".lock"):
            shutil.copy(path, flat)
    return flat


@pytest.fixture
def folder(signed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(signed, tmp_path / "downloads"))


def demanded() -> Policy:
    chosen = choose(None, repository="acme/demo", tag="v1.0.0", identity=None, issuer=None)
    assert chosen is not None
    return chosen


def run(command: list[str], folder: Path, more: Mapping[str, str] = MappingProxyType({})) -> subprocess.CompletedProcess[str]:
    """Run one of the verifiers, with a home of its own and without any way to the network."""
    home = folder.parent / "home"
    home.mkdir(exist_ok=True)
    nowhere = "http://127.0.0.1:9"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "HTTPS_PROXY": nowhere,
        "HTTP_PROXY": nowhere,
        "COSIGN_PASSWORD": "",
        **more,
    }
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False)


CHANGES: dict[str, Callable[[Path], object]] = {
    "nothing": lambda f: None,
    "the file": lambda f: (f / DEB).write_bytes(b"x"),
    "the payload": lambda f: edit(f, lambda b: b["dsseEnvelope"].update(payload="e30=")),
    "the signature": lambda f: edit(
        f, lambda b: b["dsseEnvelope"]["signatures"][0].update(sig=other(f)["dsseEnvelope"]["signatures"][0]["sig"])
    ),
    "the log entry": lambda f: edit(
        f, lambda b: b["verificationMaterial"].update(tlogEntries=other(f)["verificationMaterial"]["tlogEntries"])
    ),
    "the promise": lambda f: edit(f, lambda b: b["verificationMaterial"]["tlogEntries"][0].update(integratedTime="1700000000")),
    "the bundle, by another file's": lambda f: shutil.copy(f / f"{ARCHIVE}{BUNDLE_SUFFIX}", f / f"{DEB}{BUNDLE_SUFFIX}"),
}


def edit(folder: Path, change: Callable[[dict], object]) -> None:  # type: ignore[type-arg]  # a JSON document
    path = folder / f"{DEB}{BUNDLE_SUFFIX}"
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def other(folder: Path) -> dict:  # type: ignore[type-arg]  # a JSON document
    return dict(json.loads((folder / f"{ARCHIVE}{BUNDLE_SUFFIX}").read_text()))


@pytest.mark.parametrize("what", CHANGES)
def test_others_agree_about_what_we_signed(what: str, cosign: str, sigstore_go: str, gh: str, folder: Path, root: Path) -> None:
    asked = shown("gh", folder, root)
    CHANGES[what](folder)
    ours = verify_file(folder / DEB, bundle=None, policy=demanded(), trusted_root=root)
    bundle = f"{DEB}{BUNDLE_SUFFIX}"
    theirs = run(
        [
            sigstore_go, "-artifact", DEB, "-expectedSAN", IDENTITY, "-expectedIssuer", ISSUER, "-trustedrootJSONpath", str(root), bundle,
        ],
        folder,
    )  # fmt: skip
    who = ["--certificate-identity", IDENTITY, "--certificate-oidc-issuer", ISSUER]
    command = [cosign, "verify-blob-attestation", "--bundle", bundle, "--trusted-root", str(root), "--type", "slsaprovenance1", *who, DEB]
    results = [theirs, run(command, folder), run([gh, *asked], folder)]
    good = what == "nothing"
    assert (ours.exit_code == 0, *(done.returncode == 0 for done in results)) == (good,) * 4, [done.stderr for done in results]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("damaged", [False, True])
def test_others_agree_about_statements_of_a_whole_target(
    *, damaged: bool, kind: str, cosign: str, gh: str, folder: Path, root: Path
) -> None:
    asked = [word.replace(f"{DEB}{BUNDLE_SUFFIX}", f"linux-x86_64.{kind}{BUNDLE_SUFFIX}") for word in shown("gh", folder, root)]
    assert "no attestations found with predicate type" in run([gh, *asked], folder).stderr
    if damaged:
        (folder / DEB).write_bytes(b"x")
    what = ["--bundle", f"linux-x86_64.{kind}{BUNDLE_SUFFIX}", "--trusted-root", str(root), "--type", KINDS[kind]]
    who = ["--certificate-identity", IDENTITY, "--certificate-oidc-issuer", ISSUER]
    for done in (
        run([cosign, "verify-blob-attestation", *what, *who, DEB], folder),
        run([gh, *asked, "--predicate-type", KINDS[kind]], folder),
    ):
        assert (done.returncode == 0) is not damaged, done.stderr


def shown(program: str, folder: Path, root: Path) -> list[str]:
    """The words behind the program in the command that a verdict shows for the package."""
    commands = verify_file(folder / DEB, bundle=None, policy=demanded(), trusted_root=root).commands
    return next(words[1:] for words in map(shlex.split, commands) if words[0] == program)


def test_the_commands_that_a_verdict_shows_work(cosign: str, gh: str, folder: Path, root: Path) -> None:
    commands = [shlex.split(command) for command in verify_folder(folder, policy=demanded(), trusted_root=root).commands]
    assert [words[:3] for words in commands] == [["cosign", "verify-blob-attestation", "--bundle"], ["gh", "attestation", "verify"]]
    for program, (_, *words) in zip((cosign, gh), commands, strict=True):
        done = run([program, *words], folder)
        assert done.returncode == 0, done.stderr
    (folder / commands[0][-1]).write_bytes(b"x")
    assert all(run([program, *words], folder).returncode for program, (_, *words) in zip((cosign, gh), commands, strict=True))


OTHERS = "elsewhere/workflows/.github/workflows/release.yml@refs/tags/v1.0.0"
SIGNERS = {
    "whom the command names": github_claims(),
    "another repository": github_claims("other/demo"),
    "another repository, by the same workflow": github_claims(
        "other/demo", signer="acme/demo/.github/workflows/release.yml@refs/tags/v1.0.0"
    ),
    "another workflow": github_claims(workflow=".github/workflows/other.yml"),
    "a workflow whose name begins alike": github_claims(workflow=".github/workflows/release.yml.yml"),
    "another's workflow": github_claims(signer=OTHERS),
    "another tag": github_claims(ref="refs/tags/v1.0.1"),
    "a branch of the tag's name": github_claims(ref="refs/heads/v1.0.0"),
    "another commit": github_claims(sha="b" * 40),
    "another machine": github_claims(runner="self-hosted"),
    "a person": mail_claims("dev@example.org"),
}


def sign(folder: Path, claims: dict[str, str], sigstore: FakeSigstore, trust: Path) -> None:
    """Put the package's provenance by somebody into the place of what lies there."""
    said = statement(DEB, files.sha256(folder / DEB), read(folder / MANIFEST, Manifest), claims)
    with Signer(sigstore.token(claims), trust_config(trust)) as signer:
        (folder / f"{DEB}{BUNDLE_SUFFIX}").write_text(signer.sign(said))


@pytest.mark.parametrize("who", SIGNERS)
def test_gh_refuses_whom_a_policy_refuses(who: str, gh: str, sigstore: FakeSigstore, trust: Path, folder: Path, root: Path) -> None:
    asked = shown("gh", folder, root)
    sign(folder, SIGNERS[who], sigstore, trust)
    ours = verify_file(folder / DEB, bundle=None, policy=replace(demanded(), commit="a" * 40), trusted_root=root)
    theirs = run([gh, *asked], folder)
    good = who == "whom the command names"
    assert (ours.exit_code == 0, theirs.returncode == 0) == (good, good), (ours.rows, theirs.stderr)


def test_gh_accepts_what_our_own_workflow_signed_for_a_repository(
    gh: str, sigstore: FakeSigstore, trust: Path, folder: Path, root: Path
) -> None:
    sign(folder, github_claims(signer="coldforge/coldforge/.github/workflows/release.yml@refs/tags/v1.0.0"), sigstore, trust)
    simple = ["attestation", "verify", "--bundle", f"{DEB}{BUNDLE_SUFFIX}", "--custom-trusted-root", str(root), "--repo", "acme/demo", DEB]
    results = [
        run([gh, *words], folder) for words in (shown("gh", folder, root), [*simple, "--signer-repo", "coldforge/coldforge"], simple)
    ]
    assert [done.returncode for done in results] == [0, 0, 1], [done.stderr for done in results]


def test_gh_finds_what_is_recorded_at_github(gh: str, folder: Path, root: Path) -> None:
    words = shown("gh", folder, root)
    del words[(at := words.index("--bundle")) : at + 2]
    with FakeGitHub() as github:
        github.recorded += map(json.loads, (folder / ATTESTATIONS).read_text().splitlines())
        there = {"GH_HOST": "github.localhost", "GH_TOKEN": READER, "HTTP_PROXY": github.url}
        for more in ([], ["--predicate-type", KINDS["sbom"]]):
            done = run([gh, *words, *more], folder, there)
            assert done.returncode == 0, done.stderr
        kind = run([gh, *words, "--predicate-type", "https://example.org/other"], folder, there)
        (folder / DEB).write_bytes(b"x")
        other = run([gh, *words], folder, there)
    assert [("HTTP 404" in done.stderr, done.returncode) for done in (kind, other)] == [(True, 1)] * 2, (kind.stderr, other.stderr)


@pytest.fixture
def second(tmp_path: Path) -> Iterator[FakeSigstore]:
    """An instance whose log is Rekor v2, which tells no time: a server of timestamps does."""
    authority = Authority(tmp_path)
    with authority.stamping() as url, FakeSigstore() as fake:
        fake.timestamps = (url, x509.load_pem_x509_certificates((tmp_path / "tsa.pem").read_bytes()))
        yield fake


def test_all_agree_about_what_we_sign_to_rekor_v2(second: FakeSigstore, cosign: str, sigstore_go: str, gh: str, tmp_path: Path) -> None:
    folder, root = released(tmp_path, second), tmp_path / "root.json"
    root.write_text(json.dumps(second.trusted_root()) + "\n")
    assert set(second.requests) == {"POST /api/v2/signingCert", "POST /api/v2/log/entries"}
    programs = {"cosign": cosign, "gh": gh}
    commands = [shlex.split(command) for command in verify_file(folder / DEB, bundle=None, policy=demanded(), trusted_root=root).commands]
    words = [
        "-artifact",
        DEB,
        "-expectedSAN",
        IDENTITY,
        "-expectedIssuer",
        ISSUER,
        "-trustedrootJSONpath",
        str(root),
        f"{DEB}{BUNDLE_SUFFIX}",
    ]
    asked = [[sigstore_go, *words], *([programs[program], *more] for program, *more in commands)]
    good = (folder / f"{DEB}{BUNDLE_SUFFIX}").read_bytes()

    def judged() -> list[bool]:
        ours = verify_file(folder / DEB, bundle=None, policy=demanded(), trusted_root=root)
        return [ours.exit_code == 0, *(run(command, folder).returncode == 0 for command in asked)]

    assert verify_folder(folder, policy=demanded(), trusted_root=root).exit_code == 0
    assert judged() == [True] * 4
    changes: dict[str, Callable[[dict], object]] = {  # type: ignore[type-arg]  # a JSON document
        "another's time": lambda b: b["verificationMaterial"].update(timestampVerificationData=material["timestampVerificationData"]),
        "no time": lambda b: b["verificationMaterial"].pop("timestampVerificationData"),
        "another's entry": lambda b: b["verificationMaterial"].update(tlogEntries=material["tlogEntries"]),
        "no proof": lambda b: b["verificationMaterial"]["tlogEntries"][0]["inclusionProof"].update(hashes=[]),
    }
    material = other(folder)["verificationMaterial"]
    for what, change in changes.items():
        edit(folder, change)
        assert judged() == [False] * 4, what
        (folder / f"{DEB}{BUNDLE_SUFFIX}").write_bytes(good)


def test_what_rekor_v2_logs_is_signed_again_while_timestamps_lack(
    second: FakeSigstore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert second.timestamps is not None
    there = second.timestamps
    second.timestamps = ("http://127.0.0.1:9", there[1])
    monkeypatch.setattr("coldforge.attest.signer.PATIENCE", 0.0)
    with pytest.raises(RemoteFailed, match="sigstore did not sign"):
        released(tmp_path, second)
    second.timestamps = there
    root = tmp_path / "root.json"
    root.write_text(json.dumps(second.trusted_root()))
    assert verify_folder(released(tmp_path, second), policy=demanded(), trusted_root=root).exit_code == 0


class Cosign:
    """Signs the package's statement against the loopback instance."""

    def __init__(self, program: str, sigstore: FakeSigstore, folder: Path, root: Path) -> None:
        self.folder = folder
        self.place = folder.parent
        bundle = folder / f"{DEB}{BUNDLE_SUFFIX}"
        statement, signing = self.place / "statement.json", self.place / "signing.json"
        statement.write_bytes(base64.b64decode(json.loads(bundle.read_text())["dsseEnvelope"]["payload"]))
        signing.write_text(json.dumps(json.loads(sigstore.trust_config())["signingConfig"]))
        bundle.unlink()
        self.program = program
        self.always = ["--statement", str(statement), "--bundle", str(bundle), "--yes", "--signing-config", str(signing)]
        self.always += ["--trusted-root", str(root)]

    def __call__(self, command: str, *words: str) -> None:
        done = run([self.program, command, *words], self.folder)
        assert done.returncode == 0, done.stderr

    def attest(self, *words: str) -> None:
        self("attest-blob", *self.always, *words)


def test_we_accept_what_cosign_signs(cosign: str, sigstore: FakeSigstore, folder: Path, root: Path, tmp_path: Path) -> None:
    signer, token = Cosign(cosign, sigstore, folder, root), tmp_path / "token"
    token.write_text(sigstore.token(github_claims()))
    signer.attest("--identity-token", str(token))
    assert verify_file(folder / DEB, bundle=None, policy=demanded(), trusted_root=root).exit_code == 0


def test_we_accept_what_cosign_signs_with_a_key(cosign: str, sigstore: FakeSigstore, folder: Path, root: Path, tmp_path: Path) -> None:
    signer = Cosign(cosign, sigstore, folder, root)
    for name in ("us", "them"):
        signer("generate-key-pair", "--output-key-prefix", str(tmp_path / name))
    signer.attest("--key", str(tmp_path / "us.key"))

    def answer(policy: Policy | None) -> int:
        return verify_file(folder / DEB, bundle=None, policy=policy, trusted_root=root).exit_code

    def by(name: str) -> Policy | None:
        return choose(None, repository=None, tag=None, identity=None, issuer=None, key=tmp_path / f"{name}.pub")

    assert (answer(by("us")), answer(by("them")), answer(demanded())) == (0, 1, 3)
    append = (folder / DEB).read_bytes() + b"x"
    (folder / DEB).write_bytes(append)
    assert answer(by("us")) == 1
