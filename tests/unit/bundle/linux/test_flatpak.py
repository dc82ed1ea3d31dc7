"""What a flatpak may do, what it is called, and the moment in the head of its bundle."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from coldforge.bundle.linux import flatpak
from coldforge.bundle.tree import load
from coldforge.errors import BuildFailed, ConfigurationError
from coldforge.plan.planner import make_plan
from coldforge.project.config import Config, Executable, FlatpakConfig, Matrix, TargetConfig
from coldforge.records import SourceRecord
from support import payloads

NAMED = replace(payloads.PRODUCT, identifier="org.example.demo")
WINDOWED = replace(NAMED, executables=(Executable(name="demo", entry="d:m", console=False),))


def test_a_program_of_the_terminal_may_do_nothing_by_itself(tmp_path: Path) -> None:
    assert flatpak.permissions(payloads.job(tmp_path, "flatpak", NAMED)) == ()


def test_windows_are_shown_and_what_is_configured_comes_after(tmp_path: Path) -> None:
    job = payloads.job(tmp_path, "flatpak", WINDOWED, Config(flatpak=FlatpakConfig(permissions=("--share=network", "--share=ipc"))))
    windows = ("--share=ipc", "--socket=wayland", "--socket=fallback-x11", "--device=dri")
    assert flatpak.permissions(job) == (*windows, "--share=network")


def test_what_others_have_in_usr_is_below_files(tmp_path: Path) -> None:
    job = payloads.job(tmp_path, "flatpak", WINDOWED)
    (tmp_path / "scratch").mkdir()
    tree = load(job.payload, job.folder / "payload", payloads.EPOCH)
    found = {node.path: node for node in flatpak.layout(job, tree, tmp_path / "scratch")}
    assert found["files/bin/demo"].link == "../lib/demo/demo"
    assert {"files/lib/demo/_internal/empty", "files/share/applications/org.example.demo.desktop", "metadata"} <= set(found)
    assert not [path for path in found if path.startswith("usr")]
    assert flatpak.metadata(job).decode().splitlines() == [
        "[Application]",
        "name=org.example.demo",
        "runtime=org.freedesktop.Platform/x86_64/24.08",
        "sdk=org.freedesktop.Sdk/x86_64/24.08",
    ]


@pytest.mark.parametrize(
    ("identifier", "permissions", "words"),
    [
        ("", (), "there is none"),
        ("example.demo", (), "example.demo is no name of a flatpak"),
        ("org.ex-ample.demo", (), "is no name of a flatpak"),
        ("org.2example.demo", (), "is no name of a flatpak"),
        ("org.example.demo", ("network",), "'network' is no permission"),
        ("org.example.demo", ("--command=sh",), "'--command=sh' is no permission"),
    ],
)
def test_what_flatpak_does_not_take_is_told_when_it_is_planned(identifier: str, permissions: tuple[str, ...], words: str) -> None:
    matrix = Matrix(targets={"linux-x86_64": TargetConfig(formats=("flatpak",))})
    config = Config(flatpak=FlatpakConfig(permissions=permissions))
    named = replace(NAMED, identifier=identifier)
    with pytest.raises(ConfigurationError) as caught:
        make_plan(product=named, config=config, source=SourceRecord(epoch=0), matrix=matrix, coldforge="0")
    (problem,) = caught.value.problems
    assert words in problem.what


@pytest.mark.parametrize(("filling", "width"), [(100, 1), (1000, 2), (70_000, 4)])
def test_only_the_moment_is_changed(filling: int, width: int, tmp_path: Path) -> None:
    """`width` bytes are what an offset at the end takes in a file of that size."""
    before, after = (1_800_000_000).to_bytes(8, "big"), payloads.EPOCH.to_bytes(8, "big")
    data = b"h" * 61 + bytes(3) + before + b"p" * filling + (61).to_bytes(width, "little")
    (tmp_path / "bundle").write_bytes(data)
    flatpak.stamp(tmp_path / "bundle", payloads.EPOCH)
    assert (tmp_path / "bundle").read_bytes() == data.replace(before, after)


def test_a_bundle_of_another_form_is_told(tmp_path: Path) -> None:
    (tmp_path / "bundle").write_bytes(bytes(300))
    with pytest.raises(BuildFailed, match="of an unknown form"):
        flatpak.stamp(tmp_path / "bundle", payloads.EPOCH)
