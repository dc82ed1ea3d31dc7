"""`.PKGINFO`: what packages for pacman and for apk say of themselves, in lines of `key = value`; written and read alike."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from coldforge.bundle.linux import control

NAME: Final = ".PKGINFO"


def text(pairs: Iterable[tuple[str, str]]) -> bytes:
    """The file; a key may be there several times, and one without a value is left out."""
    return "".join(f"{key} = {control.line(value)}\n" for key, value in pairs if value.strip()).encode()


def fields(text: str) -> dict[str, list[str]]:
    """The values of every key, in their order; other lines are none of its business."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        key, separator, value = line.partition(" = ")
        if separator and not key.startswith("#"):
            found.setdefault(key.strip(), []).append(value.strip())
    return found
