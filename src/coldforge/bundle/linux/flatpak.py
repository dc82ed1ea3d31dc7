"""`flatpak`: a bundle of one application for every system with flatpak; it runs confined, on a runtime that the system fetches.

flatpak's own tool writes it, from a folder without building anything. What would differ each time is the moment of creation in the bundle's
head, in which nothing else is changed.
Sources: https://docs.flatpak.org/en/latest/flatpak-command-reference.html, OSTREE_STATIC_DELTA_SUPERBLOCK_FORMAT of ostree, and the
serialisation of GVariant: https://people.gnome.org/~desrt/gvariant-serialisation.pdf
"""

from __future__ import annotations

import dataclasses
import os
import shutil
from pathlib import Path
from typing import Final

from coldforge.bundle import BundleJob
from coldforge.bundle.linux import desktop, documents, share
from coldforge.bundle.linux.installed import installed
from coldforge.bundle.staged import lay_out
from coldforge.bundle.tree import Node, Tree, sorted_with_folders
from coldforge.errors import BuildFailed
from coldforge.host import clock, files
from coldforge.plan import names
from coldforge.target import Target

PROGRAM: Final = "flatpak"
# What a program with windows cannot show one without.
_WINDOWS: Final = ("--share=ipc", "--socket=wayland", "--socket=fallback-x11", "--device=dri")


class Flatpak:
    """Has flatpak export a folder into a repository of its own, and make a bundle of that."""

    format = "flatpak"
    templates: tuple[str, ...] = (documents.MANUAL, desktop.TEMPLATE)
    settings: tuple[str, ...] = ("flatpak", "icon")
    digests: tuple[str, ...] = ()

    def tool(self) -> str:
        return ""

    def bundle(self, job: BundleJob, tree: Tree, out: Path) -> None:
        name, arch = job.plan.product.identifier, Target.parse(job.target.target).arch
        branch = job.plan.config.flatpak.branch
        with files.scratch("flatpak") as folder:
            lay_out(layout(job, tree, folder), folder / "app")
            fixed = (f"--timestamp={clock.iso(tree.epoch)}", f"--subject={name}", "--disable-fsync", "--no-update-summary")
            with job.tools.bench(folder) as bench:
                bench.run(PROGRAM, "build-finish", f"--command={job.plan.product.main.name}", *permissions(job), "app")
                bench.run(PROGRAM, "build-export", "--disable-sandbox", f"--arch={arch}", *fixed, "repo", "app", branch)
                bench.run(PROGRAM, "build-bundle", f"--arch={arch}", "repo", "bundle", name, branch)
                shutil.copyfile(bench.get("bundle"), out)
            stamp(out, tree.epoch)


def permissions(job: BundleJob) -> tuple[str, ...]:
    """What the program may do: show windows if it has some, and what is configured."""
    windows = _WINDOWS if not job.plan.product.main.console else ()
    return tuple(dict.fromkeys([*windows, *job.plan.config.flatpak.permissions]))


def layout(job: BundleJob, tree: Tree, scratch: Path) -> Tree:
    """The folder that is exported: what other packages have in /usr is in `files`, which is /app where it runs."""
    product, package = job.plan.product, names.debian_package(job.plan.product.name)
    made = [
        *share.files(product, job.project, tree.epoch),
        *documents.manuals(job, tree),
        *documents.licences(job, package),
        ("metadata", metadata(job)),
    ]
    content = installed(job, tree, made, below=share.place(package), scratch=scratch)
    nodes = [dataclasses.replace(node, path=_below(node)) for node in content]
    return dataclasses.replace(content, nodes=sorted_with_folders(nodes))


def _below(node: Node) -> str:
    top, separator, rest = node.path.partition("/")
    return f"files{separator}{rest}" if top == "usr" else node.path


def metadata(job: BundleJob) -> bytes:
    """The text of `metadata`, to which flatpak adds what the program may do."""
    config, arch = job.plan.config.flatpak, Target.parse(job.target.target).arch
    lines = [
        "[Application]",
        f"name={job.plan.product.identifier}",
        f"runtime={config.runtime}/{arch}/{config.runtime_version}",
        f"sdk={config.sdk}/{arch}/{config.runtime_version}",
    ]
    return "\n".join([*lines, ""]).encode()


def stamp(bundle: Path, epoch: int) -> None:
    """Write the moment of creation into the head of a bundle: eight bytes behind its first part, whose end the file's last bytes tell."""
    with bundle.open("r+b") as stream:
        size = stream.seek(0, os.SEEK_END)
        width = next(width for width in (1, 2, 4, 8) if size < 1 << 8 * width)
        stream.seek(-width, os.SEEK_END)
        place = -(-int.from_bytes(stream.read(width), "little") // 8) * 8
        stream.seek(place)
        found = int.from_bytes(stream.read(8), "big")  # ostree keeps times in network order, on every machine
        if not clock.EARLIEST < found < clock.LATEST:
            raise BuildFailed(f"the bundle that {PROGRAM} wrote is of an unknown form", why=f"There is no time at byte {place}.")
        stream.seek(place)
        stream.write(epoch.to_bytes(8, "big"))
