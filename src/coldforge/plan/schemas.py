"""The JSON Schemas of what users write and of what coldforge records."""

from __future__ import annotations

from typing import Any, Final

from coldforge.plan.model import Plan
from coldforge.project.config import Config, Matrix
from coldforge.records import Manifest, Payload, schema_of

_DOCUMENTS: Final = {
    "config": (
        Config,
        "coldforge's configuration",
        "The table [tool.coldforge] of pyproject.toml, or coldforge.toml without its [project].",
    ),
    "matrix": (Matrix, "matrix.yml", "Where a product is built: runner, container, floor and formats of each target."),
    "plan": (Plan, "coldforge's plan", "What `coldforge plan --json` prints: everything decided before anything runs."),
    "payload": (Payload, "payload.json", "The index of a frozen tree: dist/<target>/payload.json."),
    "manifest": (Manifest, "manifest.json", "The record of a release: dist/manifest.json."),
}


def schemas() -> dict[str, dict[str, Any]]:
    """All schemas by name: JSON Schema 2020-12, with a description for every key that users write."""
    return {name: {**schema_of(kind), "title": title, "description": text} for name, (kind, title, text) in _DOCUMENTS.items()}
