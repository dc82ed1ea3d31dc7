"""`dist/report.html`: what was made and where its megabytes are, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from coldforge.bundle.weights import Share, shares
from coldforge.records import Manifest, Payload, TargetRecord
from coldforge.report.html import Area, Section, page
from coldforge.report.reporter import Table, megabytes


def report(manifest: Manifest, payloads: Mapping[tuple[str, str], Payload]) -> str:
    """The page: a chapter for each target, with its artifacts, and its parts with a map of their sizes when its payload is at hand.

    `payloads` are named by target and digest: what was frozen before or elsewhere says nothing of what is recorded.
    """
    found = [_chapter(record, payloads.get((record.target, record.payload_digest))) for record in manifest.targets]
    return page(f"{manifest.product} {manifest.version}", found)


def _chapter(record: TargetRecord, payload: Payload | None) -> Section:
    found = shares(payload) if payload else ()
    floor = f" It needs {record.floor} or newer." if record.floor else ""
    listed = (parts(found),) if found else ()
    return Section(
        title=record.target,
        text=f"{megabytes(record.payload_size)} unpacked, frozen on {record.environment.system}.{floor}",
        areas=tuple(_area(share) for share in found),
        tables=(*listed, _artifacts(record), *_findings(record)),
    )


def _area(share: Share) -> Area:
    pieces = tuple(Area(name=piece.name, size=piece.size) for piece in share.pieces)
    return Area(name=share.part.name, size=share.size, kind=share.part.kind, parts=pieces)


def parts(found: Sequence[Share]) -> Table:
    """Every part with its version, its licence and how much of the whole it is, in per cent."""
    whole = sum(share.size for share in found) or 1
    rows = tuple(
        (
            share.part.name,
            share.part.kind,
            share.part.version,
            share.part.license,
            megabytes(share.size),
            f"{100 * share.size / whole:.1f}",
        )
        for share in found
    )
    return Table(
        title=f"{len(rows)} parts", columns=("part", "kind", "version", "licence", "size", "%"), rows=rows, numeric=frozenset({"size", "%"})
    )


def _artifacts(record: TargetRecord) -> Table:
    rows = tuple((made.name, made.format, megabytes(made.size), made.sha256) for made in record.artifacts)
    return Table(title=f"{len(rows)} artifacts", columns=("file", "format", "size", "sha256"), rows=rows, numeric=frozenset({"size"}))


def _findings(record: TargetRecord) -> tuple[Table, ...]:
    """What the gates had to say, with the reason where somebody relaxed one."""
    rows = tuple((finding.gate, finding.level, finding.message, finding.reason) for finding in record.findings)
    return (Table(title="What the gates found", columns=("gate", "level", "what", "reason"), rows=rows),) if rows else ()
