"""The JSON Schemas of what users write and of what coldforge records."""

from __future__ import annotations

from typing import Any, Final

from coldforge.plan.model import Plan
from coldforge.project.config import Config, Matrix
from coldforge.records import Manifest, Payload, schema_of

_DOCUMENTS: Final = {
    "config": (Config, "The table [tool.coldforge] of pyproject.toml, or coldforge.toml"),
    "matrix": (Matrix, "matrix.yml: where a product is built"),
    "plan": (Plan, "What `coldforge plan --json` prints"),
    "payload": (Payload, "dist/<target>/payload.json: the index of a frozen tree"),
    "manifest": (Manifest, "dist/manifest.json: the record of a release"),
}


def schemas() -> dict[str, dict[str, Any]]:
    """All schemas by name."""
    return {name: {**schema_of(kind), "title": title} for name, (kind, title) in _DOCUMENTS.items()}
