"""Info.plist: what an application for macOS is to the system.

Source: https://developer.apple.com/documentation/bundleresources/information-property-list
"""

from __future__ import annotations

import plistlib
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from coldforge.bundle import BundleJob
from coldforge.plan import macos, names
from coldforge.project.config import Product
from coldforge.project.desktop import FileAssociation
from coldforge.project.macos import usage_key

ICON: Final = "AppIcon"
_MENU: Final = {
    "AudioVideo": "video", "Audio": "music", "Video": "video", "Development": "developer-tools", "Education": "education",
    "Game": "games", "Graphics": "graphics-design", "Network": "utilities", "Office": "productivity", "Science": "education",
    "Settings": "utilities", "System": "utilities", "Utility": "utilities",
}  # fmt: skip
"""Apple's words for the main categories of https://specifications.freedesktop.org/menu-spec, by which `categories` are named."""
# Kinds of files that macOS knows by other words (uniform type identifiers).
_KNOWN: Final = {
    "text/plain": "public.plain-text", "text/html": "public.html", "text/csv": "public.comma-separated-values-text",
    "text/xml": "public.xml", "application/xml": "public.xml", "application/json": "public.json", "application/pdf": "com.adobe.pdf",
    "application/zip": "public.zip-archive", "image/png": "public.png", "image/jpeg": "public.jpeg", "image/gif": "com.compuserve.gif",
    "image/tiff": "public.tiff", "image/svg+xml": "public.svg-image", "audio/mpeg": "public.mp3", "video/mp4": "public.mpeg-4",
}  # fmt: skip


def written(job: BundleJob) -> bytes:
    """The file."""
    return plistlib.dumps(keys(job), sort_keys=True)


def keys(job: BundleJob) -> dict[str, Any]:
    """The keys: those that the configuration gives as they are come first, what systems decide by last."""
    product, config = job.plan.product, job.plan.config.macos
    version, name = names.Version.parse(product.version), macos.display_name(product)
    category = config.category or next((_MENU[each] for each in product.categories if each in _MENU), "")
    since = job.target.floor or job.payload.macos_floor
    return {
        "NSHighResolutionCapable": True,
        "NSPrincipalClass": "NSApplication",
        "NSSupportsAutomaticGraphicsSwitching": True,
        "CFBundleName": name,
        "CFBundleDisplayName": name,
        "CFBundleDevelopmentRegion": "en",
        **({"LSApplicationCategoryType": f"public.app-category.{category}"} if category else {}),
        **({"LSUIElement": True} if config.agent else {}),
        **({"NSHumanReadableCopyright": text} if (text := _author(product)) else {}),
        **msgspec.to_builtins(config.plist),
        **{usage_key(use): text for use, text in config.usage.items()},
        **_opened(product),
        **({"CFBundleIconFile": ICON} if product.icon else {}),
        **({"LSMinimumSystemVersion": since} if since else {}),
        "CFBundleExecutable": product.main.name,
        "CFBundleIdentifier": product.identifier,
        "CFBundleInfoDictionaryVersion": "6.0",
        "CFBundlePackageType": "APPL",
        "CFBundleShortVersionString": ".".join(map(str, version.release[:3])),
        "CFBundleVersion": names.bundle(version),
    }


def _author(product: Product) -> str:
    """Whose it is, without the address and without a year: nothing here knows when it was written."""
    holder = product.maintainer.partition("<")[0].strip()
    return f"Copyright © {holder}" if holder else ""


def kinds(product: Product) -> Iterator[tuple[str, FileAssociation]]:
    """The kinds of files that the product defines and the program that stands for it opens: each with macOS' word for it."""
    for kind in product.main.file_associations:
        if kind.extensions:
            yield f"{product.identifier}.{kind.extensions[0].lower().replace('_', '-').replace('+', '-')}", kind


def icon(word: str) -> str:
    """What the picture of a kind of files is called, without its ending."""
    return f"Document-{word.rpartition('.')[2]}"


def _opened(product: Product) -> dict[str, Any]:
    """Kinds of files and schemes of URLs. macOS asks the program that stands for the application, and no other in it."""
    own = {kind.mime_type: word for word, kind in kinds(product)}
    types = [_document(product, kind, own.get(kind.mime_type, "")) for kind in product.main.file_associations]
    schemes = [{"CFBundleURLName": product.identifier, "CFBundleURLSchemes": list(product.main.url_schemes)}]
    return {
        **({"CFBundleDocumentTypes": types} if types else {}),
        **({"UTExportedTypeDeclarations": [_declared(product, word, kind) for word, kind in kinds(product)]} if own else {}),
        **({"CFBundleURLTypes": schemes} if product.main.url_schemes else {}),
    }


def _document(product: Product, kind: FileAssociation, own: str) -> dict[str, Any]:
    word = own or _KNOWN.get(kind.mime_type, "")
    return {
        "CFBundleTypeName": kind.name or (_words(product) if own else kind.mime_type),
        "CFBundleTypeRole": "Editor",
        "LSHandlerRank": "Owner" if own else "Alternate",
        **({"LSItemContentTypes": [word]} if word else {"CFBundleTypeMIMETypes": [kind.mime_type]}),
        **({"CFBundleTypeIconFile": icon(own)} if kind.icon else {}),
    }


def _declared(product: Product, word: str, kind: FileAssociation) -> dict[str, Any]:
    return {
        "UTTypeIdentifier": word,
        "UTTypeDescription": kind.name or _words(product),
        "UTTypeConformsTo": ["public.data"],
        "UTTypeTagSpecification": {"public.filename-extension": list(kind.extensions), "public.mime-type": [kind.mime_type]},
        **({"UTTypeIconFile": icon(word)} if kind.icon else {}),
    }


def _words(product: Product) -> str:
    return f"{macos.display_name(product)} document"
