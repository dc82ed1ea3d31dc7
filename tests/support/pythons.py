"""The Pythons that can be frozen: those of this machine, and for the newest an image."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from coldforge.freeze.interpreter import probe
from support import images
from support.require import need

HERE: Final = ("3.11", "3.12", "3.13")
IN_IMAGES: Final = {"3.14": images.FREEZE_3_14}
VERSIONS: Final = (*HERE, *IN_IMAGES)


def here(version: str) -> str:
    """The path of a Python of this machine with its shared library: one that is called, or one that pyenv has."""
    usable = (path for path in _candidates(version) if (probed := probe(path)) and probed.library.is_file())
    path = next((path for path in usable), "")
    need(f"Python {version}", available=bool(path), how=f"pyenv with `--enable-shared`, or apt-get install libpython{version}")
    return path


def _candidates(version: str) -> Iterator[str]:
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from map(str, sorted(root.glob(f"versions/{version}.*/bin/python{version}")))
    if called := shutil.which(f"python{version}"):
        yield called
