"""The map of the code: every module is named in its room."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src/coldforge"
PAGE = (ROOT / "docs/explanation/architecture.md").read_text()
ROOM = re.compile(r"( {0,2})(\w+)/ ")
PACKAGES = sorted(path.parent for path in SOURCE.rglob("__init__.py"))


def rooms() -> Iterator[tuple[Path, str]]:
    """The lines of the map, each with the folder that it is about."""
    _, _, section = PAGE.partition("## The rooms")
    above = room = SOURCE
    for line in section.split("```")[1].splitlines()[1:]:
        if found := ROOM.match(line):
            above = above if found[1] else SOURCE / found[2]
            room = above / found[2] if found[1] else above
        elif not line.startswith(" "):
            room = SOURCE
        yield room, line


MAP = tuple(rooms())


@pytest.mark.parametrize("package", PACKAGES, ids=[path.name for path in PACKAGES])
def test_every_module_is_named_in_its_room(package: Path) -> None:
    said = re.findall(r"\w+", " ".join(line for room, line in MAP if room == package))
    assert said
    assert [path.name for path in sorted(package.glob("[!_]*.py")) if path.stem not in said] == []


def test_every_room_on_the_map_is_there() -> None:
    assert {room for room, _ in MAP} <= set(PACKAGES)
