"""squashfs: the read-only file system that AppImages and snaps are, written by mksquashfs.

Its bytes are the same for any number of processors and any memory; what it takes of a folder besides names and bytes (times, modes, owners)
is fixed before. Versions before 4.4 know no SOURCE_DATE_EPOCH, and do not give the same bytes twice.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from coldforge.bundle.staged import lay_out
from coldforge.bundle.tree import Tree
from coldforge.host import files
from coldforge.host.toolbox import Tools

PROGRAM: Final = "mksquashfs"
# The caches of mksquashfs: it would take a quarter of the machine's memory.
_MEMORY: Final = "128M"


def write(tree: Tree, out: Path, options: Sequence[str], tools: Tools) -> None:
    """Write the tree as an image. Raises Missing without the program, BuildFailed with its words."""
    with files.scratch("squashfs") as folder:
        lay_out(tree, folder / "tree")
        common = ["-noappend", "-no-progress", "-no-xattrs", "-quiet", "-mem", _MEMORY]
        with tools.bench(folder, SOURCE_DATE_EPOCH=str(tree.epoch)) as bench:
            bench.run(PROGRAM, "tree", "image", *common, *options)
            shutil.copyfile(bench.get("image"), out)
