"""Names on an HFS Plus volume: how they are spelled there, and when two of them are the same.

Source: https://developer.apple.com/library/archive/technotes/tn/tn1150.html (Unicode Subtleties)
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

LONGEST: Final = 255  # UTF-16 units
# Apple's decomposition leaves these as they are.
_WHOLE: Final = re.compile("[\u2000-\u2fff\uf900-\ufaff\U0002f800-\U0002faff]+")
# The letters that have another case there: those of Unicode 2 that do not decompose, which the volumes keep to for ever.
_RANGES: Final = (
    (0x41, 0x5A, 1), (0xC6, 0xC6, 1), (0xD0, 0xD0, 1), (0xD8, 0xD8, 1), (0xDE, 0xDE, 1), (0x110, 0x110, 1), (0x126, 0x126, 1),
    (0x132, 0x132, 1), (0x13F, 0x141, 2), (0x14A, 0x14A, 1), (0x152, 0x152, 1), (0x166, 0x166, 1), (0x181, 0x182, 1),
    (0x184, 0x184, 1), (0x186, 0x187, 1), (0x189, 0x18B, 1), (0x18E, 0x191, 1), (0x193, 0x194, 1), (0x196, 0x198, 1),
    (0x19C, 0x19D, 1), (0x19F, 0x19F, 1), (0x1A2, 0x1A4, 2), (0x1A7, 0x1A7, 1), (0x1A9, 0x1A9, 1), (0x1AC, 0x1AC, 1),
    (0x1AE, 0x1AE, 1), (0x1B1, 0x1B3, 1), (0x1B5, 0x1B5, 1), (0x1B7, 0x1B8, 1), (0x1BC, 0x1BC, 1), (0x1C4, 0x1C5, 1),
    (0x1C7, 0x1C8, 1), (0x1CA, 0x1CB, 1), (0x1E4, 0x1E4, 1), (0x1F1, 0x1F2, 1), (0x391, 0x3A1, 1), (0x3A3, 0x3A9, 1),
    (0x3E2, 0x3EE, 2), (0x402, 0x402, 1), (0x404, 0x406, 1), (0x408, 0x40B, 1), (0x40F, 0x418, 1), (0x41A, 0x42F, 1),
    (0x460, 0x474, 2), (0x478, 0x480, 2), (0x490, 0x4BE, 2), (0x4C3, 0x4C3, 1), (0x4C7, 0x4C7, 1), (0x4CB, 0x4CB, 1),
    (0x531, 0x556, 1), (0x2160, 0x216F, 1), (0xFF21, 0xFF3A, 1),
)  # fmt: skip
_GEORGIAN: Final = {code: code + 48 for code in range(0x10A0, 0x10C6)}  # which Unicode 3 took back
_IGNORED: Final = dict.fromkeys((*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF))
_FOLDED: Final = {
    **{code: ord(chr(code).lower()) for first, last, step in _RANGES for code in range(first, last + 1, step)},
    **_GEORGIAN,
    **_IGNORED,
    0: 0xFFFF,
}


def spelled(name: str) -> str:
    """The name as it stands on the volume: letters apart from their accents, and a slash for the colon that the other side shows."""
    return "".join(_parts(name)).replace(":", "/")


def shown(name: str) -> str:
    """The name on the volume as programs see it: with letters and accents in one, unless that would be another name there.

    >>> shown("e\u0301/"), shown("\uf900") == "\uf900"
    ('é:', True)
    """
    seen = name.replace("/", ":")
    composed = unicodedata.normalize("NFC", seen)
    return composed if spelled(composed) == name else seen


def _parts(name: str) -> Iterator[str]:
    start = 0
    for found in _WHOLE.finditer(name):
        yield unicodedata.normalize("NFD", name[start : found.start()])
        yield found[0]
        start = found.end()
    yield unicodedata.normalize("NFD", name[start:])


def encoded(name: str) -> bytes:
    """A name as it stands in a record, without its length. Raises UnicodeEncodeError for what is no text."""
    return name.encode("utf-16-be")


def order(name: str) -> bytes:
    """What names on a volume are sorted by, and known by: the same for two that differ in case only."""
    return encoded(folded(name))


def folded(name: str) -> str:
    """A name without its case, and without what is ignored."""
    return name.translate(_FOLDED)
