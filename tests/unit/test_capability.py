"""What this machine can build of a plan: what is its own, what a container makes, and what takes its name."""

from __future__ import annotations

from typing import Literal, cast

import pytest

from coldforge import capability
from coldforge.errors import Missing
from coldforge.host import engine
from coldforge.plan.model import Plan
from coldforge.plan.planner import github_matrix, make_plan
from coldforge.project.config import Config, Matrix, TargetConfig
from coldforge.records import SourceRecord
from coldforge.target import Target
from support import payloads

OTHER = "linux-aarch64"
MUSL = "linux-x86_64-musl"


@pytest.mark.parametrize(
    ("here", "has_engine", "host", "chosen"),
    [
        ("linux-x86_64", True, False, {payloads.TARGET, MUSL}),
        ("linux-x86_64", True, True, {payloads.TARGET}),
        ("linux-x86_64", False, False, {payloads.TARGET}),
        (MUSL, True, False, {payloads.TARGET, MUSL}),
        (MUSL, False, False, {MUSL}),
        (OTHER, True, False, {OTHER}),
    ],
)
def test_another_c_library_takes_a_container_and_another_architecture_its_name(
    here: str, chosen: set[str], *, has_engine: bool, host: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capability, "host_target", lambda: Target.parse(here))
    monkeypatch.setattr(engine, "configured", lambda: has_engine)
    matrix = Matrix(targets={name: TargetConfig(container="own", formats=("tar.gz",)) for name in (OTHER, payloads.TARGET, MUSL)})
    plan = make_plan(product=payloads.PRODUCT, config=Config(), source=SourceRecord(epoch=payloads.EPOCH), matrix=matrix, coldforge="0")
    assert {target.target for target in capability.buildable(plan, named=False, freezes=True, host=host)} == chosen


def test_commands_make_a_tree_for_windows_elsewhere_without_any_engine_when_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capability, "host_target", lambda: Target.parse("linux-x86_64"))
    monkeypatch.setattr(engine, "configured", lambda: False)
    matrix = Matrix(targets={"windows-x86_64": TargetConfig(formats=("zip",))})
    config, source = Config(freezer="command"), SourceRecord(epoch=payloads.EPOCH)
    plan = make_plan(product=payloads.PRODUCT, config=config, source=source, matrix=matrix, coldforge="0")
    assert capability.buildable(plan, named=True, freezes=True, host=True) == plan.targets
    with pytest.raises(Missing, match="windows-x86_64 cannot be frozen on linux-x86_64") as told:
        capability.buildable(plan, named=False, freezes=True)
    assert told.value.hint.endswith("`--target windows-x86_64` tries it here.")


def macos_plan(freezer: Literal["command", "pyinstaller"]) -> Plan:
    names = ("macos-x86_64", "macos-aarch64", "macos-universal2")
    matrix = Matrix(targets={name: TargetConfig(formats=("tar.gz",)) for name in names})
    config = Config(freezer=freezer)
    return make_plan(product=payloads.PRODUCT, config=config, source=SourceRecord(epoch=payloads.EPOCH), matrix=matrix, coldforge="0")


def test_commands_make_trees_for_macos_elsewhere_when_they_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capability, "host_target", lambda: Target.parse("linux-x86_64"))
    monkeypatch.setattr(engine, "configured", lambda: False)
    plan = macos_plan("command")
    assert set(capability.buildable(plan, named=True, freezes=True)) == set(plan.targets)
    with pytest.raises(Missing, match="cannot be frozen on linux-x86_64") as told:
        capability.buildable(plan, named=False, freezes=True)
    assert "`--target macos-aarch64` tries it here." in told.value.hint
    with pytest.raises(Missing, match="macos-x86_64"):
        capability.buildable(macos_plan("pyinstaller"), named=True, freezes=True)


def test_a_mac_freezes_its_own_target_and_is_left_without_the_one_that_is_made_of_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capability, "host_target", lambda: Target.parse("macos-aarch64"))
    monkeypatch.setattr(engine, "configured", lambda: False)
    plan = macos_plan("pyinstaller")
    assert [target.target for target in capability.buildable(plan, named=False, freezes=True)] == ["macos-aarch64"]
    assert set(capability.buildable(plan, named=False, freezes=False)) == set(plan.targets)
    assert [leg["target"] for leg in cast("list[dict[str, str]]", github_matrix(plan)["include"])] == ["macos-aarch64", "macos-x86_64"]


@pytest.mark.parametrize(("here", "by_wine"), [("linux-x86_64", True), ("macos-aarch64", False)])
def test_windows_is_frozen_by_wine_on_linux_when_it_is_named(here: str, monkeypatch: pytest.MonkeyPatch, *, by_wine: bool) -> None:
    monkeypatch.setattr(capability, "host_target", lambda: Target.parse(here))
    matrix = Matrix(targets={"windows-x86_64": TargetConfig(runner="windows-2025", formats=("onefile",))})
    plan = make_plan(product=payloads.PRODUCT, config=Config(), source=SourceRecord(epoch=payloads.EPOCH), matrix=matrix, coldforge="0")
    monkeypatch.setattr(engine, "configured", lambda: True)
    if by_wine:
        assert capability.buildable(plan, named=True, freezes=True) == plan.targets
    for engine_there, host in ((False, False), (True, True)):
        monkeypatch.setattr(engine, "configured", lambda there=engine_there: there)
        with pytest.raises(Missing, match="windows-x86_64 cannot be frozen on") as caught:
            capability.buildable(plan, named=True, freezes=True, host=host)
        assert "windows-x86_64 on windows-2025" in caught.value.hint
        assert ("by Wine where there is a container engine" in caught.value.hint) is (by_wine and not engine_there)
        inside = "Without --host, `--target windows-x86_64` tries it in a container." in caught.value.hint
        assert inside is (by_wine and host)
