"""`zsync`: what programs that update AppImages read first: sums of the blocks of the newer one, so that they fetch only what has changed.

Source: http://zsync.moria.org.uk/paper/
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from coldforge.bundle import BundleJob
from coldforge.bundle.appimage import AppImage
from coldforge.bundle.tree import Tree
from coldforge.host import clock, files, programs
from coldforge.host.run import run

PROGRAM = "zsyncmake"


class Zsync:
    """Has zsyncmake read the AppImage, which lies beside it when it is made."""

    format = "zsync"
    templates: tuple[str, ...] = AppImage.templates
    settings: tuple[str, ...] = AppImage.settings
    digests: tuple[str, ...] = ()

    def tool(self) -> str:
        return f"{programs.version(PROGRAM)} of {AppImage().tool()}"

    def bundle(self, job: BundleJob, tree: Tree, out: Path) -> None:
        program, name = programs.needed(PROGRAM), job.artifact.name.removesuffix(".zsync")
        with files.scratch("zsync") as folder:
            environment = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
            run([program, "-u", name, "-f", name, "-o", folder / "made", job.folder / name], env=environment, cwd=folder)
            dated(folder / "made", tree.epoch)
            shutil.copyfile(folder / "made", out)


def dated(path: Path, epoch: int) -> None:
    """Put the one time into the head, in the place of that at which the file was written here."""
    head, separator, sums = path.read_bytes().partition(b"\n\n")
    path.write_bytes(re.sub(rb"(?m)^MTime: .*$", f"MTime: {clock.rfc2822(epoch)}".encode(), head) + separator + sums)
