"""`arch`: the package for Arch Linux and its kin, `.pkg.tar.zst`.

Source: alpm-pkginfo(5) and alpm-mtree(5) of https://alpm.archlinux.page/
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from coldforge.bundle import BundleJob, control, desktop, documents, scripts, tars
from coldforge.bundle.installed import packaged
from coldforge.bundle.tree import Node, Tree
from coldforge.errors import Problem, Refused
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
            own = documents.licences(job, name(job))
            content = packaged(job, tree, own, package=name(job), scratch=folder)
            about = {".PKGINFO": information(job, content)}
            if bodies := scripts.bodies(job.project, job.plan.config.linux):
                about[".INSTALL"] = scripts.functions(bodies)
            about[".MTREE"] = tars.small("".join(listing(content)).encode())
            with out.open("wb") as raw, tars.zstd(raw) as stream:
                stream.write(tars.texts(about, tree.epoch))
                tars.write(content, stream)


def name(job: BundleJob) -> str:
    """What the package is called."""
    return job.plan.config.arch.package or names.debian_package(job.plan.product.name)


def _packages(job: BundleJob) -> dict[str, str]:
    given = job.plan.config.arch.libraries
    return {**libraries.known(job.project, libraries.ARCH), **{name: control.line(text) for name, text in given.items()}}


def _check(job: BundleJob) -> None:
    """Raises Refused when the package would be installed without a library that it cannot start without."""
    left = libraries.unknown(job.payload.needs, _packages(job), job.plan.config.arch.depends)
    problems = tuple(Problem(what=f"{need.soname}, which {need.by} needs, is in no package of Arch Linux's that is known") for need in left)
    if problems:
        hint = (
            'Say which package brings it: [tool.coldforge.arch] depends, or libraries."NAME.so.1" = "package" (with no package, "", when '
            "the program can do without)."
        )
        raise Refused(f"{job.artifact.name} would not work where it is installed", problems=problems, hint=hint)


def information(job: BundleJob, content: Tree) -> bytes:
    """The text of .PKGINFO."""
    return "".join(f"{key} = {control.line(value)}\n" for key, value in _lines(job, content) if value.strip()).encode()


def _lines(job: BundleJob, content: Tree) -> Iterator[tuple[str, str]]:
    product, config = job.plan.product, job.plan.config.arch
    yield from {
        "pkgname": name(job),
        "pkgbase": name(job),
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
    found = list(libraries.named(needs, _packages(job), "recommended"))
    for key, values in (
        ("replaces", config.replaces),
        ("conflict", config.conflicts),
        ("provides", config.provides),
        ("backup", [node.path for node in content if node.config]),
        ("depend", [*own, *libraries.named(needs, _packages(job)), *config.depends]),
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
