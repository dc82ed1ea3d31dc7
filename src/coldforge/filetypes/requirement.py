"""What a signature of macOS demands of code that is to count as the same, in the words that seals and `codesign` have for it.

Source: libsecurity_codesigning/lib/requirement.h and reqdumper.cpp of Security, at https://github.com/apple-oss-distributions
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from coldforge.filetypes import der

_SET, _ONE, _DESIGNATED = 0xFADE0C01, 0xFADE0C00, 3
_BOTH: Final = {6: "and", 7: "or"}
_DEEP: Final = 64


class _Words:
    """Reads an expression from the front; numbers and texts are in units of four bytes."""

    def __init__(self, data: bytes) -> None:
        self._data, self._place = data, 0

    def number(self) -> int:
        value = self._take(4)
        return int.from_bytes(value, "big")

    def octets(self) -> bytes:
        size = self.number()
        value = self._take(size)
        self._take(-size % 4)
        return value

    def text(self) -> str:
        return self.octets().decode("utf-8")

    def _take(self, size: int) -> bytes:
        if self._place + size > len(self._data):
            raise ValueError("a requirement in its signature is cut off")
        self._place += size
        return self._data[self._place - size : self._place]


def designated(data: bytes) -> str:
    """The requirement that a signature (its part of the kind `REQUIREMENTS`) names for the code itself; empty when it names none.

    Raises ValueError for what is damaged, and for words that no signature of a program outside of Apple's shop has.
    """
    if len(data) < 12 or int.from_bytes(data[:4], "big") != _SET:
        return ""
    for each in range(int.from_bytes(data[8:12], "big")):
        kind, offset = (int.from_bytes(data[place : place + 4], "big") for place in (12 + 8 * each, 16 + 8 * each))
        if kind == _DESIGNATED:
            one = data[offset : offset + int.from_bytes(data[offset + 4 : offset + 8], "big")]
            words = _Words(one)
            if words.number() != _ONE or words.number() != len(one) or words.number() != 1:
                raise ValueError("a requirement in its signature is none")
            return _expression(words, 0)
    return ""


def _expression(words: _Words, deep: int) -> str:
    if deep > _DEEP:
        raise ValueError("a requirement in its signature has no end")
    kind = words.number()
    if kind in _BOTH:
        one, other = _expression(words, deep + 1), _expression(words, deep + 1)
        return f"({one}) {_BOTH[kind]} ({other})"
    if kind not in _PLAIN:
        raise ValueError(f"a requirement in its signature has a word that is not read: {kind}")
    return _PLAIN[kind](words)


def _certificate(words: _Words) -> str:
    """Which certificate of the signer's chain: counted from his own, or from the end."""
    place = words.number()
    return {0: "leaf", 0xFFFFFFFF: "root"}.get(place, str(place))


def _match(words: _Words) -> str:
    kind = words.number()
    if kind == 0:
        return "/* exists */"
    if kind == 1:
        return f'= "{words.text()}"'
    raise ValueError("a requirement in its signature compares in a way that is not read")


def _oid(data: bytes) -> str:
    """An object identifier from its content in DER."""
    return der.read(bytes([der.OID, len(data)]) + data).oid


_PLAIN: Final[Mapping[int, Callable[[_Words], str]]] = {
    2: lambda words: f'identifier "{words.text()}"',
    3: lambda _: "anchor apple",
    4: lambda words: f'certificate {_certificate(words)} = H"{words.octets().hex()}"',
    8: lambda words: f'cdhash H"{words.octets().hex()}"',
    11: lambda words: f"certificate {_certificate(words)}[{words.text()}] {_match(words)}",
    14: lambda words: f"certificate {_certificate(words)}[field.{_oid(words.octets())}] {_match(words)}",
    15: lambda _: "anchor apple generic",
}
