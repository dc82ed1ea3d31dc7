"""What flatpak takes: ids, and the words of permissions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from coldforge.errors import Problem
from coldforge.plan import names
from coldforge.project.config import Config, Product

# Of D-Bus names, as flatpak checks them: three parts, no digit in front, a hyphen in the last one only.
_ID: Final = re.compile(r"(?=.{1,255}$)([A-Za-z_][A-Za-z0-9_]*\.){2,}[A-Za-z_][A-Za-z0-9_-]*")
# https://docs.flatpak.org/en/latest/sandbox-permissions.html: what a program may be given, nothing that changes the package otherwise.
_PERMISSION: Final = re.compile(r"--(no)?(share|socket|device|filesystem|allow|env|persist|(system-)?(own|talk)-name|add-policy)=\S.*")


def problems(product: Product, config: Config, _version: names.Version) -> Iterator[Problem]:
    """What flatpak would refuse."""
    if not product.identifier:
        yield Problem(
            what="a flatpak is called by the product's identifier, and there is none",
            hint='write identifier = "org.example.demo" into [tool.coldforge]',
        )
    elif not _ID.fullmatch(product.identifier):
        hint = "it has three or more parts of letters, digits and `_`, such as org.example.demo; a hyphen may be in the last one"
        yield Problem(what=f"{product.identifier} is no name of a flatpak", hint=hint)
    for text in config.flatpak.permissions:
        if not _PERMISSION.fullmatch(text):
            yield Problem(
                what=f"{text!r} is no permission of a flatpak", hint="write it like --share=network or --filesystem=xdg-documents"
            )
