"""Icons in every size that themes look for: the same in every Linux format.

Source: https://specifications.freedesktop.org/icon-theme-spec
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from coldforge.bundle import icons, kinds
from coldforge.bundle.linux import desktop, mime
from coldforge.project.config import Product

SIZES: Final = (16, 22, 24, 32, 36, 48, 64, 72, 96, 128, 192, 256, 512)  # of the theme that all others fall back to, hicolor
_THEME: Final = "usr/share/icons/hicolor"


def files(product: Product, project: Path) -> Iterator[tuple[str, bytes]]:
    """Paths and contents: the product's, where anything shows it, and those of the files that it opens."""
    shown = product.identifier or any(desktop.entries(product, project))
    if product.icon and shown:
        yield from _sizes(project / product.icon, f"apps/{desktop.identifier(product)}")
    for mime_type, association in kinds.defined(product).items():
        if association.icon:
            yield from _sizes(project / association.icon, f"mimetypes/{mime.icon_name(mime_type)}")


def _sizes(source: Path, name: str) -> Iterator[tuple[str, bytes]]:
    if source.suffix.lower() == ".svg":
        yield f"{_THEME}/scalable/{name}.svg", source.read_bytes()
    yield from ((f"{_THEME}/{size}x{size}/{name}.png", png) for size, png in icons.drawn(source, SIZES).items())
