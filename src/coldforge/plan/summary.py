"""What a run says at its end: the table of what was made, and the outputs of a CI step."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from coldforge.records import MANIFEST, TREE, Artifact, Manifest, TargetRecord
from coldforge.report.reporter import Table, megabytes


def results(manifest: Manifest, *, seconds: Mapping[str, float], out: Path) -> Table:
    """Every frozen tree and artifact with its size, the time it took (blank when nothing had to be done) and its digest."""
    rows = [row for record in manifest.targets for row in _rows(record, seconds)]
    title = f"{manifest.product} {manifest.version} in {out}"
    return Table(title=title, columns=("what", "format", "size", "time", "sha256"), rows=tuple(rows), numeric=frozenset({"size", "time"}))


def _rows(record: TargetRecord, seconds: Mapping[str, float]) -> list[tuple[str, ...]]:
    tree = f"{record.target}/{TREE}"
    floor = f" (needs {record.floor} or newer)" if record.floor else ""
    first = (tree + floor, "tree", megabytes(record.payload_size), _time(seconds.get(tree)), record.payload_digest[:12])
    return [first, *(_row(artifact, seconds) for artifact in record.artifacts)]


def _row(artifact: Artifact, seconds: Mapping[str, float]) -> tuple[str, ...]:
    return (artifact.path, artifact.format, megabytes(artifact.size), _time(seconds.get(artifact.path)), artifact.sha256[:12])


def _time(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.1f} s"


def page(manifest: Manifest) -> str:
    """What a CI job's page says below the table, as markdown: what the gates found, what was proven, how anybody checks it."""
    lines = ["### Gates", ""]
    found = [finding for record in manifest.targets for finding in record.findings]
    lines += [f"- {finding.gate}, {finding.level}: {_plain(finding.message)}" for finding in found] or [
        "All passed, with nothing to remark."
    ]
    lines += ["", "### Tried in bare systems", ""]
    for record in manifest.targets:
        lines += [f"- {record.target} in {_plain(trial.system)}: {', '.join(trial.artifacts)}" for trial in record.smoke.trials]
        lines += [f"- {record.target}, not proven: {_plain(reason)}" for reason in record.smoke.unproven]
    if not any(record.smoke.trials or record.smoke.unproven for record in manifest.targets):
        lines.append("Nothing yet.")
    repository, tag = manifest.source.repository or "OWNER/REPO", manifest.source.tag or "TAG"
    commands = (
        "sha256sum --check SHA256SUMS",
        f"coldforge verify {repository}@{tag}",
        f"coldforge verify FOLDER --repo {repository} --tag {tag}",
    )
    return "\n".join([*lines, "", "### To check a download", "", *(f"    {command}" for command in commands)])


def _plain(text: str) -> str:
    """A text of a tool in which nothing is markdown or HTML."""
    words = " ".join(text.replace("`", "'").split())
    return f"`{words}`"


def outputs(manifest: Manifest, *, out: Path) -> dict[str, str]:
    """The documented outputs of the action: paths are absolute, lists once as lines and once as JSON."""
    paths = [str(out / artifact.path) for artifact in manifest.artifacts]
    return {
        "manifest": str(out / MANIFEST),
        "product": manifest.product,
        "version": manifest.version,
        "artifacts": "\n".join(paths),
        "artifacts-json": json.dumps(paths),
    }
