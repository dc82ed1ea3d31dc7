"""What a snap says of itself."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from coldforge.bundle.linux import snap
from coldforge.errors import ConfigurationError, Refused
from coldforge.plan import snaps
from coldforge.plan.planner import make_plan
from coldforge.project.config import Config, Executable, Matrix, Product, SnapConfig, TargetConfig
from coldforge.records import SourceRecord
from support import payloads

WINDOWED = replace(
    payloads.PRODUCT,
    executables=(Executable(name="demo", entry="d:m", console=False), Executable(name="demo_tool", entry="d:t")),
    icon="icon.svg",
)


def test_snapd_is_told(tmp_path: Path) -> None:
    said = snap.description(payloads.job(tmp_path, "snap"))
    assert said == {
        "name": "demo",
        "title": "demo",
        "version": "1.2.0-rc.1",
        "summary": "demonstration of names and links",
        "description": "It shows that names, links and empty folders survive.",
        "license": "MIT",
        "architectures": ["amd64"],
        "base": "core22",
        "grade": "devel",
        "confinement": "strict",
        "apps": {"demo": {"command": "usr/lib/demo/demo"}},
    }


def test_rights_are_those_configured_and_what_a_window_takes(tmp_path: Path) -> None:
    config = Config(snap=SnapConfig(package="my-demo", plugs=("network", "x11"), base="core26", grade="stable", confinement="classic"))
    said = snap.description(payloads.job(tmp_path, "snap", WINDOWED, config))
    assert (said["name"], said["base"], said["grade"], said["confinement"]) == ("my-demo", "core26", "stable", "classic")
    assert said["apps"] == {
        "my-demo": {"command": "usr/lib/my-demo/demo", "plugs": ["desktop", "wayland", "x11", "network"]},
        "demo-tool": {"command": "usr/lib/my-demo/demo_tool", "plugs": ["network", "x11"]},
    }


def test_entries_of_menus_start_what_snapd_calls_it(tmp_path: Path) -> None:
    job = payloads.job(tmp_path, "snap", WINDOWED, Config(snap=SnapConfig(package="my-demo")))
    (tmp_path / "icon.svg").write_text("<svg/>")
    made = dict(snap.metadata(job))
    entry = made["meta/gui/my-demo.desktop"].decode()
    assert re.findall(r"(?m)^(?:Exec|Icon)=.*", entry) == ["Exec=my-demo", "Icon=${SNAP}/meta/gui/icon.svg"]
    assert made["meta/gui/icon.svg"] == b"<svg/>"
    assert snaps.command(job.plan, "demo_tool") == "my-demo.demo-tool"


def test_a_tree_that_no_base_can_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"needs glibc-2\.99") as caught:
        snap.description(payloads.job(tmp_path, "snap", glibc_floor="glibc-2.99"))
    assert "core24" in caught.value.hint


@pytest.mark.parametrize(
    ("product", "words"),
    [
        ({"name": "x" * 41}, "is no name of a snap"),
        ({"version": "1.2.3.4.5.6.7.8.9.10.11.12.13.14.15"}, "at most 32 characters"),
        ({"executables": (Executable(name="demo+", entry="d:m"),)}, "cannot be in a snap"),
        ({"executables": (Executable(name="a.b", entry="d:m"), Executable(name="a_b", entry="d:m"))}, "would both be called a-b"),
    ],
)
def test_what_snapd_does_not_take_is_told_when_it_is_planned(product: dict[str, Any], words: str) -> None:
    given: Product = replace(payloads.PRODUCT, **product)
    matrix = Matrix(targets={"linux-x86_64": TargetConfig(formats=("snap",))})
    with pytest.raises(ConfigurationError) as caught:
        make_plan(product=given, config=Config(), source=SourceRecord(epoch=0), matrix=matrix, coldforge="0")
    assert words in caught.value.problems[0].what
