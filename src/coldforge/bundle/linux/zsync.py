"""`zsync`: what programs that update AppImages read first. The AppImage lies beside it when it is made."""

from __future__ import annotations

from pathlib import Path

from coldforge.bundle import BundleJob
from coldforge.bundle.linux.appimage import AppImage
from coldforge.bundle.tree import Tree
from coldforge.host import zsyncmake


class Zsync:
    """Has zsyncmake read the AppImage, as it is by then: with its signature, when it has one."""

    format = zsyncmake.FORMAT
    templates: tuple[str, ...] = AppImage.templates
    settings: tuple[str, ...] = AppImage.settings
    digests: tuple[str, ...] = ()

    def tool(self) -> str:
        return AppImage().tool()

    def bundle(self, job: BundleJob, tree: Tree, out: Path) -> None:
        name = zsyncmake.origin(job.artifact.name)
        zsyncmake.write(job.folder / name, name, tree.epoch, out, job.tools)
