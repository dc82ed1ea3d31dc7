"""Other people's verifiers: cosign and sigstore-go accept what we sign and reject what we reject; we accept what cosign signs."""

from __future__ import annotations

import base64
import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from coldforge.attest.stage import attest
from coldforge.records import BUNDLE_SUFFIX
from coldforge.verify.claims import KINDS
from coldforge.verify.policy import Policy, choose
from coldforge.verify.release import verify_file, verify_folder
from support.fake_sigstore import FakeSigstore, github_claims
from support.releases import WITH_BILL, make_release
from support.require import tool

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
def root(sigstore: FakeSigstore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("trust") / "root.json"
    path.write_text(json.dumps(sigstore.trusted_root()))
    return path


@pytest.fixture(scope="module")
def signed(sigstore: FakeSigstore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release that we signed, as it is downloaded."""
    place = tmp_path_factory.mktemp("signed")
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


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run one of the verifiers, with a home of its own and without any way to the network."""
    home = folder.parent / "home"
    home.mkdir(exist_ok=True)
    nowhere = "http://127.0.0.1:9"
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "HTTPS_PROXY": nowhere, "HTTP_PROXY": nowhere, "COSIGN_PASSWORD": ""}
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
def test_others_agree_about_what_we_signed(what: str, cosign: str, sigstore_go: str, folder: Path, root: Path) -> None:
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
    also = run(command, folder)
    good = what == "nothing"
    assert (ours.exit_code == 0, theirs.returncode == 0, also.returncode == 0) == (good, good, good), (theirs.stderr, also.stderr)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("damaged", [False, True])
def test_others_agree_about_statements_of_a_whole_target(*, damaged: bool, kind: str, cosign: str, folder: Path, root: Path) -> None:
    if damaged:
        (folder / DEB).write_bytes(b"x")
    what = ["--bundle", f"linux-x86_64.{kind}{BUNDLE_SUFFIX}", "--trusted-root", str(root), "--type", KINDS[kind]]
    who = ["--certificate-identity", IDENTITY, "--certificate-oidc-issuer", ISSUER]
    done = run([cosign, "verify-blob-attestation", *what, *who, DEB], folder)
    assert (done.returncode == 0) is not damaged, done.stderr


def test_the_command_that_a_verdict_shows_works(cosign: str, folder: Path, root: Path) -> None:
    shown = verify_folder(folder, policy=demanded(), trusted_root=root).commands[0]
    words = shlex.split(shown)
    assert words[:2] == ["cosign", "verify-blob-attestation"]
    done = run([cosign, *words[1:-1], "--trusted-root", str(root), words[-1]], folder)
    assert (done.returncode, "Verified OK" in done.stderr) == (0, True), done.stderr
    (folder / words[-1]).write_bytes(b"x")
    assert run([cosign, *words[1:-1], "--trusted-root", str(root), words[-1]], folder).returncode != 0


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
