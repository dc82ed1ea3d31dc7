"""`sbom`: the bill of materials of a payload, as CycloneDX: made from the files that are really in it, not from what was installed.

Source: https://cyclonedx.org/docs/1.6/json/, PEP 770
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from coldforge import __version__
from coldforge.bundle import BundleJob, bill
from coldforge.bundle.tree import Tree
from coldforge.records import digest_of


class Sbom:
    """Writes the bill of one target; the same payload gives the same bytes, the serial number with them."""

    format = "sbom"
    templates: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()

    def tool(self) -> str:
        """The library decides the order and the spelling, and coldforge is named in it."""
        from importlib.metadata import version

        return f"coldforge {__version__} + cyclonedx-python-lib {version('cyclonedx-python-lib')}"

    def bundle(self, job: BundleJob, tree: Tree, out: Path) -> None:
        from cyclonedx.output.json import JsonV1Dot6

        made = in_order(json.loads(JsonV1Dot6(bill.document(job, tree)).output_as_string()))
        # Everybody who writes the same document gives it the same number, and nobody gives it to another.
        made["serialNumber"] = uuid5(NAMESPACE_URL, f"urn:sha256:{digest_of(made)}").urn
        out.write_text(f"{json.dumps(made, indent=2, sort_keys=True, ensure_ascii=False)}\n", encoding="utf-8")


def in_order(value: Any) -> Any:
    """The document with every list sorted: they are sets, and the library leaves those of its elements without a name in any order."""
    if isinstance(value, dict):
        return {key: in_order(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return sorted(map(in_order, value), key=lambda inner: json.dumps(inner, sort_keys=True))
    return value
