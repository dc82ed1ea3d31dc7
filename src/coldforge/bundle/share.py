"""What a product brings to any Linux desktop, below `usr/share`: one list for every format that has such folders."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from coldforge.bundle import desktop, icons, metainfo, mime
from coldforge.project.config import Product


def files(product: Product, project: Path, epoch: int) -> Iterator[tuple[str, bytes]]:
    """Paths and contents: menu entries, icons, kinds of files, metainfo. `project` is the source's root, `epoch` dates the release."""
    yield from desktop.files(product, project)
    yield from icons.files(product, project)
    yield from mime.definitions(product)
    yield from metainfo.files(product, epoch)
