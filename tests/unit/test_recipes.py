"""Recipes are found, and a project's own come first."""

from __future__ import annotations

from pathlib import Path

import pytest

from coldforge import recipes
from coldforge.bundle.formats import BUNDLERS
from coldforge.bundle.linux.deb import Deb
from coldforge.plan.formats import FORMATS


@pytest.mark.parametrize(
    "name",
    [
        "build/freeze.py",
        "build/freezing/search_path.py",
        "containers/images.toml",
        "matrix.yml",
        "build/requirements/pyinstaller.txt",
        *Deb.templates,
    ],
)
def test_every_recipe_is_there(name: str) -> None:
    assert recipes.find(name).is_file()


def test_a_projects_own_recipe_comes_first(tmp_path: Path) -> None:
    own = tmp_path / "containers" / "images.toml"
    own.parent.mkdir()
    own.write_text("")
    assert recipes.find("containers/images.toml", tmp_path) == own
    assert recipes.find("build/freeze.py", tmp_path) == recipes.ROOT / "build/freeze.py"


def test_what_is_planned_can_be_made() -> None:
    assert set(BUNDLERS) == set(FORMATS)
    assert all(BUNDLERS[name]().format == name for name in BUNDLERS)
