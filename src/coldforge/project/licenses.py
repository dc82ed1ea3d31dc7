"""Licence expressions in the one spelling that compares."""

from __future__ import annotations

import re
from typing import Final

# Spellings that SPDX has given up: https://spdx.org/licenses/ (deprecated identifiers).
_GNU: Final = re.compile(r"\b((?:A|L)?GPL-\d\.\d|GFDL-1\.\d)(\+|(?![\w.+-]))")


def canonical(text: str) -> str:
    """An SPDX expression in its canonical spelling; empty for what is none.

    >>> canonical("mit or gpl-2.0+"), canonical("BSD License")
    ('MIT OR GPL-2.0-or-later', '')
    """
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    try:
        plain = canonicalize_license_expression(text)
    except InvalidLicenseExpression:
        return ""
    return _GNU.sub(lambda match: f"{match[1]}-{'or-later' if match[2] else 'only'}", plain)
