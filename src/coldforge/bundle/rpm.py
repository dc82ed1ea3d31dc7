"""`rpm`: the package for Fedora, Red Hat, openSUSE and their kin.

nfpm writes it, which streams the payload. Libraries that the tree leaves to the system are asked for by their names, which every
distribution's packages provide: https://rpm-software-management.github.io/rpm/manual/dependencies.html
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from coldforge.bundle import BundleJob, control, desktop, documents, nfpm
from coldforge.bundle.installed import packaged
from coldforge.bundle.tree import Node, Tree
from coldforge.host import clock, files
from coldforge.plan import libraries, names
from coldforge.target import Target

# What rpm calls the files of a package that are no program: `rpm -qd`, and `--excludedocs` of small systems.
_KINDS: Final = {"usr/share/licenses/": "license", "usr/share/doc/": "doc", "usr/share/man/": "doc"}


class Rpm:
    """Writes the package with nfpm, every file of it named with owner, mode and time."""

    format = "rpm"
    templates: tuple[str, ...] = (documents.MANUAL, desktop.TEMPLATE)
    settings: tuple[str, ...] = ("rpm",)
    digests: tuple[str, ...] = ()

    def tool(self) -> str:
        """The compressor is nfpm's own."""
        return nfpm.tool()

    def bundle(self, job: BundleJob, tree: Tree, out: Path) -> None:
        with files.scratch("rpm") as folder:
            own = documents.licences(job, name(job))
            content = packaged(job, tree, own, package=name(job), scratch=folder)
            nfpm.package(configuration(job, content), "rpm", out, tree.epoch)


def name(job: BundleJob) -> str:
    """What the package is called."""
    return job.plan.config.rpm.package or names.debian_package(job.plan.product.name)


def configuration(job: BundleJob, content: Tree) -> dict[str, Any]:
    """What nfpm is told."""
    plan, config = job.plan, job.plan.config.rpm
    product, needs = plan.product, job.payload.needs
    found = libraries.rpm(needs, "", "recommended")
    return {
        "name": name(job),
        "arch": Target.parse(job.target.target).debian_arch,  # nfpm takes Go's words, which are Debian's, and translates them
        "platform": "linux",
        # nfpm splits and rewrites a version that it understands; this one is final
        "version": names.rpm(names.Version.parse(product.version)),
        "version_schema": "none",
        "release": str(config.revision),
        "maintainer": control.line(product.maintainer),
        "description": f"{control.synopsis(product)}\n{control.extended(product)}",
        "homepage": control.line(product.homepage),
        "license": control.line(product.license) or "unknown",
        "mtime": clock.iso(content.epoch),
        "depends": [*dict.fromkeys([*libraries.rpm(needs, job.payload.glibc_floor), *map(control.line, config.depends)])],
        "recommends": [*dict.fromkeys([*found, *map(control.line, config.recommends)])],
        "suggests": [*map(control.line, config.suggests)],
        "conflicts": [*map(control.line, config.conflicts)],
        "provides": [*map(control.line, config.provides)],
        "replaces": [*map(control.line, config.replaces)],
        "disable_globbing": True,
        "contents": [_entry(node, content.epoch) for node in content if _owned(node, name(job))],
        "rpm": {
            "buildhost": "coldforge",
            "summary": control.synopsis(product),
            "group": control.line(config.group),
            "compression": "zstd:6",  # every rpm since 4.14 reads it, of 2017
        },
    }


def _owned(node: Node, package: str) -> bool:
    """Folders of the system belong to the system: those of a package bear its name, or lie below one that does."""
    return not node.is_directory or package in node.path.split("/")


def _entry(node: Node, epoch: int) -> dict[str, Any]:
    facts = {"owner": "root", "group": "root", "mode": node.mode, "mtime": clock.iso(epoch)}
    return {"dst": f"/{node.path}", "file_info": facts, **dict(_what(node))}


def _what(node: Node) -> Iterator[tuple[str, str]]:
    if node.link:
        yield from {"type": "symlink", "src": node.link}.items()
    elif node.source:
        kind = "config|noreplace" if node.config else next((kind for top, kind in _KINDS.items() if node.path.startswith(top)), "")
        yield from {"src": str(node.source), **({"type": kind} if kind else {})}.items()
    else:
        yield "type", "dir"
