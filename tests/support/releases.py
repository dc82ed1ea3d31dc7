"""Small releases made by hand: a `dist/` with a manifest and a few artifacts, without freezing anything."""

from __future__ import annotations

from pathlib import Path

from coldforge.host import files
from coldforge.records import (
    MANIFEST,
    SUMS,
    Artifact,
    Environment,
    Interpreter,
    Manifest,
    SourceRecord,
    TargetRecord,
    canonical,
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
        kind = name.rpartition(".")[2]
        artifact = Artifact(
            name=name, path=f"linux-x86_64/{name}", target="linux-x86_64", format=kind, size=len(data), sha256=files.sha256(path)
        )
        artifacts.append(artifact)
    target = TargetRecord(
        target="linux-x86_64",
        freezer="pyinstaller",
        payload_digest="4" * 64,
        payload_size=1,
        environment=ENVIRONMENT,
        artifacts=tuple(artifacts),
    )
    source = SourceRecord(commit=commit, tag=f"v{version}", repository="acme/demo", epoch=1_700_000_000)
    manifest = Manifest(coldforge="0.1.0", product="demo", version=version, source=source, targets=(target,))
    files.write(dist / "linux-x86_64" / "payload.json", b"{}\n")
    files.write(dist / "plan.json", b"{}\n")
    files.write(dist / MANIFEST, canonical(manifest))
    digests = {artifact.name: artifact.sha256 for artifact in artifacts}
    files.write(dist / SUMS, sums({**digests, MANIFEST: files.sha256(dist / MANIFEST)}))
    return manifest
