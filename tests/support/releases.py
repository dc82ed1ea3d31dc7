"""Small releases made by hand: a `dist/` with a manifest and a few artifacts, without freezing anything."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import msgspec

from coldforge.host import files
from coldforge.records import (
    ATTESTATIONS,
    BUNDLE_SUFFIX,
    INDEX,
    MANIFEST,
    SBOM,
    SUMS,
    Artifact,
    Environment,
    FileEntry,
    Finding,
    Interpreter,
    Manifest,
    Origin,
    Payload,
    SourceRecord,
    TargetRecord,
    all_statements,
    canonical,
    read,
    released_files,
    sums,
)

ENVIRONMENT = Environment(
    interpreter=Interpreter(version="3.13.1", build="3.13.1 (main) [GCC 12.2.0]", sha256="1" * 64),
    distributions=(),
    freezer_distributions=(),
    lock="requirements.txt",
    lock_sha256="2" * 64,
    workshop=f"sha256:{'3' * 64}",
    system="Debian GNU/Linux 12 (bookworm)",
    glibc="glibc-2.36",
)
OWN = Origin(kind="application")
PROGRAM = b"#!/bin/sh\necho demo\n"
PAYLOAD = Payload(
    target="linux-x86_64",
    freezer="pyinstaller",
    key="",
    files=(
        FileEntry(path="demo", kind="executable", mode=0o755, size=len(PROGRAM), sha256=files.digest(PROGRAM, "sha256"), origin=OWN),
        FileEntry(path="lib", kind="directory", mode=0o755, origin=OWN),
        FileEntry(path="lib/current", kind="link", link="../demo", origin=OWN),
    ),
    environment=ENVIRONMENT,
    gates=("floor", "leak", "license"),
    findings=(Finding(gate="license", level="relaxed", message="demo is under GPL-2.0", reason="it is ours"),),
)
"""What every release here contains: a program, a folder and a link."""
BILL = "demo-1.0.0-linux-x86_64.cdx.json"
WITH_BILL = {
    "demo-1.0.0-linux-x86_64.tar.gz": b"archive",
    "demo_1.0.0_amd64.deb": b"package",
    BILL: b'{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"components":[{"type":"library","name":"left-pad"}]}',
}
"""The contents of a release that has a bill of materials as well."""


def make_release(dist: Path, *, version: str = "1.0.0", commit: str = "a" * 40, contents: dict[str, bytes] | None = None) -> Manifest:
    """Write a release's files and its manifest as a build would."""
    wanted = {
        f"demo-{version}-linux-x86_64.tar.gz": f"archive of {version}".encode(),
        f"demo_{version}_amd64.deb": f"package of {version}".encode(),
    }
    artifacts = []
    for name, data in (contents or wanted).items():
        path = dist / "linux-x86_64" / name
        files.write(path, data)
        kind = SBOM if name.endswith(".cdx.json") else "tar.gz" if name.endswith(".tar.gz") else name.rpartition(".")[2]
        artifact = Artifact(
            name=name, path=f"linux-x86_64/{name}", target="linux-x86_64", format=kind, size=len(data), sha256=files.sha256(path)
        )
        artifacts.append(artifact)
    target = TargetRecord(
        target="linux-x86_64",
        freezer="pyinstaller",
        payload_digest=PAYLOAD.digest,
        payload_size=PAYLOAD.size,
        environment=ENVIRONMENT,
        gates=PAYLOAD.gates,
        findings=PAYLOAD.findings,
        artifacts=tuple(artifacts),
    )
    source = SourceRecord(commit=commit, tag=f"v{version}", repository="acme/demo", epoch=1_700_000_000)
    manifest = Manifest(coldforge="0.1.0", product="demo", version=version, source=source, targets=(target,))
    files.write(dist / "linux-x86_64" / INDEX, canonical(PAYLOAD))
    files.write(dist / "plan.json", b"{}\n")
    files.write(dist / MANIFEST, canonical(manifest))
    digests = {artifact.name: artifact.sha256 for artifact in artifacts}
    files.write(dist / SUMS, sums({**digests, MANIFEST: files.sha256(dist / MANIFEST)}))
    return manifest


def make_sparse(dist: Path, size: int) -> None:
    """A release of one file of so many zeros, which take no room on the disk."""
    manifest = make_release(dist, contents={"demo.bin": b""})
    (record,) = manifest.targets
    path = dist / "linux-x86_64" / "demo.bin"
    with path.open("wb") as stream:
        stream.truncate(size)
    artifact = msgspec.structs.replace(record.artifacts[0], size=size, sha256=files.sha256(path))
    manifest = msgspec.structs.replace(manifest, targets=(msgspec.structs.replace(record, artifacts=(artifact,)),))
    files.write(dist / MANIFEST, canonical(manifest))
    files.write(dist / SUMS, sums({artifact.name: artifact.sha256, MANIFEST: files.sha256(dist / MANIFEST)}))


def attest(dist: Path, *, mark: str = "") -> None:
    """Write bundles as `coldforge attest` would, but unsigned: releasing reads what they are about, verifying who says so."""
    manifest = read(dist / MANIFEST, Manifest)
    paths = {artifact.name: dist / artifact.path for artifact in manifest.artifacts}
    digests = {name: files.sha256(paths.get(name, dist / name)) for name in released_files(manifest)}
    about = {name: [name] for name in digests} | {name: list(paths) for name in all_statements(manifest)}
    bundles = []
    for name, subjects in about.items():
        subject = [{"name": each, "digest": {"sha256": digests[each]}} for each in subjects]
        statement = json.dumps({"_type": "https://in-toto.io/Statement/v1", "subject": subject, "mark": mark})
        envelope = {"payload": base64.b64encode(statement.encode()).decode(), "payloadType": "application/vnd.in-toto+json"}
        bundles.append(json.dumps({"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "dsseEnvelope": envelope}))
        (dist / f"{name}{BUNDLE_SUFFIX}").write_text(bundles[-1] + "\n")
    (dist / ATTESTATIONS).write_text("".join(f"{bundle}\n" for bundle in bundles))


def expected(dist: Path) -> dict[str, bytes]:
    """What a release of `dist` must hold."""
    evidence = [*dist.glob(f"*{BUNDLE_SUFFIX}"), *dist.glob(ATTESTATIONS)]
    paths = [*(dist / "linux-x86_64").glob("demo*"), dist / MANIFEST, dist / SUMS, *evidence]
    return {path.name: path.read_bytes() for path in paths}
