"""Hashes of files of any size; a large one's is made by a process of its own.

That one waits for nobody: a thread would stop at each piece until the interpreter is free, which it is not while modules are imported.
And it reads without copying, by maps of the file, which nobody may do who must live on: when somebody shortens the file meanwhile, or the
disk fails, the system ends the process.
"""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from coldforge.errors import ColdforgeError
from coldforge.host import files

LARGE: Final = 1 << 28  # bytes; starting Python takes as long as hashing some tens of megabytes
_MAPPED: Final = """
import hashlib, mmap, os, sys
made = hashlib.sha256()
with open(sys.argv[1], "rb") as file:
    size = os.fstat(file.fileno()).st_size
    for start in range(0, size, 1 << 24):
        with mmap.mmap(file.fileno(), min(1 << 24, size - start), access=mmap.ACCESS_READ, offset=start) as piece:
            made.update(piece)
print(made.hexdigest())
"""


def sha256(path: Path) -> str:
    """The file's sha256 in hexadecimal, by reading it where nothing else works."""
    return (_mapped(path) if path.stat().st_size >= LARGE else "") or files.sha256(path)


def _mapped(path: Path) -> str:
    """The same from a process of its own; empty when it did not get to the end."""
    from coldforge.host.run import run, without_secrets

    with suppress(ColdforgeError, OSError):
        done = run([sys.executable, "-I", "-S", "-c", _MAPPED, path], env=without_secrets(), check=False, quiet=True)
        if done.code == 0 and re.fullmatch(r"[0-9a-f]{64}", done.output):
            return done.output
    return ""
