"""Releases with real packages of hand-made payloads, and keys made for one test: what repositories and signatures are tried with."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from coldforge.bundle.stage import bundle_target
from coldforge.host.files import scratch
from coldforge.plan.model import Plan
from coldforge.project.config import Config
from coldforge.recording import record_of
from coldforge.records import MANIFEST, Manifest, SourceRecord, canonical
from support import payloads

FORMATS = ("deb", "rpm", "arch", "apk")
KEY_TIME = 1_600_000_000  # before every release here


def release(
    folder: Path, version: str, *, epoch: int = payloads.EPOCH, formats: tuple[str, ...] = FORMATS, config: Config | None = None
) -> Path:
    """Make the packages of a version, and its manifest; the `dist/` folder. Takes nfpm for rpm."""
    plan, payload = payloads.make(folder, replace(payloads.PRODUCT, version=version), config)
    plan = replace(plan, source=SourceRecord(epoch=epoch))
    dist = folder / "dist"
    asked = [artifact.name for artifact in plan.targets[0].artifacts if artifact.format in formats]
    made = bundle_target(plan, plan.targets[0], payload, project=folder, out=dist, asked=asked)
    text = canonical(manifest(plan, replace(record_of(payload), artifacts=made)))
    for path in (dist / MANIFEST, dist / payloads.TARGET / MANIFEST):
        path.write_bytes(text)
    return dist


def manifest(plan: Plan, *records: object) -> Manifest:
    """The record of a release that a plan was made for."""
    return Manifest(coldforge="0", product=plan.product.name, version=plan.product.version, source=plan.source, targets=records)  # type: ignore[arg-type]  # of targets


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A key that gpg made: its fingerprint, and its private and public parts as text."""

    fingerprint: str
    private: str
    public: str


@contextmanager
def keyring() -> Iterator[Path]:
    """A folder for gpg with a short name: sockets lie in it. What was started for it is ended."""
    with scratch("gpg") as home:
        home.chmod(0o700)
        yield home
        subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False)


def gpg(home: Path, *words: str | Path, stdin: bytes = b"") -> str:
    """Run gpg in a folder of its own; what it printed."""
    return subprocess.run(
        ["gpg", "--homedir", home, "--batch", "--pinentry-mode", "loopback", *words], input=stdin, capture_output=True, check=True
    ).stdout.decode()


def key(kind: str = "ed25519", passphrase: str = "", *, time: int = KEY_TIME) -> Made:
    """A new key that can sign, of the time given."""
    with keyring() as home:
        faked = ("--faked-system-time", f"{time}!")
        gpg(home, *faked, "--passphrase", passphrase, "--quick-gen-key", "Demo <demo@example.org>", kind, "sign", "never")
        listing = gpg(home, "--with-colons", "--list-keys")
        fingerprint = next(line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr"))
        private = gpg(home, "--passphrase", passphrase, "--armor", "--export-secret-keys")
        return Made(fingerprint=fingerprint, private=private, public=gpg(home, "--armor", "--export"))


def rsa(folder: Path, bits: int = 2048) -> Path:
    """A new RSA key, as openssl writes it."""
    path = folder / "key.pem"
    subprocess.run(["openssl", "genrsa", "-out", path, str(bits)], check=True, capture_output=True)
    return path


def environment(**more: str) -> dict[str, str]:
    """The environment without keys of whoever runs the tests."""
    return {**{name: value for name, value in os.environ.items() if not name.startswith("COLDFORGE_")}, **more}
