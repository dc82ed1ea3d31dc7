"""What linters remark and the documentation explains: its list is the one that tests go by."""

from __future__ import annotations

import re
from functools import cache

from support.program import ROOT


@cache
def _page() -> str:
    return (ROOT / "docs/explanation/linters.md").read_text("utf-8")


def remarks(linter: str) -> frozenset[str]:
    """The remarks of a linter that need no mending."""
    return frozenset(re.findall(rf"^\| {linter} \| `([a-z0-9-]+)` \| \S", _page(), re.MULTILINE))


def overridden() -> frozenset[str]:
    """The tags of lintian's that a deb overrides."""
    return frozenset(re.findall(r"^\| `([a-z0-9-]+)` \| \S", _page(), re.MULTILINE))
