"""The coldforge predicate: what a publisher signs about one target's artifacts, beside where they come from.

Who signs it makes it from the manifest, and so does who checks it: a difference means that one of the two does not tell the truth.
docs/reference/predicate.md describes it for readers of other programs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from coldforge.records import DETACHED, SBOM, Artifact, FileEntry, Finding, Manifest, Record, Smoke, SourceRecord, TargetRecord, digest_of

INTOTO: Final = "application/vnd.in-toto+json"  # what is in the envelope of a statement
STATEMENT: Final = "https://in-toto.io/Statement/v1"
PROVENANCE: Final = "https://slsa.dev/provenance/v1"
COLDFORGE: Final = "https://github.com/coldforge/coldforge/build/v1"
CYCLONEDX: Final = "https://cyclonedx.org/bom"  # without a version, as GitHub's attest-sbom has it


class Made(Record, frozen=True, kw_only=True):
    """An artifact: `sha256` as it is released, `unsigned` as it was before anything was signed, `key` whose signature it then got."""

    format: str
    sha256: str
    unsigned: str
    key: str = ""


class Contents(Record, frozen=True, kw_only=True):
    """The frozen tree in every package: `digest` is the sha256 over the canonical JSON of `[files, singles]`, `size` in bytes."""

    digest: str
    size: int
    files: tuple[FileEntry, ...] = ()
    singles: tuple[FileEntry, ...] = ()

    @property
    def computed(self) -> str:
        """What the digest must be by the files that are listed; empty when a name among them is no text."""
        return _digest((self.files, self.singles))


class Gates(Record, frozen=True, kw_only=True):
    """What the freeze was checked for: `passed` are the gates that found nothing; of the others, the findings and the reasons."""

    passed: tuple[str, ...] = ()
    relaxed: tuple[Finding, ...] = ()
    warned: tuple[Finding, ...] = ()


class Predicate(Record, frozen=True, kw_only=True):
    """What was made for a target, from which source, and what was proven of it. The fields mean what they mean in the manifest."""

    coldforge: str
    product: str
    version: str
    source: SourceRecord
    target: str
    freezer: str
    payload: Contents
    artifacts: Mapping[str, Made]
    gates: Gates
    smoke: Smoke = Smoke()


def unsigned(artifact: Artifact) -> str:
    """The sha256 of an artifact before it was signed, which is what somebody who has no key arrives at."""
    return artifact.signature.sha256 if artifact.signature else artifact.sha256


def is_listed(artifact: Artifact) -> bool:
    """Whether its target's bill of materials is about the artifact: not about itself, nor about signatures in files of their own."""
    return artifact.format not in (SBOM, DETACHED)


def predicate_of(manifest: Manifest, record: TargetRecord, files: tuple[FileEntry, ...], singles: tuple[FileEntry, ...]) -> Predicate:
    """The predicate of a target. `files` and `singles` are those of its payload, of which the manifest has only the digest."""
    found = {finding.gate for finding in record.findings}
    return Predicate(
        coldforge=manifest.coldforge,
        product=manifest.product,
        version=manifest.version,
        source=manifest.source,
        target=record.target,
        freezer=record.freezer,
        payload=Contents(digest=record.payload_digest, size=record.payload_size, files=files, singles=singles),
        artifacts={
            artifact.name: Made(
                format=artifact.format,
                sha256=artifact.sha256,
                unsigned=unsigned(artifact),
                key=artifact.signature.key if artifact.signature else "",
            )
            for artifact in record.artifacts
        },
        gates=Gates(
            passed=tuple(gate for gate in record.gates if gate not in found),
            relaxed=tuple(finding for finding in record.findings if finding.level == "relaxed"),
            warned=tuple(finding for finding in record.findings if finding.level == "warning"),
        ),
        smoke=record.smoke,
    )


def differences(said: Predicate, manifest: Manifest, record: TargetRecord) -> Iterator[tuple[str, str, str]]:
    """Where a predicate and the manifest disagree: the field, what the manifest has, and what the predicate has."""
    wanted = predicate_of(manifest, record, said.payload.files, said.payload.singles)
    for name in Predicate.__struct_fields__:
        if getattr(said, name) != getattr(wanted, name):
            yield name, _shown(getattr(wanted, name)), _shown(getattr(said, name))
    if said.payload.computed != record.payload_digest:
        yield "payload.files", record.payload_digest, said.payload.computed


def _shown(value: object) -> str:
    """A value in a message: as it is when it is a text, else by its digest, for it may be long."""
    return value if isinstance(value, str) else f"sha256:{_digest(value)[:16] or 'none, a name in it is no text'}"


def _digest(value: object) -> str:
    """The digest of a value; empty when a text in it is none (half of a surrogate pair): a statement may come from anybody."""
    try:
        return digest_of(value)
    except UnicodeEncodeError:
        return ""
