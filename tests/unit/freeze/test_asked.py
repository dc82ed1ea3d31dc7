"""What distributions ask for by their metadata: as an installer counts it."""

from __future__ import annotations

from pathlib import Path

import pytest
from freezing.asked import asked

METADATA = {
    "demo": ["rich[color] >= 2; python_version > '3'", "never; python_version < '3'"],
    "rich": ["pygments", "ansi; extra == 'color'", "ipython; extra == 'jupyter'", "old (not a requirement"],
    "ansi": ["rich"],
    "Py.Gments": [],
    "ipython": ["jedi"],
    "tool": ["Plug_In[more]"],
    "plug-in": ["extra-part; extra == 'more'"],
    "extra-part": [],
}


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, requires in METADATA.items():
        folder = tmp_path / f"{name.replace('-', '_')}-1.0.dist-info"
        folder.mkdir()
        lines = [f"Requires-Dist: {text}" for text in requires]
        (folder / "METADATA").write_text("\n".join(["Metadata-Version: 2.1", f"Name: {name}", "Version: 1.0", *lines, ""]))
    monkeypatch.syspath_prepend(str(tmp_path))


def test_markers_and_extras_count_and_nothing_else() -> None:
    found = asked("demo", [], [])
    assert found["demo"] == {"rich"}
    assert found["rich"] == {"pygments", "ansi"}
    assert "ipython" not in found


def test_what_the_project_declares_counts_with_its_extras() -> None:
    found = asked("demo", ["tool", "rich[jupyter]", "plug_in[more]", "not; python_version < '3'"], [])
    assert found["demo"] == {"rich", "tool", "plug-in"}
    assert found["rich"] == {"pygments", "ansi", "ipython"}
    assert found["plug-in"] == {"extra-part"}


def test_others_are_told_too_without_extras() -> None:
    assert asked("demo", [], ["ipython", "plug-in"])["ipython"] == {"jedi"}
    assert "plug-in" not in asked("demo", [], ["plug-in"])
