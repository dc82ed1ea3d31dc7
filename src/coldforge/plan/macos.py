"""What applications for macOS are called, and what their makers have to say first."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from coldforge.errors import ConfigurationError, Problem
from coldforge.plan import names
from coldforge.project.config import Config, Product

# https://developer.apple.com/documentation/bundleresources/information-property-list/cfbundleidentifier
_IDENTIFIER: Final = re.compile(r"[A-Za-z0-9.-]+")


def display_name(product: Product) -> str:
    """The name that people read, on one line."""
    return " ".join((product.display_name or product.name).split())


def app(product: Product) -> str:
    """The folder that is the application: what people read in the Finder, with `.app`.

    >>> app(Product(name="demo", version="1", display_name="Demo: a/b"))
    'Demo a b.app'
    """
    legal = " ".join(re.sub(r"[/:\\\x00-\x1f\x7f]+", " ", unicodedata.normalize("NFC", display_name(product))).split()).lstrip(".")
    return f"{legal or product.name}.app"


def problems(product: Product, _config: Config, version: names.Version) -> Iterator[Problem]:
    """What is no application to macOS."""
    if not product.identifier:
        hint = 'write identifier = "org.example.demo" into [tool.coldforge]'
        yield Problem(what="macOS knows an application by its identifier, and there is none", hint=hint)
    elif not _IDENTIFIER.fullmatch(product.identifier):
        yield Problem(what=f"{product.identifier} is no identifier to macOS", hint="it has letters, digits, hyphens and dots")
    if all(executable.console for executable in product.executables):
        hint = "write console = false into the executable's table; programs for the terminal are a `tar.gz`"
        yield Problem(what="an application has a program with windows, and the product has none", hint=hint)
    try:
        names.bundle(version)
    except ConfigurationError as error:
        yield Problem(what=error.what, hint=error.hint)
