"""Packages are the same bytes whether they are made on this machine or in a container with other tools of the same versions around them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path
from shutil import copy2

import pytest

from support import images
from support.bare import bare
from support.program import ROOT

pytestmark = pytest.mark.integration
PROGRAM = """
import json, sys
from pathlib import Path
from msgspec.structs import replace
from coldforge.bundle.stage import bundle_target
from support import payloads
folder = Path(sys.argv[1])
plan, payload = payloads.make(folder, replace(payloads.PRODUCT, identifier="org.example.demo"))
asked = [artifact.name for artifact in plan.targets[0].artifacts if artifact.format != "appimage"]  # whose runtime is downloaded
artifacts = bundle_target(plan, plan.targets[0], payload, project=folder, out=folder / "dist", clean=True, asked=asked)
print(json.dumps({artifact.name: artifact.sha256 for artifact in artifacts}))
"""


def requirements(folder: Path) -> None:
    """The distributions that coldforge runs with, as they are installed here."""
    lines = (ROOT / "build" / "requirements" / "run.txt").read_text(encoding="utf-8").splitlines()
    for line in lines:
        name, pinned, marker = line.partition("==")
        if pinned and "==" in line and not line.startswith(" ") and "win32" not in marker:
            _copy(name, folder)


def _copy(name: str, folder: Path) -> None:
    for file in distribution(name).files or ():
        source = Path(str(file.locate()))
        place = folder / ("bin" if ".." in file.parts else ".") / (file.name if ".." in file.parts else file)
        if "__pycache__" not in file.parts and source.is_file():
            place.parent.mkdir(parents=True, exist_ok=True)
            copy2(source, place)


def test_a_container_makes_the_same_bytes_as_this_machine(tmp_path: Path) -> None:
    words = {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'tests'}", "COLDFORGE_CACHE": str(tmp_path / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}
    here = subprocess.run(
        [sys.executable, "-c", PROGRAM, tmp_path / "here"], env={**os.environ, **words}, capture_output=True, text=True, check=True
    )  # fmt: skip
    requirements(tmp_path / "site")
    with bare(images.image(images.TOOLBOX)) as system:
        for tree in (tmp_path / "site", ROOT / "src", ROOT / "tests", ROOT / "build", ROOT / "containers"):
            system.put_tree(tree, "/opt")
        system.put("program.py", PROGRAM.encode(), "/opt")
        env = {"PYTHONPATH": "/opt/site:/opt/src:/opt/tests", "PATH": "/opt/site/bin:/usr/bin:/bin", "TZ": "Asia/Tokyo", "LC_ALL": "C"}
        there = system.do("umask 077 && python3 /opt/program.py /opt/there", env=env)
    made = json.loads(here.stdout)
    assert json.loads(there) == made
    assert len(made) > 8
