"""Whose programs make the formats: what matrix.yml names, unless this machine's are asked for or nothing else is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from coldforge.bundle import tools
from coldforge.errors import ConfigurationError
from coldforge.host.toolbox import HOST
from coldforge.plan.model import PlannedTarget
from coldforge.project.images import find_image

TARGET = PlannedTarget(target="linux-x86_64", freezer="command", toolbox="toolbox", artifacts=())


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """There seems to be one; nobody asks it anything."""
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")


def test_the_shipped_toolbox_is_recorded_with_its_recipe(tmp_path: Path) -> None:
    image = find_image("toolbox", tmp_path, "toolbox")
    found = tools.choose(TARGET, host=False, project=tmp_path)
    assert found.identity == image.recorded == f"{image.base}+{image.identity.partition('+')[2]}"
    assert all(program in image.recipe for program in ("squashfs-tools", "zsync", "flatpak", "nsis", "wixl", "msitools"))


def test_this_machines_are_taken_when_asked_for_or_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tools.choose(TARGET, host=True, project=tmp_path) is HOST
    monkeypatch.delenv("DOCKER_HOST")
    monkeypatch.setattr("coldforge.host.engine.SOCKET", tmp_path / "none")
    assert tools.choose(TARGET, host=False, project=tmp_path) is HOST


def test_a_build_image_is_no_toolbox(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no toolbox 'linux'"):
        tools.choose(PlannedTarget(target="linux-x86_64", freezer="command", toolbox="linux", artifacts=()), host=False, project=tmp_path)
