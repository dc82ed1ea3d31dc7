"""What packages for macOS' Installer are called, and where they install."""

from __future__ import annotations

from collections.abc import Iterator

from coldforge.errors import ConfigurationError, Problem
from coldforge.plan import macos, names
from coldforge.project.config import Config, Product


def is_application(product: Product) -> bool:
    """Whether it is installed as an application: it has a program with windows."""
    return any(not executable.console for executable in product.executables)


def identifier(product: Product, config: Config) -> str:
    """What receipts know it by; empty if nobody says."""
    return config.pkg.identifier or (f"{product.identifier}.pkg" if product.identifier else "")


def location(product: Product, config: Config) -> str:
    """The folder that it is installed in."""
    return config.pkg.location or ("/Applications" if is_application(product) else "/usr/local")


def problems(product: Product, config: Config, version: names.Version) -> Iterator[Problem]:
    """What no package can be made of."""
    if is_application(product):
        yield from macos.problems(product, config, version)
        return
    if not identifier(product, config):
        hint = 'write identifier = "org.example.demo" into [tool.coldforge]'
        yield Problem(what="receipts know a package by its identifier, and there is none", hint=hint)
    try:
        names.bundle(version)
    except ConfigurationError as error:
        yield Problem(what=error.what, hint=error.hint)
