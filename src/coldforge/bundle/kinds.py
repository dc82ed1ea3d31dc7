"""Kinds of files that a product brings, because systems do not know them yet."""

from __future__ import annotations

from coldforge.project.config import Product
from coldforge.project.desktop import FileAssociation


def defined(product: Product) -> dict[str, FileAssociation]:
    """What the product defines, by type: one without extensions is known to systems."""
    every = [association for executable in product.executables for association in executable.file_associations]
    return {association.mime_type: association for association in reversed(every) if association.extensions}
