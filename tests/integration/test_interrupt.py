"""Ctrl-C at any moment: nothing half-written, no container left, and the next run succeeds."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from coldforge.host import engine
from coldforge.records import Manifest, read
from support import engines
from support.program import Outcome, coldforge, interrupted
from support.repository import write

pytestmark = pytest.mark.integration
INTERRUPTED = 130
# What is said when a stage begins, and in the middle of the one that takes longest.
MOMENTS = ("• freeze", "• environment", "• PyInstaller", "Building PYZ", "• bundle")


def at(text: str) -> Callable[[str], bool]:
    """The moment at which a line says `text`."""
    return lambda line: text in line


def clean(outcome: Outcome, out: Path, temporary: Path) -> None:
    """Nothing is left but what is whole."""
    assert outcome.code == INTERRUPTED, outcome.err
    assert "interrupted" in outcome.err
    assert "Traceback" not in outcome.err
    hidden = [
        path for path in out.rglob("*") if path.name.startswith(".") and path.parent in {out, *out.glob("*-*")} and path.name != ".lock"
    ]
    assert hidden == []
    assert [path for path in temporary.iterdir() if path.name.startswith("coldforge")] == []


@pytest.mark.parametrize("place", ["host", "container"])
def test_interrupted_in_every_stage(place: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    env = dict(request.getfixturevalue(f"{place}_env"))
    image = request.getfixturevalue("build_image") if place == "container" else ""
    project, out, temporary = write(tmp_path / "tiny", container=image), tmp_path / "out", tmp_path / "temporary"
    temporary.mkdir()
    env |= {"TMPDIR": str(temporary), "COLDFORGE_CACHE": str(tmp_path / "cache")}
    words: list[str | Path] = ["build", project, "--out", out, *(["--host"] if place == "host" else [])]
    for moment in MOMENTS:
        outcome = interrupted(*words, env=env, when=at(moment))
        clean(outcome, out, temporary)
        assert left(outcome) == []
    coldforge(*words, env=env).succeeded()
    assert len(read(out / "manifest.json", Manifest).artifacts) == 4
    assert [path for path in temporary.iterdir() if path.name.startswith("coldforge")] == []


def left(outcome: Outcome) -> list[str]:
    """The containers that it made and that are still there."""
    with closing(engine.connect()) as client:
        return engines.made_by(client, outcome.process)
