"""`deb`: the package for Debian, Ubuntu and their kin.

    /usr/lib/<package>/            the tree
    /usr/bin/<executable>          -> ../lib/<package>/<executable>
    /usr/share/doc/<package>/      copyright, changelog.Debian.gz
    /usr/share/man/man1/           a page for each executable
    /usr/share/applications/, /usr/share/icons/hicolor/   for what belongs into a menu

Layout and names follow Debian Policy 4.7; what lintian would still say of a frozen tree is explained
in the overrides that the package carries.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from coldforge.bundle import BundleJob, control, desktop, documents, nfpm
from coldforge.bundle.tree import Node, Tree
from coldforge.errors import Problem, Refused
from coldforge.host import clock, files
from coldforge.plan import libraries, names
from coldforge.target import Target

TEMPLATES: Final = (*documents.TEMPLATES, desktop.TEMPLATE, libraries.DEBIAN)
_LIBRARY: Final = re.compile(r"\.so(\.[0-9A-Za-z_-]+)*$")


class Deb:
    """Writes the package with nfpm, every file of it named with owner, mode and time."""

    format = "deb"
    templates: tuple[str, ...] = TEMPLATES

    def tool(self) -> str:
        """The compressor is nfpm's own."""
        return nfpm.tool()

    def bundle(self, job: BundleJob, tree: Tree, out: Path) -> None:
        _check(job)
        with files.scratch("deb") as folder:
            nfpm.package(configuration(job, tree, folder), "deb", out, tree.epoch)


def _packages(job: BundleJob) -> dict[str, str]:
    """The packages of all libraries: the table's, and what the project says."""
    return {**libraries.known(job.project), **{name: control.line(text) for name, text in job.plan.config.deb.libraries.items()}}


def _check(job: BundleJob) -> None:
    """Raises Refused when the package would be installed without a library that it cannot start without."""
    left = libraries.unknown(job.payload.needs, _packages(job), job.plan.config.deb.depends)
    problems = tuple(Problem(what=f"{need.soname}, which {need.by} needs, is in no package of Debian's that is known") for need in left)
    if problems:
        hint = (
            'Say which package brings it: [tool.coldforge.deb] depends, or libraries."NAME.so.1" = "package" (with no package, "", when '
            "the program can do without). Or install the library where the freeze runs, so that it is collected."
        )
        raise Refused(f"{job.artifact.name} would not work where it is installed", problems=problems, hint=hint)


def configuration(job: BundleJob, tree: Tree, scratch: Path) -> dict[str, Any]:
    """What nfpm is told. Generated files are put into `scratch`; nothing of its path gets into the package."""
    plan, config = job.plan, job.plan.config.deb
    product = plan.product
    packages = _packages(job)
    package = config.package or names.debian_package(product.name)
    version = names.debian(names.Version.parse(product.version), config.revision)
    return {
        "name": package,
        "arch": Target.parse(job.target.target).debian_arch,
        "platform": "linux",
        # nfpm splits and rewrites a version that it understands; this one is final
        "version": version.rpartition("-")[0],
        "version_schema": "none",
        "release": str(config.revision),
        "section": control.line(config.section),
        "priority": config.priority,
        "maintainer": control.line(product.maintainer),
        "description": f"{control.synopsis(product)}\n{control.extended(product)}",
        "homepage": control.line(product.homepage),
        "mtime": clock.iso(tree.epoch),
        "depends": list(control.depends(job.payload, packages, config.depends)),
        "recommends": list(control.recommends(job.payload, packages, config.recommends)),
        "suggests": [*map(control.line, config.suggests)],
        "conflicts": [*map(control.line, config.conflicts)],
        "disable_globbing": True,
        "contents": [*_tree(tree, package), *_launchers(job, package, tree.epoch), *_texts(job, package, tree, scratch)],
        "deb": {"compression": compression(job.target.floor or job.payload.glibc_floor)},
    }


def compression(floor: str) -> str:
    """What dpkg reads on every system that the floor promises: zstd since 1.21.18, of Debian 12; Debian 11 has glibc 2.31.

    zstd takes two seconds where gzip takes ten and xz minutes. The bytes of neither depend on the number of threads.
    """
    old = tuple(int(part) for part in floor.removeprefix("glibc-").split(".") if part.isdecimal()) <= (2, 31)
    return "gzip" if floor and old else "zstd"


def _entry(path: str, mode: int, epoch: int, **more: str) -> dict[str, Any]:
    return {"dst": path, "file_info": {"owner": "root", "group": "root", "mode": mode, "mtime": clock.iso(epoch)}, **more}


def _tree(tree: Tree, package: str) -> Iterator[dict[str, Any]]:
    yield _entry(f"/usr/lib/{package}", 0o755, tree.epoch, type="dir")
    for node in tree:
        path = f"/usr/lib/{package}/{node.path}"
        if node.source:
            yield _entry(path, mode(node), tree.epoch, src=str(node.source))
        elif node.link:
            yield _entry(path, 0o777, tree.epoch, type="symlink", src=node.link)
        else:
            yield _entry(path, 0o755, tree.epoch, type="dir")


def mode(node: Node) -> int:
    """Shared libraries are not executable in a package (Debian Policy 10.2)."""
    return 0o644 if _LIBRARY.search(node.path) else node.mode


def _launchers(job: BundleJob, package: str, epoch: int) -> Iterator[dict[str, Any]]:
    for executable in job.plan.product.executables:
        yield _entry(f"/usr/bin/{executable.name}", 0o777, epoch, type="symlink", src=f"../lib/{package}/{executable.name}")


def _texts(job: BundleJob, package: str, tree: Tree, scratch: Path) -> Iterator[dict[str, Any]]:
    """What is generated, written into `scratch`."""
    made = dict([*documents.files(job, tree, package), *desktop.files(job.plan.product, job.project)])
    for number, path in enumerate(sorted(made)):
        source = scratch / str(number)
        source.write_bytes(made[path])
        yield _entry(path, 0o644, tree.epoch, src=str(source))
