"""What a run says at its end: the table of what was made, and the outputs of a CI step."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from coldforge.records import MANIFEST, Artifact, Manifest, TargetRecord
from coldforge.report.reporter import Table, megabytes


def results(manifest: Manifest, *, seconds: Mapping[str, float], out: Path) -> Table:
    """Every frozen tree and artifact with its size, the time it took (blank when nothing had to be done) and its digest."""
    rows = [row for record in manifest.targets for row in _rows(record, seconds)]
    title = f"{manifest.product} {manifest.version} in {out}"
    return Table(title=title, columns=("what", "format", "size", "time", "sha256"), rows=tuple(rows), numeric=frozenset({"size", "time"}))


def _rows(record: TargetRecord, seconds: Mapping[str, float]) -> list[tuple[str, ...]]:
    tree = f"{record.target}/payload"
    floor = f" (needs {record.glibc_floor} or newer)" if record.glibc_floor else ""
    first = (tree + floor, "tree", megabytes(record.payload_size), _time(seconds.get(tree)), record.payload_digest[:12])
    return [first, *(_row(artifact, seconds) for artifact in record.artifacts)]


def _row(artifact: Artifact, seconds: Mapping[str, float]) -> tuple[str, ...]:
    return (artifact.path, artifact.format, megabytes(artifact.size), _time(seconds.get(artifact.path)), artifact.sha256[:12])


def _time(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.1f} s"


def outputs(manifest: Manifest, *, out: Path) -> dict[str, str]:
    """The documented outputs of the action: paths are absolute, lists once as lines and once as JSON."""
    paths = [str(out / artifact.path) for artifact in manifest.artifacts]
    return {
        "manifest": str(out / MANIFEST),
        "version": manifest.version,
        "artifacts": "\n".join(paths),
        "artifacts-json": json.dumps(paths),
    }
