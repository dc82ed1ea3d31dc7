"""`zip`: the portable program for Windows, in one folder `<name>-<version>/`: unpacked and started, nothing is installed."""

from __future__ import annotations

from pathlib import Path

from coldforge.bundle import BundleJob, zips
from coldforge.bundle.archive import with_licences
from coldforge.bundle.tree import Tree
from coldforge.bundle.windows import shared as windows
from coldforge.plan import names


class Zip:
    """Streams the tree into a zip, file by file."""

    format = "zip"
    templates: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()

    def tool(self) -> str:
        return zips.tool()

    def bundle(self, job: BundleJob, tree: Tree, out: Path) -> None:
        content = with_licences(tree, job.project, job.plan.product.license_files)
        windows.check(content, job.artifact.name)
        zips.write(content, out, below=names.archive_folder(job.plan.product.name, names.Version.parse(job.plan.product.version)))
