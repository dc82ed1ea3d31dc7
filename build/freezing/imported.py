"""Byte code of what a freeze imports, kept with the analysis: an environment is installed without any, and compiling it takes a third of
a freeze whose analysis is kept.

It stays with what nobody changes without changing the key of the analysis: the environment, the recipes, the interpreter's library.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CODE, WORKSHOP = "code", "workshop"
LASTING = ("environment", "build")  # folders of the workshop


@contextmanager
def byte_code(job: Mapping[str, Any]) -> Iterator[None]:
    """While the block runs, this process and those that it starts leave byte code there, and take it from there.

    The workshop may stand elsewhere the next time: where Python looks for its byte code there is a link. Links may lead to the workshop
    (a Mac's temporary folders are behind one), and Python follows them for the folder of a script.
    """
    if os.name == "nt":  # where making links takes rights
        yield
        return
    root, code = Path(job["work"]).parent, Path(job["kept"]) / CODE
    kept, links = code / WORKSHOP, {code / place.relative_to(place.anchor) for place in (root, root.resolve())}
    for folder in (kept, *(link.parent for link in links)):
        folder.mkdir(parents=True, exist_ok=True)
    for link in links:
        link.symlink_to(kept)
    sys.pycache_prefix, sys.dont_write_bytecode = str(code), False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(code)
    yield
    for link in links:
        link.unlink()
    for folder in kept.iterdir():
        if folder.name not in LASTING:
            shutil.rmtree(folder)
