"""Images that are run as they are: read by the tools of their own systems, and started."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from msgspec.structs import replace

from coldforge.bundle.squashfs import PROGRAM
from coldforge.bundle.stage import bundle_target
from coldforge.freeze.index import index
from coldforge.project.config import Config
from support import payloads
from support.require import tool

pytestmark = pytest.mark.integration
SNAP = "demo_1.2.0-rc.1_amd64.snap"
PACKAGE = "apt-get install squashfs-tools"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLDFORGE_CACHE", str(tmp_path / "cache"))


def bundled(folder: Path, name: str, config: Config | None = None) -> Path:
    """One artifact of the payload that has everything in it that packaging can break."""
    tool(PROGRAM, PACKAGE)
    plan, payload = payloads.make(folder, config=config)
    bundle_target(plan, plan.targets[0], payload, project=folder, out=folder / "dist", asked={name})
    return folder / "dist" / payloads.TARGET / name


def unpacked(image: Path, folder: Path, *options: str) -> Path:
    """What the tools of squashfs themselves find in an image."""
    subprocess.run([tool("unsquashfs", PACKAGE), "-quiet", "-no-progress", *options, "-d", folder, image], check=True, capture_output=True)
    return folder


def tree_of(folder: Path) -> dict[str, tuple[str, str]]:
    return {entry.path: (entry.sha256, entry.link) for entry in index(folder, {}, "demo")}


def listed(image: Path, *options: str) -> Iterator[str]:
    """Rights, owners and times, as the image has them."""
    environment = {**os.environ, "TZ": "UTC"}
    said = subprocess.run(
        [tool("unsquashfs", PACKAGE), *options, "-llc", image], check=True, capture_output=True, text=True, env=environment
    )
    yield from said.stdout.splitlines()


def test_a_snap_is_what_snap_pack_makes_of_its_tree(tmp_path: Path) -> None:
    pack = tool("snap", "apt-get install snapd")
    image = bundled(tmp_path, SNAP)
    tree = unpacked(image, tmp_path / "tree")
    assert tree_of(tree / "usr/lib/demo") == tree_of(tmp_path / "dist" / payloads.TARGET / "payload")
    assert yaml.safe_load((tree / "meta/snap.yaml").read_text())["apps"] == {"demo": {"command": "usr/lib/demo/demo"}}
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(payloads.EPOCH), "SNAP_REEXEC": "0"}
    said = subprocess.run(
        [pack, "pack", tree, "--filename", "theirs.snap"], cwd=tmp_path, env=environment, check=True, capture_output=True, text=True
    )
    assert said.stdout == "built: theirs.snap\n"
    assert (tmp_path / "theirs.snap").read_bytes() == image.read_bytes()
    lines = [line.split(None, 5) for line in listed(image)]
    assert {(owner, day, time) for _, owner, _, day, time, _ in lines} == {("root/root", "2023-11-14", "22:13")}
    assert ["drwxr-xr-x", "root/root"] in [line[:2] for line in lines if line[5].endswith("_internal/empty")]


def test_a_snap_that_starts_faster(tmp_path: Path) -> None:
    config = Config()
    image = bundled(tmp_path, SNAP, replace(config, snap=replace(config.snap, compression="lzo")))
    said = subprocess.run([tool("unsquashfs", PACKAGE), "-s", image], check=True, capture_output=True, text=True).stdout
    assert "Compression lzo" in said
