"""The file that updaters of an AppImage read first: sums of the blocks of the newer one, so that they fetch only what has changed.

It is about the bytes that are released, so it is made from them: again, when the AppImage gets a signature.
Source: http://zsync.moria.org.uk/paper/
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Final

from coldforge.host import clock, files, programs
from coldforge.host.run import run

PROGRAM: Final = "zsyncmake"
FORMAT: Final = "zsync"  # of the artifact; its name is that of the AppImage with an ending more


def write(image: Path, name: str, epoch: int, out: Path) -> None:
    """Write the sums of `image`, which is released as `name`, with the one time in the place of that at which it was written here.

    Raises Missing without the program, BuildFailed with its words.
    """
    program = programs.needed(PROGRAM)
    with files.scratch("zsync") as folder:
        environment = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
        run([program, "-u", name, "-f", name, "-o", folder / "made", image.absolute()], env=environment, cwd=folder)
        head, separator, sums = (folder / "made").read_bytes().partition(b"\n\n")
        (folder / "made").write_bytes(re.sub(rb"(?m)^MTime: .*$", f"MTime: {clock.rfc2822(epoch)}".encode(), head) + separator + sums)
        shutil.copyfile(folder / "made", out)


def origin(name: str) -> str:
    """The name of the AppImage that a file of sums is about."""
    return name.removesuffix(".zsync")
