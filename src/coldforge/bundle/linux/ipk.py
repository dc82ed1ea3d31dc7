"""`ipk`: the package for OpenWrt and other small systems: what a Debian package has, in a gzipped tar.

Source: opkg-build of https://git.yoctoproject.org/opkg-utils
"""

from __future__ import annotations

from pathlib import Path

from coldforge.bundle import BundleJob, tars
from coldforge.bundle.linux import control, deb, desktop, documents, scripts
from coldforge.bundle.linux.installed import packaged
from coldforge.bundle.tree import Node, Tree
from coldforge.filetypes import gzips
from coldforge.host import files
from coldforge.plan import names
from coldforge.target import Target


class Ipk:
    """Writes the package for opkg."""

    format = "ipk"
    templates: tuple[str, ...] = (documents.MANUAL, desktop.TEMPLATE)
    settings: tuple[str, ...] = ("ipk", "linux", "icon")
    digests: tuple[str, ...] = ()

    def tool(self) -> str:
        return tars.gzip_tool()

    def bundle(self, job: BundleJob, tree: Tree, out: Path) -> None:
        with files.scratch("ipk") as folder:
            own = documents.licences(job, job.package)
            content = packaged(job, tree, own, package=job.package, scratch=folder)
            parts = {part: folder / part for part in ("debian-binary", "data.tar.gz", "control.tar.gz")}
            parts["debian-binary"].write_bytes(b"2.0\n")
            with parts["data.tar.gz"].open("wb") as raw, gzips.GzipWriter(raw) as stream:
                tars.write(content, stream, below=".", form=tars.GNU)
            about = tars.texts(members(job, content), tree.epoch)
            parts["control.tar.gz"].write_bytes(gzips.small(about + tars.END))
            nodes = tuple(Node(path=f"./{part}", mode=0o644, size=path.stat().st_size, source=path) for part, path in parts.items())
            # what is wrapped has been compressed
            with out.open("wb") as raw, gzips.GzipWriter(raw, gzips.STORED) as stream:
                tars.write(Tree(nodes=nodes, epoch=tree.epoch), stream, form=tars.GNU)


def architecture(job: BundleJob) -> str:
    """OpenWrt's word for it, unless the project has another."""
    return job.plan.config.ipk.architecture or {"x86_64": "x86_64", "aarch64": "aarch64_generic"}[Target.parse(job.target.target).arch]


def members(job: BundleJob, content: Tree) -> dict[str, bytes]:
    """The files of the control archive."""
    made = {"./control": control.paragraph(fields(job, content))}
    if kept := control.conffiles(content):
        made["./conffiles"] = kept
    bodies = scripts.with_caches(scripts.bodies(job.project, job.plan.config.linux), content)
    return {**made, **deb.maintainer_scripts(bodies, scripts.OPKG)}


def fields(job: BundleJob, content: Tree) -> dict[str, str]:
    """The control file's fields; the installed size is in bytes here."""
    product, config = job.plan.product, job.plan.config.ipk
    return {
        "Package": job.package,
        "Version": names.debian(names.Version.parse(product.version), config.revision),
        "Architecture": architecture(job),
        "Maintainer": product.maintainer,
        "Depends": ", ".join(config.depends),
        "Conflicts": ", ".join(config.conflicts),
        "Provides": ", ".join(config.provides),
        "Replaces": ", ".join(config.replaces),
        "Section": config.section,
        "License": product.license,
        "Homepage": product.homepage,
        "Installed-Size": str(sum(node.size for node in content)),
        "Description": f"{control.synopsis(product)}\n{control.extended(product)}",
    }
