"""`appimage`: one file that runs everywhere without being installed: a runtime, and behind it a squashfs image of the tree.

`AppRun`, which the runtime starts, is a link to the program itself: nothing stands between them, no shell is needed, and a boot loader
finds its tree where the link leads to. Other programs of the product lie in `usr/bin` of the image.
Source: https://github.com/AppImage/AppImageSpec/blob/master/draft.md
"""

from __future__ import annotations

import dataclasses
import re
import shutil
from pathlib import Path
from typing import Final

from coldforge.bundle import BundleJob
from coldforge.bundle.linux import desktop, documents, runtime, share, squashfs
from coldforge.bundle.linux.installed import installed
from coldforge.bundle.tree import Node, Tree, sorted_with_folders
from coldforge.host import files
from coldforge.plan import names
from coldforge.project.config import Product
from coldforge.project.runtimes import FILE
from coldforge.recipes import fill, find
from coldforge.target import Target

_ENTRY: Final = "build/templates/appimage/desktop"
_ICON: Final = "build/templates/appimage/icon.svg"
# Level 9 of zstd: a tenth of the time of the default 15, seven per cent larger. Blocks of 128 KiB are what runtimes are built for.
_LEVEL: Final = 9
_OPTIONS: Final = ("-comp", "zstd", "-Xcompression-level", str(_LEVEL), "-b", "131072", "-root-owned")


class AppImage:
    """Writes runtime and image one after the other."""

    format = "appimage"
    templates: tuple[str, ...] = (documents.MANUAL, desktop.TEMPLATE, _ENTRY, _ICON, FILE)
    settings: tuple[str, ...] = ("appimage", "icon")
    digests: tuple[str, ...] = ()

    def tool(self) -> str:
        """What the runtime is stands in images.toml, a template."""
        return f"zstd level {_LEVEL}"

    def bundle(self, job: BundleJob, tree: Tree, out: Path) -> None:
        first = runtime.content(Target.parse(job.target.target), job.project)
        update = job.plan.config.appimage.update
        with files.scratch("appimage") as folder:
            squashfs.write(layout(job, tree, folder), folder / "image", _OPTIONS, job.tools)
            with out.open("wb") as stream, (folder / "image").open("rb") as image:
                stream.write(runtime.with_update(first, update) if update else first)
                shutil.copyfileobj(image, stream, files.CHUNK)
        out.chmod(0o755)


def layout(job: BundleJob, tree: Tree, scratch: Path) -> Tree:
    """What is in the image: the tree as other packages install it, and at the top what is started and shown."""
    product = job.plan.product
    package = names.debian_package(product.name)
    name, icon = desktop.identifier(product), _icon(product, job.project)
    own = [(f"{name}.desktop", entry(product, job.project)), (f"{name}{icon.suffix.lower()}", icon.read_bytes())]
    made = [*share.files(product, job.project, tree.epoch), *documents.manuals(job, tree), *documents.licences(job, package), *own]
    content = installed(job, tree, made, below=share.place(package), scratch=scratch)
    small = f"usr/share/icons/hicolor/256x256/apps/{name}.png"
    top = [
        Node(path="AppRun", mode=0o777, link=f"{share.place(package)}/{product.main.name}"),
        Node(path=".DirIcon", mode=0o777, link=small if any(node.path == small for node in content) else own[1][0]),
    ]
    return dataclasses.replace(content, nodes=sorted_with_folders([*content, *top]))


def _icon(product: Product, project: Path) -> Path:
    """The icon's file. The format demands one, so that a product without gets a plain one of ours."""
    return project / product.icon if product.icon else find(_ICON, project)


def entry(product: Product, project: Path) -> bytes:
    """The one desktop entry at the top: that of the main program, or one that no menu shows for a program of the terminal."""
    name, executable = desktop.identifier(product), product.main
    shown = next((text for shown, text in desktop.entries(product, project) if shown == executable), b"")
    if not shown:
        values = {"name": desktop.escaped(product.display_name or product.name), "executable": executable.name, "icon": name}
        return fill(_ENTRY, values, project)
    own = re.sub(rb"(?m)^TryExec=.*\n", b"", shown)  # it is on no path for programs
    return own if b"\nIcon=" in own else own.replace(b"\n", f"\nIcon={name}\n".encode(), 1)
