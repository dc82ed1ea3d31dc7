"""The example application has tests of its own, and its lock belongs to its dependencies."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from support.program import ROOT

pytestmark = pytest.mark.integration

EXAMPLE = ROOT / "examples" / "almanac"
PROJECTS = (EXAMPLE, *sorted((ROOT / "tests" / "projects").glob("*/")))


def test_its_own_tests_pass() -> None:
    argv = [sys.executable, "-m", "pytest", "-q", "-c", "pyproject.toml", "-p", "no:cacheprovider", "tests"]
    done = subprocess.run(argv, cwd=EXAMPLE, env={**os.environ, "PYTHONPATH": "src"}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\d+ passed", done.stdout)


@pytest.mark.parametrize("project", PROJECTS, ids=lambda path: path.name)
def test_every_lock_is_hashed_complete_and_names_no_index(project: Path) -> None:
    lock = (project / "requirements.txt").read_text()
    wanted = tomllib.loads((project / "pyproject.toml").read_text())["project"].get("dependencies", [])
    for requirement in wanted:
        name = re.split(r"[<>=]", requirement)[0]
        assert re.search(rf"^{name}==\S+ .*\n    --hash=sha256:", lock, re.MULTILINE | re.IGNORECASE), name
    assert "://" not in lock
    assert "--index" not in lock
