"""`app.tar.gz` and `app.zip`: an application for macOS in an archive, for updaters and for those who want no disk image."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from coldforge.bundle import BundleJob, tars, zips
from coldforge.bundle.macos import shared as macos
from coldforge.bundle.tree import Tree
from coldforge.filetypes import gzips
from coldforge.host import files

FORMATS: Final = ("app.tar.gz", "app.zip", "dmg", "pkg")  # that hold an application


class AppTarGz:
    """The application through tar and gzip: links and modes are kept, and nothing of a Mac's own is in it."""

    format = "app.tar.gz"
    templates: tuple[str, ...] = ()
    settings: tuple[str, ...] = ("macos", "icon", "pyinstaller")
    digests: tuple[str, ...] = ()

    def tool(self) -> str:
        return tars.gzip_tool()

    def bundle(self, job: BundleJob, tree: Tree, out: Path) -> None:
        with files.scratch("app") as scratch, out.open("wb") as raw, gzips.GzipWriter(raw) as stream:
            tars.write(macos.app(job, tree, scratch), stream)


class AppZip:
    """The same in a zip, whose links and modes the Finder and `ditto` understand."""

    format = "app.zip"
    templates: tuple[str, ...] = ()
    settings: tuple[str, ...] = ("macos", "icon", "pyinstaller")
    digests: tuple[str, ...] = ()

    def tool(self) -> str:
        return zips.tool()

    def bundle(self, job: BundleJob, tree: Tree, out: Path) -> None:
        with files.scratch("app") as scratch:
            zips.write(macos.app(job, tree, scratch), out)
