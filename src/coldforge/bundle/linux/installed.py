"""What a package installs: the tree below `/usr/lib/<package>`, its programs in `/usr/bin`, and what else belongs to a program."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from coldforge.bundle import BundleJob
from coldforge.bundle.linux import documents, given, share
from coldforge.bundle.tree import Node, Tree, sorted_with_folders
from coldforge.plan.model import Plan

_ZSH: Final = {"deb": "vendor-completions"}  # where Debian's zsh looks; it is site-functions everywhere else
_LIBRARY: Final = re.compile(r"\.so(\.[0-9A-Za-z_-]+)*$")


def packaged(job: BundleJob, tree: Tree, own: Iterable[tuple[str, bytes]], *, package: str, scratch: Path) -> Tree:
    """What a package manager installs: the program with all that it brings to any system, the format's `own` files, the project's.

    Raises ConfigurationError when two of them would be in one place.
    """
    product, config = job.plan.product, job.plan.config.linux
    made = [
        *share.files(product, job.project, tree.epoch),
        *documents.manuals(job, tree),
        *given.completions(product, job.project, zsh=_ZSH.get(job.artifact.format, "site-functions")),
        *own,
    ]
    content = installed(job, tree, made, below=share.place(package, config.vendor), scratch=scratch)
    nodes = list(given.nodes(job.project, config))
    given.refuse_clashes(nodes, content, job.project, job.plan)
    every = {node.path: node for node in (*nodes, *content)}  # what both have are folders
    return Tree(nodes=sorted_with_folders([*every.values()]), epoch=tree.epoch)


def check(plan: Plan, project: Path) -> None:
    """Raises ConfigurationError for what `packaged` would, as far as it can be told before anything is built."""
    product, config = plan.product, plan.config.linux
    made = [*share.files(product, project, plan.source.epoch), *given.completions(product, project)]
    paths = [*(path for path, _ in made), *(f"usr/bin/{executable.name}" for executable in product.executables)]
    nodes = sorted_with_folders([Node(path=path, mode=0o644, source=project) for path in paths])
    given.refuse_clashes(given.nodes(project, config), nodes, project, plan)


def installed(job: BundleJob, tree: Tree, made: Iterable[tuple[str, bytes]], *, below: str, scratch: Path) -> Tree:
    """The tree in the folder `below`, a link for each program and the files that are `made`, with their folders up to the root.

    Those are written into `scratch`; nothing of its path gets into a package.
    """
    nodes = [*_moved(tree, below), *_launchers(job, below), *_written(dict(made), scratch)]
    return Tree(nodes=sorted_with_folders([Node(path=below, mode=0o755), *nodes]), epoch=tree.epoch)


def _moved(tree: Tree, below: str) -> Iterator[Node]:
    for node in tree:
        yield replace(node, path=f"{below}/{node.path}", mode=mode(node))


def mode(node: Node) -> int:
    """Shared libraries are not executable in a package (Debian Policy 10.2)."""
    return 0o644 if node.source and _LIBRARY.search(node.path) else node.mode


def _launchers(job: BundleJob, below: str) -> Iterator[Node]:
    """Relative links: the boot loaders look for their tree where a link leads to. From one top folder to another they are
    absolute (Debian Policy 10.5)."""
    for executable in job.plan.product.executables:
        program = f"{below}/{executable.name}"
        link = posixpath.relpath(program, "usr/bin") if below.startswith("usr/") else f"/{program}"
        yield Node(path=f"usr/bin/{executable.name}", mode=0o777, link=link)


def _written(made: Mapping[str, bytes], scratch: Path) -> Iterator[Node]:
    for number, path in enumerate(sorted(made)):
        source = scratch / str(number)
        source.write_bytes(made[path])
        yield Node(path=path.removeprefix("/"), mode=0o644, size=len(made[path]), source=source)
