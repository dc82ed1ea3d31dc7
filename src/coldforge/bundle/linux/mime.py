"""Kinds of files that systems do not know yet: a definition for the shared MIME database, the same in every Linux format.

Source: https://specifications.freedesktop.org/shared-mime-info-spec
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from coldforge.bundle import kinds
from coldforge.bundle.linux import desktop
from coldforge.project.config import Product

_SPACE: Final = "http://www.freedesktop.org/standards/shared-mime-info"


def icon_name(mime_type: str) -> str:
    """What the icon of a type is called (icon naming specification, "MIME types")."""
    return mime_type.replace("/", "-")


def definitions(product: Product) -> Iterator[tuple[str, bytes]]:
    """The path and content of the definitions; none when there is nothing to define."""
    root = Element("mime-info", xmlns=_SPACE)
    for mime_type, association in sorted(kinds.defined(product).items()):
        kind = SubElement(root, "mime-type", type=mime_type)
        words = association.name or f"{product.display_name or product.name} document"
        SubElement(kind, "comment").text = desktop.plain(words)
        if association.icon:
            SubElement(kind, "icon", name=icon_name(mime_type))
        for extension in association.extensions:
            SubElement(kind, "glob", pattern=f"*.{extension}")
    if len(root):
        yield f"usr/share/mime/packages/{desktop.identifier(product)}.xml", document(root)


def document(root: Element) -> bytes:
    """The text of an XML document."""
    indent(root)
    text: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"
