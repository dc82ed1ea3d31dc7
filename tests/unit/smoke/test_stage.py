"""Which bare systems are taken, and which windows are windows."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from coldforge.host import engine
from coldforge.plan.model import Plan, PlannedArtifact
from coldforge.project.config import Config, Executable, Product, SmokeConfig
from coldforge.project.images import Image
from coldforge.records import Artifact, Need, SourceRecord, TargetRecord
from coldforge.smoke import stage
from coldforge.smoke.display import Window, windows
from coldforge.smoke.managers import MANAGERS
from coldforge.smoke.picture import Area
from coldforge.smoke.stage import choose, left_out
from coldforge.smoke.trial import windowed
from coldforge.target import Target
from support.releases import ENVIRONMENT

X64, ARM, MUSL = map(Target.parse, ("linux-x86_64", "linux-aarch64", "linux-x86_64-musl"))


def image(glibc: str = "", musl: str = "", *architectures: str) -> Image:
    return Image(base="x", use="smoke", glibc=glibc, musl=musl, architectures=architectures)


IMAGES = {
    "b": image("2.36"), "a": image("2.31"), "d": image("2.41", "", "x86_64"), "c": image("2.39"), "alpine": image("", "1.2"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("target", "floor", "names"),
    [
        (X64, "glibc-2.31", ["a", "d"]),
        (X64, "glibc-2.32", ["b", "d"]),
        (ARM, "glibc-2.36", ["b", "c"]),
        (X64, "glibc-2.41", ["d"]),
        (X64, "glibc-2.42", []),
        (X64, "", ["a", "d"]),
        (MUSL, "", ["alpine"]),
    ],
)
def test_the_oldest_and_the_newest_that_are_promised(target: Target, floor: str, names: list[str]) -> None:
    assert list(choose(IMAGES, target, floor, ["tar.gz", "deb"])) == names


@pytest.mark.parametrize(
    ("formats", "names"),
    [
        (["rpm", "tar.gz"], ["leap", "fedora"]),
        (["deb", "rpm", "tar.gz"], ["b", "d", "leap", "fedora"]),
        (["tar.gz"], ["b", "d"]),
        (["onefile", "sbom"], ["b", "d"]),
        (["rpm", "arch"], ["leap", "fedora", "rolling"]),
        (["sbom"], []),
        (["apk"], ["b", "d"]),
        (["rpm", "snap"], ["leap", "fedora"]),
    ],
)
def test_each_package_manager_has_its_systems(formats: list[str], names: list[str]) -> None:
    more = {"fedora": ("dnf", "2.41"), "leap": ("dnf", "2.38"), "rolling": ("pacman", "2.42"), "old": ("dnf", "2.28")}
    images = IMAGES | {name: Image(base="x", use="smoke", glibc=glibc, manager=manager) for name, (manager, glibc) in more.items()}  # type: ignore[arg-type]  # both are managers
    assert list(choose(images, X64, "glibc-2.36", formats)) == names


def test_what_brings_a_library_is_asked_for_in_each_managers_words() -> None:
    needs = (
        Need(soname="libGL.so.1", by="demo"),
        Need(soname="libX11.so.6", by="demo"),
        Need(soname="libout.so.1", by="demo", priority="recommended"),
    )
    packages = {"deb": {"libGL.so.1": "libgl1", "libX11.so.6": "libx11-6"}, "arch": {"libGL.so.1": "libglvnd", "libX11.so.6": "libx11"}}
    assert {name: manager.needed(needs, packages) for name, manager in MANAGERS.items()} == {
        "apt": ("libgl1, libx11-6",),
        "dnf": ("libGL.so.1()(64bit)", "libX11.so.6()(64bit)"),
        "zypper": ("libGL.so.1()(64bit)", "libX11.so.6()(64bit)"),
        "pacman": ("libglvnd", "libx11"),
        "apk": ("so:libGL.so.1", "so:libX11.so.6"),
    }
    assert all(not manager.needed((), packages) for manager in MANAGERS.values())


ARTIFACT = Artifact(name="demo.tar.gz", path="linux-x86_64/demo.tar.gz", target="linux-x86_64", format="tar.gz", size=1, sha256="0" * 64)

SETUP = replace(ARTIFACT, name="demo-setup.exe", path="windows-x86_64/demo-setup.exe", target="windows-x86_64", format="nsis")


@pytest.mark.parametrize(
    ("smoke", "changes", "host", "reason"),
    [
        ({}, {}, False, ""),
        ({}, {}, True, "--host uses no containers, so nothing was started in a bare system"),
        ({"skip": "it needs a licence server"}, {}, False, "it needs a licence server"),
        ({}, {"artifacts": ()}, False, "nothing is packaged"),
        ({}, {"target": "linux-aarch64"}, False, "programs of linux-aarch64 cannot be started on linux-x86_64"),
        ({}, {"target": "windows-x86_64"}, False, "nothing is packaged"),
        ({}, {"target": "windows-x86_64", "artifacts": (SETUP,)}, False, ""),
        (
            {},
            {"target": "windows-x86_64", "artifacts": (SETUP,)},
            True,
            "--host uses no containers, so nothing was started in a bare system",
        ),
        ({}, {"target": "windows-aarch64", "artifacts": (SETUP,)}, False, "programs of windows-aarch64 cannot be started on linux-x86_64"),
    ],
)
def test_why_nothing_is_tried(
    smoke: dict[str, Any], changes: dict[str, Any], host: bool, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "host_target", lambda: X64)
    monkeypatch.setattr(engine, "configured", lambda: True)
    plan = Plan(
        coldforge="1",
        product=Product(name="demo", version="1"),
        source=SourceRecord(epoch=1),
        config=Config(smoke=SmokeConfig(**smoke)),
        targets=(),
    )
    record = TargetRecord(
        target="linux-x86_64", freezer="p", payload_digest="d", payload_size=1, environment=ENVIRONMENT, artifacts=(ARTIFACT,)
    )  # fmt: skip
    assert left_out(plan, replace(record, **changes), host=host) == reason


@pytest.mark.parametrize(("executable", "names"), [("", ("board", "view")), ("board", ("board",)), ("note", ())])
def test_the_executables_with_windows_of_an_artifact(executable: str, names: tuple[str, ...]) -> None:
    launchers = tuple(Executable(name=name, entry="d:m", console=name == "note") for name in ("board", "note", "view"))
    product = Product(name="demo", version="1", executables=launchers)
    plan = Plan(coldforge="1", product=product, source=SourceRecord(epoch=1), config=Config(), targets=())
    assert windowed(plan, PlannedArtifact(name="demo", format="tar.gz", executable=executable)) == names


SAID = """
xwininfo: Window id: {number} {title}

  Absolute upper-left X:  {x}
  Absolute upper-left Y:  12
  Relative upper-left X:  0
  Relative upper-left Y:  0
  Width: {width}
  Height: 100
  Depth: 24
  Colormap: 0x20 (installed)
  Map State: {state}
  Override Redirect State: no
"""


def said(title: str, *, x: int = 0, width: int = 200, state: str = "IsViewable") -> str:
    return SAID.format(number="0x1", title=title, x=x, width=width, state=state)


def test_windows_are_what_is_shown_and_larger_than_a_point() -> None:
    text = said('"A "board""', x=-3) + said("(has no name)", state="IsUnMapped") + said('"grip"', width=1) + said("(has no name)")
    large, nameless = windows(text)
    assert large == Window(title='A "board"', area=Area(x=-3, y=12, width=200, height=100))
    assert nameless == Window(title="", area=Area(x=0, y=12, width=200, height=100))
