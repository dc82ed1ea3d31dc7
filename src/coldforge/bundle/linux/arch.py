"""`arch`: the package for Arch Linux and its kin, `.pkg.tar.zst`.

Source: alpm-pkginfo(5) and alpm-mtree(5) of https://alpm.archlinux.page/
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from coldforge.bundle import BundleJob, tars
from coldforge.bundle.linux import control, desktop, documents, pkginfo, scripts
from coldforge.bundle.linux.installed import packaged
from coldforge.bundle.tree import Node, Tree
from coldforge.filetypes import gzips, zstds
from coldforge.host import files
from coldforge.plan import libraries, names
from coldforge.target import Target


class Arch:
    """Writes the package: one tar that begins with what pacman wants to know of it."""

    format = "arch"
    templates: tuple[str, ...] = (documents.MANUAL, desktop.TEMPLATE, libraries.ARCH)
    settings: tuple[str, ...] = ("arch", "linux", "icon")
    digests: tuple[str, ...] = ("md5",)

    def tool(self) -> str:
        return tars.zstd_tool()

    def bundle(self, job: BundleJob, tree: Tree, out: Path) -> None:
        _check(job)
        with files.scratch("arch") as folder:
            own = documents.licences(job, job.package)
            content = packaged(job, tree, own, package=job.package, scratch=folder)
            about = {pkginfo.NAME: information(job, content)}
            if bodies := scripts.bodies(job.project, job.plan.config.linux):
                about[".INSTALL"] = scripts.functions(bodies)
            about[".MTREE"] = gzips.small("".join(listing(content)).encode())
            with out.open("wb") as raw, zstds.ZstdWriter(raw) as stream:
                stream.write(tars.texts(about, tree.epoch))
                tars.write(content, stream)


def _packages(job: BundleJob) -> dict[str, str]:
    """The packages of all libraries: the table's, and what the project says."""
    return control.packages(job, libraries.ARCH, job.plan.config.arch.libraries)


def _check(job: BundleJob) -> None:
    """Raises Refused when the package would be installed without a library that it cannot start without."""
    control.check(job, _packages(job), job.plan.config.arch.depends, of="Arch Linux")


def information(job: BundleJob, content: Tree) -> bytes:
    """The text of .PKGINFO."""
    return pkginfo.text(_lines(job, content))


def _lines(job: BundleJob, content: Tree) -> Iterator[tuple[str, str]]:
    product, config = job.plan.product, job.plan.config.arch
    yield from {
        "pkgname": job.package,
        "pkgbase": job.package,
        "xdata": "pkgtype=pkg",
        "pkgver": f"{names.arch(names.Version.parse(product.version))}-{config.revision}",
        "pkgdesc": control.synopsis(product),
        "url": product.homepage,
        "builddate": str(content.epoch),
        "packager": product.maintainer,
        "size": str(sum(node.size for node in content)),
        "arch": Target.parse(job.target.target).arch,
        "license": product.license or "unknown",
    }.items()
    floor = job.payload.glibc_floor.removeprefix("glibc-")
    own = [f"glibc>={floor}"] if floor else []
    needs = job.payload.needs
    packages = _packages(job)
    found = list(libraries.named(needs, packages, "recommended"))
    for key, values in (
        ("replaces", config.replaces),
        ("conflict", config.conflicts),
        ("provides", config.provides),
        ("backup", [node.path for node in content if node.config]),
        ("depend", [*own, *libraries.named(needs, packages), *config.depends]),
        ("optdepend", [*found, *config.optional]),
    ):
        yield from ((key, value) for value in dict.fromkeys(values))


def listing(content: Tree) -> Iterator[str]:
    """The lines of .MTREE, which `pacman -Qkk` compares with: mtree(5) with names as vis(3) writes them."""
    yield "#mtree\n/set type=file uid=0 gid=0 mode=644\n"
    for node in content:
        yield f"./{_visible(node.path)} time={content.epoch}.0 {_facts(node)}\n"


def _facts(node: Node) -> str:
    if node.source:
        sums = f"md5digest={node.digest('md5')} sha256digest={node.digest('sha256')}"  # pacman before 6.1 compares the first
        return f"{'' if node.mode == 0o644 else f'mode={node.mode:o} '}size={node.size} {sums}"
    return f"mode=777 type=link link={_visible(node.link)}" if node.link else f"mode={node.mode:o} type=dir"


def _visible(text: str) -> str:
    """A name without blanks, `#`, `\\` or bytes that are no ASCII."""
    return re.sub(rb"[^!\"$-\[\]-~]", lambda found: b"\\%03o" % found[0][0], text.encode()).decode()
