"""One line changed: the analysis of the freeze before is used again, and the bytes are those of a build from nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from coldforge.host.files import sha256
from coldforge.records import Manifest, Payload, read
from support.pair import PAIR
from support.program import coldforge
from support.repository import write

pytestmark = pytest.mark.integration

KEPT, DAMAGED = "the analysis is kept", "is damaged"
BEFORE = 'from importlib import metadata\n\nNAME = "imported by name"\n'
LINE = BEFORE.replace("imported", "changed, and" + " imported") + 'NEW = len("pair, " + metadata.__name__)\n'
WORDS = "drei andere Wörter\n"


class Desk:
    """A project that is frozen again and again, each time into another folder."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.project, self.env = write(folder / "source", {**PAIR, "src/pair/late.py": BEFORE}), env

    def change(self, name: str, text: str) -> None:
        (self.project / "src" / "pair" / name).write_text(text, encoding="utf-8")

    def freeze(self, out: str, *words: str) -> tuple[dict[str, str], str]:
        """Digests of the payload and of each one-file program, and what was said."""
        dist = self.project.parent / out
        said = coldforge("freeze", self.project, "--host", "--out", dist, *words, env=self.env).succeeded().err
        (manifest,) = dist.glob("*/manifest.json")
        (target,) = json.loads(manifest.read_text(encoding="utf-8"))["targets"]
        singles = {path.name: sha256(path) for path in (manifest.parent / "onefile").iterdir()}
        return {"payload": target["payload-digest"], **singles}, said

    def bundle(self, out: str, *words: str) -> dict[str, str]:
        """Digests of the artifacts of what was frozen there, by their names."""
        dist = self.project.parent / out
        coldforge("bundle", self.project, "--host", "--out", dist, *words, env=self.env).succeeded()
        return {artifact.name: artifact.sha256 for artifact in read(dist / "manifest.json", Manifest).artifacts}


def test_one_line_changed(host_env: dict[str, str], tmp_path: Path) -> None:
    desk = Desk(tmp_path, {**host_env, "COLDFORGE_CACHE": str(tmp_path / "cache")})
    first, said = desk.freeze("first")
    assert KEPT not in said
    packages = desk.bundle("first")
    desk.change("late.py", LINE)
    desk.change("data/words.txt", WORDS)
    kept, said = desk.freeze("kept")
    assert KEPT in said
    clean, said = desk.freeze("clean", "--clean")
    assert KEPT not in said
    assert kept == clean
    kept_index, clean_index = (read(tmp_path / name / "linux-x86_64" / "payload.json", Payload) for name in ("kept", "clean"))
    assert kept_index.findings == clean_index.findings
    changed = desk.bundle("kept")  # of blocks of the build before, but for what has changed
    assert changed == desk.bundle("clean", "--clean")
    assert {name.rpartition(".")[2] for name in changed} >= {"deb", "gz"}
    assert not set(packages.values()) & set(changed.values())
    assert first.keys() == kept.keys() == {"payload", "pair-show", "pair-work"}
    assert not set(first.values()) & set(kept.values())
    assert "_internal/pair/data/words.txt" in (tmp_path / "kept" / "linux-x86_64" / "payload.json").read_text(encoding="utf-8")
    # byte code is known by the size and the time of its source, which are the same here: that of the application is not kept
    desk.change("__init__.py", "SHARE = 1 / 1\n")
    _, said = desk.freeze("imported")
    assert KEPT in said
    desk.change("__init__.py", "SHARE = 1 / 0\n")
    dist = tmp_path / "not imported"
    coldforge("freeze", desk.project, "--host", "--out", dist, env=desk.env).failed(1, "[entry-import]", "ZeroDivisionError")
    desk.change("__init__.py", "")
    desk.change("late.py", f"import colorsys\n\n{LINE}")
    _, said = desk.freeze("imports more")
    assert KEPT not in said
    desk.change("late.py", LINE)
    shutil.rmtree(tmp_path / "cache" / "payload")
    again, said = desk.freeze("as before")
    assert KEPT in said
    assert again == clean
    (parts,) = (tmp_path / "cache" / "analysis").glob("*/content/parts")
    parts.write_bytes(parts.read_bytes()[:-1] + b"?")
    shutil.rmtree(tmp_path / "cache" / "payload")
    mended, said = desk.freeze("mended")
    assert DAMAGED in said
    assert KEPT not in said
    assert mended == clean
