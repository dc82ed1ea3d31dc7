"""What software centres show of a product: its AppStream metainfo, the same in every Linux format.

Source: https://www.freedesktop.org/software/appstream/docs/chap-Metadata.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from xml.etree.ElementTree import Element, SubElement

from coldforge.bundle.linux import control, desktop, mime
from coldforge.host import clock
from coldforge.plan import names
from coldforge.project.config import Product
from coldforge.project.licenses import canonical
from coldforge.project.metadata import NOBODY

_URLS: Final = {"issues": "bugtracker", "documentation": "help", "source": "vcs-browser", "funding": "donation"}


def files(product: Product, epoch: int) -> Iterator[tuple[str, bytes]]:
    """The path and content of the metainfo; none for a product without an identifier, which its id must be."""
    if product.identifier:
        yield f"usr/share/metainfo/{product.identifier}.metainfo.xml", mime.document(component(product, epoch))


def component(product: Product, epoch: int) -> Element:
    """The component: an application of the desktop when it has windows, else one of the console. `epoch` dates its release."""
    windows = any(not executable.console for executable in product.executables)
    root = Element("component", type="desktop-application" if windows else "console-application")
    for tag, text in _texts(product):
        SubElement(root, tag).text = text
    SubElement(SubElement(root, "description"), "p").text = (
        desktop.plain(product.description) or f"{desktop.plain(control.capitalised(product))}."
    )
    for executable in desktop.menu(product):
        SubElement(root, "launchable", type="desktop-id").text = desktop.entry_name(product, executable)
    if product.icon:
        SubElement(root, "icon", type="stock").text = desktop.identifier(product)
    for kind, url in _urls(product):
        SubElement(root, "url", type=kind).text = url
    _lists(root, product)
    SubElement(root, "content_rating", type="oars-1.1")
    _release(SubElement(root, "releases"), names.Version.parse(product.version), epoch)
    return root


def _texts(product: Product) -> Iterator[tuple[str, str]]:
    yield "id", product.identifier
    yield "metadata_license", "CC0-1.0"  # of this file, which says nothing but facts
    if licence := canonical(product.license):
        yield "project_license", licence
    yield "name", desktop.plain(product.display_name or product.name)
    yield "summary", desktop.plain(control.capitalised(product))
    if NOBODY not in product.maintainer:
        yield "developer_name", desktop.plain(product.maintainer.partition(" <")[0])


def _urls(product: Product) -> Iterator[tuple[str, str]]:
    if product.homepage:
        yield "homepage", product.homepage
    yield from ((_URLS[label], url) for label, url in product.urls.items() if url != product.homepage)


def _lists(root: Element, product: Product) -> None:
    provides = SubElement(root, "provides")
    for executable in product.executables:
        SubElement(provides, "binary").text = executable.name
    for kind in dict.fromkeys(kind for executable in product.executables for kind in desktop.mime_types(executable)):
        SubElement(provides, "mediatype").text = kind
    categories = [word for word in desktop.categories(product.categories).split(";") if word and not word.startswith("X-")]
    if desktop.menu(product) and categories:
        listed = SubElement(root, "categories")
        for word in categories:
            SubElement(listed, "category").text = word
    if product.keywords:
        keywords = SubElement(root, "keywords")
        for word in product.keywords:
            SubElement(keywords, "keyword").text = desktop.plain(word)


def _release(releases: Element, version: names.Version, epoch: int) -> None:
    kind = "development" if version.stage not in ("", "post") else "stable"
    SubElement(releases, "release", version=names.appstream(version), type=kind, date=clock.iso(epoch)[:10])
