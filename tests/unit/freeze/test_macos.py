"""A freeze on a Mac, as far as it can be seen from elsewhere: what is asked of PyInstaller, what is recorded, what is not tried."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

import pytest
from freezing import facts

from coldforge.freeze import FreezeJob, smoke
from coldforge.freeze.pyinstaller import options_of
from coldforge.plan.planner import make_plan
from coldforge.project.config import Config, Matrix, TargetConfig
from coldforge.project.pyinstaller import PyInstallerConfig
from coldforge.records import SourceRecord
from coldforge.target import Target
from support import payloads


def asked(folder: Path, target: str, options: PyInstallerConfig) -> Any:
    """The architecture that PyInstaller is asked for."""
    matrix = Matrix(targets={target: TargetConfig(formats=("tar.gz",))})
    config = Config(pyinstaller=options)
    plan = make_plan(product=payloads.PRODUCT, config=config, source=SourceRecord(epoch=payloads.EPOCH), matrix=matrix, coldforge="0")
    return options_of(FreezeJob(project=folder, plan=plan, target=plan.targets[0], out=folder))["target-arch"]


@pytest.mark.parametrize(("target", "word"), [("macos-aarch64", "arm64"), ("macos-x86_64", "x86_64"), ("linux-x86_64", "")])
def test_the_architecture_is_the_targets_whatever_python_is_made_for(target: str, word: str, tmp_path: Path) -> None:
    assert asked(tmp_path, target, PyInstallerConfig()) == word


def test_what_the_user_wants_comes_first(tmp_path: Path) -> None:
    assert asked(tmp_path, "macos-aarch64", PyInstallerConfig(target_arch="universal2")) == "universal2"


def test_the_system_is_recorded_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> dict[str, str]:
        raise OSError("no os-release")

    monkeypatch.setattr(platform, "freedesktop_os_release", none)
    monkeypatch.setattr(platform, "mac_ver", lambda: ("15.1", ("", "", ""), "arm64"))
    monkeypatch.setattr("sys.platform", "darwin")
    assert facts.system_facts()["name"] == "macOS 15.1"


class Started:
    """A workshop that keeps what is run in it."""

    def __init__(self) -> None:
        self.programs: list[str] = []

    def path(self, name: str) -> str:
        return f"/work/{name}"

    def run(self, argv: list[str], **_options: object) -> str:
        self.programs += argv[:1]
        return ""


@pytest.mark.parametrize(("here", "tried"), [("macos-aarch64", ["demo"]), ("linux-aarch64", []), ("macos-x86_64", [])])
def test_a_program_is_tried_on_a_mac_that_runs_it(here: str, tried: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(smoke, "host_target", lambda: Target.parse(here))
    workshop: Any = Started()
    smoke.try_out(workshop, ["demo --version"], target=Target("macos", "aarch64"), log=tmp_path / "log")
    assert workshop.programs == tried
