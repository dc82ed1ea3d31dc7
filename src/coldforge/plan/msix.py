"""What Windows' app packages are called, and what their makers have to say first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from coldforge.errors import ConfigurationError, Problem
from coldforge.plan import names
from coldforge.project.config import Config, Product

# https://learn.microsoft.com/uwp/schemas/appxpackage/uapmanifestschema/element-identity
_NAME: Final = re.compile(r"[A-Za-z0-9.-]{3,50}")


def name(product: Product) -> str:
    """The name of the package for ever: the identifier, in the characters that there are for it."""
    return product.identifier.replace("_", "-")


def problems(product: Product, config: Config, version: names.Version) -> Iterator[Problem]:
    """What Windows would refuse, or could not show."""
    if not product.identifier:
        hint = 'write identifier = "org.example.demo" into [tool.coldforge]'
        yield Problem(what="an msix is called by the product's identifier, and there is none", hint=hint)
    elif not _NAME.fullmatch(name(product)):
        yield Problem(what=f"{product.identifier} is no name of an msix", hint="it has 3 to 50 characters")
    if not config.windows.msix_publisher:
        hint = 'write msix-publisher = "CN=…", the subject of the certificate that it will be signed with, into [tool.coldforge.windows]'
        yield Problem(what="an msix names the certificate of its publisher, and there is none", hint=hint)
    if not product.icon:
        hint = 'write icon = "assets/demo.svg" into [tool.coldforge]'
        yield Problem(what="an msix shows a picture, and the product has no icon", hint=hint)
    try:
        names.msix(version)
    except ConfigurationError as error:
        yield Problem(what=error.what, hint=error.hint)
