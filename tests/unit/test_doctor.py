"""What the machine lacks, and what that means for the exit code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coldforge import doctor, pipeline
from coldforge.errors import BuildFailed, ColdforgeError, ConfigurationError, Missing, Problem
from coldforge.freeze import interpreter
from coldforge.freeze.interpreter import HostPython
from coldforge.host import engine
from support import runtimes


def _saying(answer: object) -> Callable[..., Any]:
    def ask(*_: object, **__: object) -> Any:
        if isinstance(answer, ColdforgeError):
            raise answer
        return answer

    return ask


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., dict[str, doctor.Check]]:
    """The checks by name, of a machine that says these things when asked for an engine, an interpreter and the plan."""
    python = HostPython(path="/usr/bin/python3", version="3.12.4", build="", library=Path("libpython.so"))
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "demo"\nversion = "1"\n[project.scripts]\ndemo = "demo:main"\n')
    monkeypatch.setattr("coldforge.project.source.run", _saying(Missing("no git")))
    monkeypatch.chdir(tmp_path)

    def examine(*, container: object = "engine 1", python: object = python, plan: ColdforgeError | None = None) -> dict[str, doctor.Check]:
        monkeypatch.setattr(engine, "describe", _saying(container))
        monkeypatch.setattr(interpreter, "find_python", _saying(python))
        if plan:
            monkeypatch.setattr(pipeline, "make", _saying(plan))
        return {check.name: check for check in doctor.examine(tmp_path)}

    return examine


def test_the_lock_that_counts_is_named(checked: Callable[..., dict[str, doctor.Check]], tmp_path: Path) -> None:
    (tmp_path / "poetry.lock").write_text("")
    assert (checked()["lock"].state, checked()["lock"].detail.partition(":")[0]) == ("optional", "poetry.lock is not read")
    assert "poetry export" in checked()["lock"].fix
    (tmp_path / "uv.lock").write_text("")
    assert (checked()["lock"].state, checked()["lock"].detail) == ("ok", "uv.lock")


NO_ENGINE, NO_PYTHON = Missing("there is no container engine"), Missing("no Python that can be frozen", hint="get one")
WAYS = ("container engine", "python with libpython")


def test_one_way_to_freeze_is_enough(checked: Callable[..., dict[str, doctor.Check]]) -> None:
    for found in (checked(), checked(container=NO_ENGINE), checked(python=NO_PYTHON)):
        assert doctor.exit_code(tuple(found.values())) == 0
    assert [checked(container=NO_ENGINE)[way].state for way in WAYS] == ["optional", "ok"]


def test_without_any_way_to_freeze_both_are_missing(checked: Callable[..., dict[str, doctor.Check]]) -> None:
    found = checked(container=NO_ENGINE, python=NO_PYTHON)
    assert [found[way].state for way in WAYS] == ["missing", "missing"]
    assert all(found[way].fix for way in WAYS)
    assert doctor.exit_code(tuple(found.values())) == 3


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            BuildFailed("the build backend could not tell", why="line\nRuntimeError: no tag", hint="a static version"),
            "RuntimeError: no tag",
        ),
        (ConfigurationError("two problems", problems=(Problem(what="no name", hint="add one"),)), "two problems"),
        (Missing("uv is not installed", hint="install it"), "uv is not installed"),
    ],
)
def test_a_project_that_cannot_be_planned_is_one_finding_among_others(
    error: ColdforgeError, words: str, checked: Callable[..., dict[str, doctor.Check]]
) -> None:
    found = checked(plan=error)
    assert found["project"].state == "missing"
    assert words in found["project"].detail
    assert found["project"].fix
    assert found["python with libpython"].detail == "/usr/bin/python3 (3.12.4)"
    assert doctor.exit_code(tuple(found.values())) == 2


def test_programs_that_planned_formats_take_are_named_with_the_command_that_gets_them(
    checked: Callable[..., dict[str, doctor.Check]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "mksquashfs" not in checked(), "no planned format takes it"
    (tmp_path / "matrix.yml").write_text("targets:\n  linux-x86_64: {formats: [tar.gz, snap]}\n")
    monkeypatch.setattr("shutil.which", lambda name: None if name == "mksquashfs" else f"/usr/bin/{name}")
    found = checked()
    assert (found["mksquashfs"].state, found["mksquashfs"].needed_for) == ("missing", "bundle (snap)")
    assert found["mksquashfs"].fix == "apt-get install squashfs-tools"
    assert doctor.exit_code(tuple(found.values())) == 3


def test_the_runtime_of_appimages_is_here_or_is_fetched(
    checked: Callable[..., dict[str, doctor.Check]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLDFORGE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "matrix.yml").write_text("targets:\n  linux-x86_64: {formats: [appimage]}\n")
    name = "AppImage runtime for x86_64"
    assert (checked()[name].state, checked()[name].fix) == ("optional", "`coldforge build` fetches it")
    runtimes.pin(tmp_path, runtimes.by_hand())
    assert checked()[name].state == "ok"
    (tmp_path / "containers/runtime").unlink()
    assert checked()[name].state == "missing"
    (tmp_path / "containers/images.toml").write_text("")
    assert checked()["project"].state == "missing", "it cannot be planned"
    assert "no runtime for AppImages" in checked()["project"].detail


def test_the_python_for_windows_is_here_or_is_fetched(
    checked: Callable[..., dict[str, doctor.Check]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLDFORGE_CACHE", str(tmp_path / "cache"))
    assert "Python for Windows" not in checked(), "no planned target takes it"
    (tmp_path / "matrix.yml").write_text("targets:\n  windows-x86_64: {formats: [sbom]}\n")
    found = checked()["Python for Windows"]
    assert (found.state, found.fix) == ("optional", "`coldforge build` fetches it")
    (tmp_path / "build/requirements").mkdir(parents=True)
    (tmp_path / "build/requirements/windows.txt").write_text("")
    assert "there is no Python for Windows that fits" in checked()["Python for Windows"].detail
