"""Where a program lies in any Linux system, and what it brings to its desktop: one list for every format that has such folders."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from coldforge.bundle.linux import desktop, metainfo, mime, theme
from coldforge.project.config import Product


def place(package: str, vendor: str = "") -> str:
    """The folder of the tree."""
    return f"opt/{vendor}/{package}" if vendor else f"usr/lib/{package}"


def files(product: Product, project: Path, epoch: int) -> Iterator[tuple[str, bytes]]:
    """Paths and contents: menu entries, icons, kinds of files, metainfo. `project` is the source's root, `epoch` dates the release."""
    yield from desktop.files(product, project)
    yield from theme.files(product, project)
    yield from mime.definitions(product)
    yield from metainfo.files(product, epoch)
