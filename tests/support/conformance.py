"""The cases of the sigstore-conformance suite: bundles with what each needs to be checked."""

from __future__ import annotations

import functools
import io
import json
import tarfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from coldforge.verify.beyond import Instance
from coldforge.verify.evidence import Evidence, load_roots

ARCHIVE = Path(__file__).parents[1] / "data" / "sigstore-conformance.tar.xz"
BEACON = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main"
GITHUB = "https://token.actions.githubusercontent.com"


@dataclass(frozen=True, kw_only=True)
class Vector:
    """One case: everything that a verifier is given, and whether it must accept."""

    name: str
    bundle: str
    artifact: bytes
    identity: str
    issuer: str
    key: str
    root: str

    @property
    def good(self) -> bool:
        return not self.name.endswith("_fail")

    @property
    def digest(self) -> str:
        return sha256(self.artifact).hexdigest()

    def document(self) -> Any:
        return json.loads(self.bundle)


@functools.cache
def _members() -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(ARCHIVE.read_bytes())) as archive:
        found = {member.name.removeprefix("sigstore-conformance/"): archive.extractfile(member) for member in archive if member.isfile()}
        return {name: file.read() for name, file in found.items() if file}


def names() -> list[str]:
    return sorted({name.partition("/")[0] for name in _members() if "/" in name})


def vector(name: str) -> Vector:
    members = _members()

    def text(file: str, default: str = "") -> str:
        data = members.get(f"{name}/{file}")
        return default if data is None else data.decode()

    return Vector(
        name=name,
        bundle=text("bundle.sigstore.json"),
        artifact=members.get(f"{name}/artifact", members["a.txt"]),
        identity=text("identity", BEACON).strip(),
        issuer=text("issuer", GITHUB).strip(),
        key=text("key.pub"),
        root=text("trusted_root.json"),
    )


@functools.cache
def roots(text: str, folder: Path) -> tuple[Instance, ...]:
    """What a case trusts; the public instance when it says nothing."""
    if not text:
        return load_roots(None)
    path = folder / f"{sha256(text.encode()).hexdigest()}.json"
    path.write_text(text)
    return load_roots(path)


def evidence(case: Vector, folder: Path) -> Evidence:
    return Evidence(roots(case.root, folder), key=case.key)
