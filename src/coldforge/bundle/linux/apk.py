"""`apk`: the package for Alpine, Wolfi and their kin: two gzipped tars in one file, the first says what the second holds.

A program for glibc asks for `so:libc.so.6`, which Wolfi has and Alpine has not: apk refuses it there. One for musl asks for musl.
Source: https://wiki.alpinelinux.org/wiki/Apk_spec
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from coldforge.bundle import BundleJob, tars
from coldforge.bundle.linux import control, desktop, documents, pkginfo, scripts
from coldforge.bundle.linux.installed import packaged
from coldforge.bundle.tree import Node, Tree
from coldforge.filetypes import gzips
from coldforge.host import files
from coldforge.plan import libraries, names
from coldforge.target import Target

_SCRIPTS: Final = {
    "pre-install": ("before_install", "install"),
    "post-install": ("after_install", "install"),
    "pre-upgrade": ("before_install", "upgrade"),
    "post-upgrade": ("after_install", "upgrade"),
    "pre-deinstall": ("before_remove", "remove"),
    "post-deinstall": ("after_remove", "remove"),
}


class Apk:
    """Writes the package of version 2, which every apk reads. It is not signed here."""

    format = "apk"
    templates: tuple[str, ...] = (documents.MANUAL, desktop.TEMPLATE)
    settings: tuple[str, ...] = ("apk", "linux", "icon")
    digests: tuple[str, ...] = ("sha1",)

    def tool(self) -> str:
        return tars.gzip_tool()

    def bundle(self, job: BundleJob, tree: Tree, out: Path) -> None:
        with files.scratch("apk") as folder:
            own = documents.licences(job, job.package)
            content = packaged(job, tree, own, package=job.package, scratch=folder)
            data = folder / "data.tar.gz"
            with data.open("wb") as raw, gzips.GzipWriter(raw) as stream:
                tars.write(content, stream, extra=_checksum)
            about = {pkginfo.NAME: information(job, content, files.sha256(data)), **install_scripts(job)}
            with out.open("wb") as raw, data.open("rb") as stream:
                raw.write(gzips.small(tars.texts(about, tree.epoch)))  # without an end: the tar goes on in the next stream
                shutil.copyfileobj(stream, raw, files.CHUNK)


def information(job: BundleJob, content: Tree, digest: str) -> bytes:
    """The text of .PKGINFO; `digest` is that of the second tar."""
    return pkginfo.text(_lines(job, content, digest))


def _lines(job: BundleJob, content: Tree, digest: str) -> Iterator[tuple[str, str]]:
    product, config = job.plan.product, job.plan.config.apk
    version = names.apk(names.Version.parse(product.version), config.revision)
    target = Target.parse(job.target.target)
    yield from {
        "pkgname": job.package,
        "pkgver": version,
        "pkgdesc": control.synopsis(product),
        "url": product.homepage,
        "builddate": str(content.epoch),
        "packager": product.maintainer,
        "size": str(sum(node.size for node in content)),
        "arch": target.arch,
        "origin": job.package,
        "maintainer": product.maintainer,
        "license": product.license or "unknown",
    }.items()
    yield from (("replaces", value) for value in config.replaces)
    yield from (("provides", f"cmd:{executable.name}={version}") for executable in product.executables)
    yield from (("provides", value) for value in config.provides)
    needed = [*libraries.apk(job.payload.needs, target), *config.depends, *(f"!{value}" for value in config.conflicts)]
    yield from (("depend", value) for value in dict.fromkeys(needed))
    yield "datahash", digest


def install_scripts(job: BundleJob) -> dict[str, bytes]:
    """The scripts by their names: apk has one for each moment, and tells nothing more."""
    bodies = scripts.bodies(job.project, job.plan.config.linux)
    return {f".{name}": scripts.script(bodies[moment], f"set -- {word}") for name, (moment, word) in _SCRIPTS.items() if moment in bodies}


def _checksum(node: Node) -> Mapping[str, str]:
    """What `apk audit` compares a file with: SHA-1 is what the format has."""
    if node.is_directory:
        return {}
    return {"APK-TOOLS.checksum.SHA1": node.digest("sha1")}
