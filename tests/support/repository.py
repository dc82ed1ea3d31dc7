"""Projects for tests: copies of real ones and small made-up ones, each a git repository with one commit of a known time."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

WHEN = "2026-01-02T03:04:05Z"
LEFT_OUT = shutil.ignore_patterns("dist", "__pycache__", ".venv", "*.egg-info", ".pytest_cache")

PYPROJECT = """\
[build-system]
requires = ["hatchling>=1.27"]
build-backend = "hatchling.build"

[project]
name = "tiny"
version = "0.1.0"
description = "The smallest program that can be frozen"
license = "MIT"
requires-python = ">=3.11"
authors = [{ name = "Somebody", email = "somebody@example.org" }]
dependencies = ["mdurl>=0.1"]

[project.scripts]
tiny = "tiny:main"
"""
MODULE = """\
from mdurl import encode


def main() -> None:
    print(encode("tiny runs"))
"""
LOCK = """\
mdurl==0.1.2 \\
    --hash=sha256:84008a41e51615a49fc9966191ff91509e3c40b939176e643fd50a5c2196b8f8
"""
MATRIX = """\
targets:
  linux-x86_64:
    runner: ubuntu-24.04
    container: {container}
    formats: [tar.gz, onefile, deb, sbom]
"""
TINY: Mapping[str, str] = {"pyproject.toml": PYPROJECT, "src/tiny/__init__.py": MODULE, "requirements.txt": LOCK}


def copy(source: Path, folder: Path, *, tag: str = "", container: str = "") -> Path:
    """A copy of a project as a repository of its own; `container` is the image it is frozen in."""
    shutil.copytree(source, folder, ignore=LEFT_OUT)
    return _committed(folder, tag=tag, container=container)


def write(folder: Path, files: Mapping[str, str] = TINY, *, container: str = "") -> Path:
    """A made-up project of these files."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return _committed(folder, container=container)


def _committed(folder: Path, *, tag: str = "", container: str = "") -> Path:
    if container:
        (folder / "matrix.yml").write_text(MATRIX.format(container=container), encoding="utf-8")
    identity = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in _PERSON.items()}
    env = {**os.environ, **identity, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    steps = [["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "source"]]
    for words in [*steps, *([["tag", tag]] if tag else [])]:
        subprocess.run(["git", "-C", str(folder), *words], check=True, env=env, capture_output=True)
    return folder


_PERSON = {"NAME": "Somebody", "EMAIL": "somebody@example.org", "DATE": WHEN}
