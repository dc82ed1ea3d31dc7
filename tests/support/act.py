"""Workflows run by a real runner: act, on this host, offline; actions that are not ours are stubs of a few lines."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import pytest

from support.fake_github import WRITER
from support.require import tool

ROOT: Final = Path(__file__).resolve().parents[2]
# What stands for each action of others; `act` runs `actions/checkout` of the own repository by itself.
STUBS: Final[Mapping[str, str]] = {
    "actions/setup-python": """\
name: python
description: Stands for actions/setup-python, the Python that is here
inputs: { python-version: { description: which }, update-environment: { description: whether } }
outputs: { python-path: { description: where, value: "${{ steps.find.outputs.path }}" } }
runs:
  using: composite
  steps:
    - id: find
      shell: bash
      run: echo "path=$(command -v python3)" >> "$GITHUB_OUTPUT"
""",
    "actions/upload-artifact": """\
name: upload
description: Stands for actions/upload-artifact, keeps a file in the folder ACT_ARTIFACTS; like the real one it forgets modes
inputs:
  name: { description: of the artifact }
  path: { description: of a file }
  if-no-files-found: { description: what then }
  compression-level: { description: of its zip }
  retention-days: { description: how long }
  overwrite: { description: whether }
runs:
  using: composite
  steps:
    - shell: bash
      env: { NAME: "${{ inputs.name }}", FILE: "${{ inputs.path }}" }
      run: mkdir -p "$ACT_ARTIFACTS/$NAME" && cp --no-preserve=mode "$FILE" "$ACT_ARTIFACTS/$NAME/"
""",
    "actions/download-artifact": """\
name: download
description: Stands for actions/download-artifact; no artifact of a pattern is no error, as with the real one
inputs:
  name: { description: of one }
  pattern: { description: of several }
  path: { description: where to }
  merge-multiple: { description: whether }
runs:
  using: composite
  steps:
    - shell: bash
      env: { NAME: "${{ inputs.name }}", PATTERN: "${{ inputs.pattern }}", FOLDER: "${{ inputs.path }}" }
      run: |
        mkdir -p "$FOLDER"
        if [ -n "$NAME" ]; then cp "$ACT_ARTIFACTS/$NAME"/* "$FOLDER/"; fi
        if [ -n "$PATTERN" ]; then for found in "$ACT_ARTIFACTS"/$PATTERN; do cp "$found"/* "$FOLDER/" || true; done; fi
""",
}
_USES: Final = re.compile(r"uses: (actions/([\w-]+)@\w+)")
RUNNERS: Final = ("ubuntu-24.04", "windows-2025", "macos-15")


def committed(repository: Path, workflow: str, *, tag: str = "v0.1.0") -> str:
    """Commit the workflow to the repository, and tag that; the commit."""
    folder = repository / ".github" / "workflows"
    folder.mkdir(parents=True)
    (folder / "release.yml").write_text(workflow)
    git = ["git", "-C", str(repository), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for words in (["add", "-A"], ["commit", "-qm", "workflow"], ["tag", tag]):
        subprocess.run([*git, *words], check=True)
    return subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()


def act(
    repository: Path, tmp_path: Path, env: Mapping[str, str], *given: str, change: Callable[[Path], None] = lambda _workflow: None
) -> subprocess.CompletedProcess[str]:
    """Run the repository's workflow as a push would; `coldforge/coldforge@v1` is this checkout, and so is `$/` within it.

    What act cannot do a `change` works round in our copy of the reusable workflow.
    """
    program = tool("act", "go install github.com/nektos/act@v0.2.89")
    ours = tmp_path / "coldforge"
    left_out = shutil.ignore_patterns(".git", "__pycache__", "dist", ".mypy_cache", ".ruff_cache", "tests", ".hypothesis")
    shutil.copytree(ROOT, ours, ignore=left_out, dirs_exist_ok=True)
    local = {"coldforge/coldforge@v1": ours}
    for path in (ours / "action.yml", *(ours / ".github/workflows").glob("*.yml")):
        text = path.read_text().replace("uses: $/\n", "uses: coldforge/coldforge@v1\n")  # which act 0.2.89 does not know yet
        path.write_text(text)
        local |= {uses: stub(name, tmp_path / "stubs") for uses, name in _USES.findall(text) if name != "checkout"}
    change(ours / ".github/workflows/release.yml")
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    words = [
        program,
        "push",
        *(word for name in RUNNERS for word in ("-P", f"{name}=-self-hosted")),
        "--action-offline-mode",
        "--no-cache-server",
    ]
    words += [
        "-s",
        f"GITHUB_TOKEN={WRITER}",
        *(word for uses, folder in local.items() for word in ("--local-repository", f"{uses}={folder}")),
    ]
    wanted = {**env, "HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache")}
    return subprocess.run([*words, *given], cwd=repository, env=wanted, capture_output=True, text=True, check=False, timeout=900)


def stub(name: str, folder: Path) -> Path:
    """The folder of the action that stands for `actions/<name>`."""
    action = folder / name / "action.yml"
    action.parent.mkdir(parents=True, exist_ok=True)
    action.write_text(STUBS[f"actions/{name}"])
    return action.parent


def shared_home(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where the environments of the program are made, once for all tests."""
    return str(tmp_path_factory.getbasetemp() / "environments")


def given(**values: str) -> list[str]:
    """Variables for the jobs."""
    return [word for name, value in values.items() for word in ("--env", f"{name}={value}")]
