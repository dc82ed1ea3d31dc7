"""What it costs to verify a release: coldforge beside other verifiers and beside hashing alone, in CPU time; of a large file, elapsed too.

Everything is signed by a loopback sigstore. cosign, sigstore-go's verification program and the sigstore CLI are run once a file, as their
users must; those that are not installed are left out.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from measure import cost, median_cpu

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]

from coldforge.attest.signer import Signer, trust  # noqa: E402
from coldforge.attest.stage import attest  # noqa: E402
from coldforge.attest.statement import statement  # noqa: E402
from coldforge.host import files  # noqa: E402
from coldforge.records import ATTESTATIONS, BUNDLE_SUFFIX, MANIFEST, Manifest, canonical, read, released_files  # noqa: E402
from support.fake_sigstore import FakeSigstore, github_claims  # noqa: E402
from support.releases import make_release  # noqa: E402

FILES, SIZE = 100, 1_000_000
SOURCE = f"import sys; sys.path.insert(0, {str(ROOT / 'src')!r}); from coldforge.cli import main; sys.exit(main(sys.argv[1:]))"
HASH = "import hashlib, sys; [hashlib.file_digest(open(name, 'rb'), 'sha256') for name in sys.argv[1:]]"
IDENTITY = "https://github.com/acme/demo/.github/workflows/release.yml@refs/tags/v1.0.0"
ISSUER = "https://token.actions.githubusercontent.com"


def release(place: Path, contents: dict[str, bytes]) -> Path:
    """A release with these files, attested one by one; returns the folder as it is downloaded."""
    flat = place / "flat"
    flat.mkdir(parents=True)
    with FakeSigstore() as sigstore:
        (place / "trust.json").write_text(sigstore.trust_config())
        (place / "root.json").write_text(json.dumps(sigstore.trusted_root()))
        make_release(place / "dist", contents=contents)
        attest(place / "dist", identity_token=sigstore.token(), trust_config=place / "trust.json")
        said = (place / "dist" / f"linux-x86_64.coldforge{BUNDLE_SUFFIX}").read_text()
        (place / "one.jsonl").write_text(one_bundle(place / "dist", sigstore, place / "trust.json") + "\n" + said)
    for path in [*(place / "dist").glob("*"), *(place / "dist" / "linux-x86_64").glob("demo*")]:
        if path.is_file() and path.name not in ("plan.json", ".lock"):
            shutil.copy(path, flat)
    return flat


def one_bundle(dist: Path, sigstore: FakeSigstore, config: Path) -> str:
    """One statement about all files of a release, signed."""
    manifest = read(dist / MANIFEST, Manifest)
    places = {artifact.name: artifact.path for artifact in manifest.artifacts}
    said = json.loads(statement(MANIFEST, files.sha256(dist / MANIFEST), manifest, github_claims()))
    said["subject"] = [
        {"name": name, "digest": {"sha256": files.sha256(dist / places.get(name, name))}} for name in released_files(manifest)
    ]
    with Signer(sigstore.token(), trust(config)) as signer:
        return signer.sign(canonical(said).rstrip())


def main() -> None:
    """Print the rows."""
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        many = release(place / "many", {f"demo-{number:03}.bin": bytes([number]) * SIZE for number in range(FILES)})
        one = Path(shutil.copytree(many, place / "one"))
        for bundle in one.glob(f"*{BUNDLE_SUFFIX}"):
            bundle.unlink()
        shutil.copy(place / "many" / "one.jsonl", one / ATTESTATIONS)
        big = release(place / "big", {"demo-big.bin": b""})
        show(many, one, place / "many")
        large(big, place / "big" / "root.json")


def ours(what: Path, root: Path) -> list[str]:
    """Our command."""
    return [sys.executable, "-I", "-c", SOURCE, "verify", str(what), "--repo", "acme/demo", "--trusted-root", str(root), "--json"]


def show(many: Path, one: Path, place: Path) -> None:
    """A hundred files: with a bundle each, with one bundle, and as others do it."""
    root = place / "root.json"
    names = sorted(many.glob("demo-*.bin"))
    hashing = median_cpu([sys.executable, "-I", "-c", HASH, *map(str, names)])
    rows = {
        "hashing alone": hashing,
        "coldforge, a bundle for each file": median_cpu(ours(many, root)),
        "coldforge, one bundle": median_cpu(ours(one, root)),
        "importing sigstore's verifier alone": median_cpu([sys.executable, "-I", "-c", "import sigstore.verify"]),
    }
    for name, command in others(root).items():
        if shutil.which(command(names[0])[0]):
            rows[f"{name}, {FILES} times"] = FILES * median_cpu(command(names[0]), times=5)
    print(f"| {FILES} files of {SIZE / 1e6:.0f} MB | CPU s | in hashes |\n|---|---:|---:|")
    for name, seconds in rows.items():
        print(f"| {name} | {seconds:.2f} | {seconds / hashing:.1f} |")


def others(root: Path) -> dict[str, Callable[[Path], list[str]]]:
    """How other verifiers check one file."""
    san = ["--certificate-identity", IDENTITY, "--certificate-oidc-issuer", ISSUER]

    def bundle(file: Path) -> str:
        return f"{file}{BUNDLE_SUFFIX}"

    def cosign(file: Path) -> list[str]:
        what = ["--bundle", bundle(file), "--trusted-root", str(root), "--type", "slsaprovenance1"]
        return ["cosign", "verify-blob-attestation", *what, *san, str(file)]

    def sigstore_go(file: Path) -> list[str]:
        who = ["-expectedSAN", IDENTITY, "-expectedIssuer", ISSUER]
        return ["sigstore-go-verification", "-artifact", str(file), *who, "-trustedrootJSONpath", str(root), bundle(file)]

    def sigstore(file: Path) -> list[str]:
        who = ["--cert-identity", IDENTITY, "--cert-oidc-issuer", ISSUER]
        config = str(root.with_name("trust.json"))
        return [sys.executable, "-m", "sigstore", "--trust-config", config, "verify", "identity", "--bundle", bundle(file), *who, str(file)]

    return {"sigstore-go": sigstore_go, "cosign": cosign, "sigstore CLI": sigstore}


def large(folder: Path, root: Path) -> None:
    """A gigabyte, in turns with its hash alone: by Python's hashlib, which takes as long as `openssl dgst`."""
    file = folder / "demo-big.bin"
    os.truncate(file, 1_000_000_000)  # altered, but hashed and judged all the same
    commands = {
        "hashing alone": ([sys.executable, "-I", "-c", HASH, str(file)], 0),
        "coldforge, the file": (ours(file, root), 1),
        "coldforge, its folder": (ours(folder, root), 1),
    }
    turns = [{name: cost(command, code=code) for name, (command, code) in commands.items()} for _ in range(15)]
    print("\n| a file of 1 GB | CPU s | in hashes | elapsed s | in hashes |\n|---|---:|---:|---:|---:|")
    for name in commands:
        cpu, wall = (statistics.median(getattr(turn[name], each) for turn in turns) for each in ("cpu", "wall"))
        hashed = {each: statistics.median(getattr(turn["hashing alone"], each) for turn in turns) for each in ("cpu", "wall")}
        print(f"| {name} | {cpu:.2f} | {cpu / hashed['cpu']:.2f} | {wall:.2f} | {wall / hashed['wall']:.2f} |")


if __name__ == "__main__":
    main()
