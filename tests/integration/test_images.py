"""Images that are run as they are: read by the tools of their own systems, and started."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from msgspec.structs import replace

from coldforge.bundle import runtime
from coldforge.bundle.squashfs import PROGRAM
from coldforge.bundle.stage import bundle_target
from coldforge.errors import Refused, RemoteFailed
from coldforge.freeze.index import index
from coldforge.project.config import AppImageConfig, Config
from coldforge.target import Target
from support import payloads, runtimes
from support.require import tool
from support.serving import serving

pytestmark = pytest.mark.integration
APPIMAGE = "demo-1.2.0-rc.1-x86_64.AppImage"
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


def summary(image: Path, *options: str) -> str:
    """What an image says of itself."""
    return subprocess.run([tool("unsquashfs", PACKAGE), "-s", *options, image], check=True, capture_output=True, text=True).stdout


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
    assert "Compression lzo" in summary(image)


def test_an_appimage_finds_its_image_and_runs(tmp_path: Path) -> None:
    """With a stub of ours in the place of the real runtime, which is fetched from the network: see support.runtimes."""
    stub = runtimes.compiled(tmp_path)
    runtimes.pin(tmp_path, stub)
    image = bundled(tmp_path, APPIMAGE)
    assert image.stat().st_mode & 0o777 == 0o755
    assert image.read_bytes().startswith(stub)
    assert subprocess.run([image, "--appimage-offset"], check=True, capture_output=True, text=True).stdout == f"{len(stub)}\n"
    moved = image.rename(tmp_path / "a b.AppImage")
    for place in (tmp_path, Path("/")):
        assert subprocess.run([moved], check=True, capture_output=True, text=True, cwd=place).stdout == "it runs\n"
    tree = unpacked(moved, tmp_path / "tree", "-offset", str(len(stub)))
    assert tree_of(tree / "usr/lib/demo") == tree_of(tmp_path / "dist" / payloads.TARGET / "payload")
    assert (tree / "AppRun").readlink().as_posix() == "usr/lib/demo/demo"
    subprocess.run([tool("desktop-file-validate", "apt-get install desktop-file-utils"), tree / "demo.desktop"], check=True)
    lines = [line.split(None, 5) for line in listed(moved, "-offset", str(len(stub)))]
    assert {(owner, day, time) for _, owner, _, day, time, _ in lines} == {("root/root", "2023-11-14", "22:13")}
    facts = subprocess.run(
        [tool("unsquashfs", PACKAGE), "-s", "-offset", str(len(stub)), moved], check=True, capture_output=True, text=True
    )
    assert {"Compression zstd", "\tcompression-level 9", "Block size 131072"} <= set(facts.stdout.splitlines())
    assert "Xattrs are not stored" in facts.stdout


def test_the_runtime_is_fetched_once_and_only_what_is_pinned(tmp_path: Path) -> None:
    data = runtimes.by_hand()
    runtimes.pin(tmp_path, data)
    toml = tmp_path / "containers/images.toml"
    with serving({"/runtime": data}) as (address, asked):
        toml.write_text(toml.read_text().replace('file = "runtime"', f'url = "{address}/runtime"'))
        runtime.bring(Target.parse(payloads.TARGET), tmp_path)
        runtime.bring(Target.parse(payloads.TARGET), tmp_path)
        assert asked == ["/runtime"]
        assert runtime.content(Target.parse(payloads.TARGET), tmp_path) == data
        toml.write_text(toml.read_text().replace(hashlib.sha256(data).hexdigest(), "0" * 64))
        with pytest.raises(Refused, match="is not what is pinned"):
            runtime.bring(Target.parse(payloads.TARGET), tmp_path)
        toml.write_text(toml.read_text().replace("/runtime", "/gone"))
        with pytest.raises(RemoteFailed, match="cannot be fetched") as caught:
            runtime.bring(Target.parse(payloads.TARGET), tmp_path)
        assert "404" in caught.value.why
        assert "`file = …`" in caught.value.hint


def test_an_appimage_says_where_newer_ones_are(tmp_path: Path) -> None:
    runtimes.pin(tmp_path, runtimes.compiled(tmp_path))
    where = "zsync|https://host.example/demo-latest-x86_64.AppImage.zsync"
    image = bundled(tmp_path, APPIMAGE, Config(appimage=AppImageConfig(update=where)))
    reader = tool("readelf", "apt-get install binutils")
    said = subprocess.run([reader, "--string-dump=.upd_info", image], check=True, capture_output=True, text=True).stdout
    assert where in said
    assert subprocess.run([image], check=True, capture_output=True, text=True).stdout == "it runs\n"
