"""What programs for Windows say of themselves: version, names, rights; Windows shows it in a file's properties and in the task manager."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

from coldforge.plan import names
from coldforge.project.config import Product

_LARGEST: Final = 65535  # of each of the four numbers
_RIGHTS: Final = re.compile(r"^\W*(copyright\b.*\d{4}.*)$", re.IGNORECASE | re.MULTILINE)


def described(product: Product, project: Path) -> dict[str, Any]:
    """The strings that all programs of a product share, and the numbers of its version; no string is empty.

    The strings have the whole version, the numbers its release: `1.2.0-rc.1` and 1.2.0.0.
    """
    version = names.Version.parse(product.version)
    shown = product.display_name or product.name
    strings = {
        "CompanyName": re.sub(r"\s*<[^>]*>", "", product.maintainer),
        "Comments": product.summary,
        "FileDescription": shown,
        "FileVersion": names.semver(version),
        "LegalCopyright": _rights(product, project),
        "ProductName": shown,
        "ProductVersion": names.semver(version),
    }
    numbers = [min(number, _LARGEST) for number in (*version.release, 0)[:3]]
    return {"strings": {key: text for key, text in strings.items() if text}, "numbers": [*numbers, 0]}


def _rights(product: Product, project: Path) -> str:
    """The first line of the project's licence files that says whose it is."""
    for name in product.license_files:
        if found := _RIGHTS.search((project / name).read_text(encoding="utf-8", errors="replace")):
            return found[1].strip()
    return ""
