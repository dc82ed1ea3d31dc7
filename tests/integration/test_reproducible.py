"""Same inputs, same bytes: everything in `dist/`, from two builds that differ in all that must not matter."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from coldforge.host.files import sha256
from support import images
from support.ahead import ahead
from support.desk import READY, checkout, machine, type_in
from support.program import PROGRAM, ROOT, coldforge
from support.repository import copy, write

pytestmark = pytest.mark.integration

EXAMPLE = ROOT / "examples" / "almanac"
PLAIN = {"TZ": "UTC", "LC_ALL": "C", "LANG": "C", "PYTHONHASHSEED": "1"}
ODD = {
    "TZ": "Pacific/Chatham",
    "LC_ALL": "C.UTF-8",
    "LANG": "C.UTF-8",
    "PYTHONHASHSEED": "4711",
    "HOSTNAME": "elsewhere",
    "USER": "another",
}


def contents(dist: Path) -> dict[str, str]:
    """Every file, link and folder below `dist` with its mode and content, without the logs and the lock."""
    left_out = {"logs", ".lock"}
    paths = {path.relative_to(dist).as_posix(): path for path in dist.rglob("*") if not left_out & set(path.relative_to(dist).parts)}
    return {name: _describe(path, in_payload="/payload/" in name) for name, path in paths.items()}


def _describe(path: Path, *, in_payload: bool) -> str:
    if path.is_symlink():
        return f"link {path.readlink()}"
    mode = f"{path.stat().st_mode:o}" if in_payload or path.is_file() else "as the umask has it"
    return f"{mode} {'folder' if path.is_dir() else sha256(path)}"


def build(folder: Path, env: dict[str, str], *, umask: int, container: str, later: bool = False) -> dict[str, str]:
    """Build the example in `folder` with an empty cache, on another day if that is wanted; what lies in `dist/`."""
    project = copy(EXAMPLE, folder / "source", tag="v1.0.0", container=container)
    for path in project.rglob("*"):  # other times, other order of creation
        os.utime(path, (1_000_000_000 + umask, 1_000_000_000 + umask), follow_symlinks=False)
    home = folder / "home"
    home.mkdir()
    env = {**env, "COLDFORGE_CACHE": str(folder / "cache"), "HOME": str(home), "UV_CACHE_DIR": env["UV_CACHE_DIR"]}
    clock = folder / "clock"
    clock.mkdir()
    program = ahead(clock, *PROGRAM) if later else PROGRAM
    words = ["build", str(project), "--out", str(folder / "dist"), *([] if container else ["--host"])]
    coldforge(*words, env=env, umask=umask, program=program).succeeded()
    made = contents(folder / "dist")
    shutil.rmtree(folder)
    return made


@pytest.mark.parametrize("place", ["host", "container"])
def test_two_builds_are_identical(place: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    env = request.getfixturevalue(f"{place}_env")
    image = request.getfixturevalue("build_image") if place == "container" else ""
    (tmp_path / "a").mkdir()
    (tmp_path / "b" / "deeper in ünïcode").mkdir(parents=True)
    first = build(tmp_path / "a", {**env, **PLAIN}, umask=0o022, container=image)
    second = build(tmp_path / "b" / "deeper in ünïcode", {**env, **ODD}, umask=0o077, container=image, later=True)
    assert "SHA256SUMS" in first
    assert {name for name in first if first[name] != second.get(name)} == set()
    assert first.keys() == second.keys()


def test_a_desk_and_a_container_of_the_same_system_make_the_same_bytes(host_env: dict[str, str], tmp_path: Path) -> None:
    """The same interpreter without and with an engine: another user, folder, installer and number of processors."""
    project = write(tmp_path / "project", container=images.image(READY))
    with machine(READY, checkout(tmp_path / "checkout")) as desk:
        desk.put(project, "somewhere/else")
        build = f"taskset -c 0 bin/coldforge build {desk.path('somewhere/else')} --out {desk.path('made')}"
        assert "no container engine" in type_in(desk, build, tmp_path / "log")
        at_the_desk = json.loads(type_in(desk, f"cat {desk.path('made/manifest.json')}", tmp_path / "log"))
    env = {**host_env, "COLDFORGE_CACHE": str(tmp_path / "cache")}
    coldforge("build", project, "--out", tmp_path / "dist", env=env).succeeded()
    (here,), (there,) = (manifest["targets"] for manifest in (json.loads((tmp_path / "dist" / "manifest.json").read_text()), at_the_desk))
    assert (here["environment"]["workshop"], there["environment"]["workshop"]) == (images.image(READY), "host")
    assert here["environment"]["interpreter"] == there["environment"]["interpreter"]
    assert here["payload-digest"] == there["payload-digest"]
    assert [(a["name"], a["sha256"]) for a in here["artifacts"]] == [(a["name"], a["sha256"]) for a in there["artifacts"]]
