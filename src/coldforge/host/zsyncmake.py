"""The file that updaters of an AppImage read first: sums of the blocks of the newer one, so that they fetch only what has changed.

It is about the bytes that are released, so it is made from them: again, when the AppImage gets a signature.
Source: http://zsync.moria.org.uk/paper/
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from coldforge.host import clock, files
from coldforge.host.toolbox import HOST, Tools

PROGRAM: Final = "zsyncmake"
FORMAT: Final = "zsync"  # of the artifact; its name is that of the AppImage with an ending more


def write(image: Path, name: str, epoch: int, out: Path, tools: Tools = HOST) -> None:
    """Write the sums of `image`, which is released as `name`, with the one time in the place of that at which it was written here.

    Raises Missing without the program, BuildFailed with its words.
    """
    with files.scratch("zsync") as folder:
        files.lend(image, folder / "image")
        with tools.bench(folder) as bench:
            bench.run(PROGRAM, "-u", name, "-f", name, "-o", "made", "image")
            head, separator, sums = bench.get("made").read_bytes().partition(b"\n\n")
        out.write_bytes(re.sub(rb"(?m)^MTime: .*$", f"MTime: {clock.rfc2822(epoch)}".encode(), head) + separator + sums)


def origin(name: str) -> str:
    """The name of the AppImage that a file of sums is about."""
    return name.removesuffix(".zsync")
