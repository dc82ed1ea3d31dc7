"""`tar.gz`, `tar.zst`: the tree in one folder `<name>-<version>/`, with the licence files beside the program."""

from __future__ import annotations

from pathlib import Path

from coldforge.bundle import BundleJob, tars
from coldforge.bundle.tree import Tree
from coldforge.filetypes import gzips, zstds
from coldforge.plan import names


class TarGz:
    """Streams the tree through tar and gzip."""

    format = "tar.gz"
    templates: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()

    def tool(self) -> str:
        return tars.gzip_tool()

    def bundle(self, job: BundleJob, tree: Tree, out: Path) -> None:
        with out.open("wb") as raw, gzips.GzipWriter(raw) as stream:
            tars.write(with_licences(tree, job.project, job.plan.product.license_files), stream, below=_folder(job))


class TarZst:
    """The same through zstd: smaller, and in half the time."""

    format = "tar.zst"
    templates: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()

    def tool(self) -> str:
        return tars.zstd_tool()

    def bundle(self, job: BundleJob, tree: Tree, out: Path) -> None:
        with out.open("wb") as raw, zstds.ZstdWriter(raw) as stream:
            tars.write(with_licences(tree, job.project, job.plan.product.license_files), stream, below=_folder(job))


def _folder(job: BundleJob) -> str:
    product = job.plan.product
    return names.archive_folder(product.name, names.Version.parse(product.version))


def with_licences(tree: Tree, project: Path, paths: tuple[str, ...]) -> Tree:
    """The tree and the project's licence files: those of its root beside the program, others in `licenses/`."""
    taken = {node.path for node in tree}
    return tree.adding({path if "/" not in path and path not in taken else f"licenses/{path}": project / path for path in paths})
