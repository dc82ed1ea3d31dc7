"""The page of threats: every row names tests, and they are there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/explanation/threats.md").read_text()
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| what it can do |")]
FALLEN = ["A dependency", "A freeze job", "The bundle job", "The token of the release", "The CDN", "A signing key", "A rebuilder"]


@cache
def functions(path: str) -> frozenset[str]:
    """The tests in a file."""
    tree = ast.parse((ROOT / path).read_text())
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize("row", ROWS, ids=[row.split("|")[1].strip() for row in ROWS])
def test_every_row_names_a_test_that_is_there(row: str) -> None:
    named = NAMED.findall(row)
    assert named
    assert [name for path, name in named if name not in functions(path)] == []


@pytest.mark.parametrize("what", FALLEN)
def test_there_is_a_table_of_everything_that_can_fall(what: str) -> None:
    (section,) = (part for part in PAGE.split("\n## ")[1:] if part.startswith(what))
    assert len(re.findall(NAMED, section)) >= 3
