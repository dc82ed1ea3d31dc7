"""What Python marshals, read as data: by no interpreter, so that neither another Python's code nor a hostile file can do harm.

Source: CPython's Python/marshal.c; code objects as Python 3.11 to 3.14 write them.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

DEPTH: Final = 200
DIGITS: Final = 1000  # of 15 bits, in one number
_NUMBERS: Final = ("argcount", "posonlyargcount", "kwonlyargcount", "stacksize", "flags")
_OBJECTS: Final = ("code", "consts", "names", "localsplusnames", "localspluskinds", "filename", "name", "qualname")
_CONSTANTS: Final[Mapping[str, Any]] = {"0": None, "N": None, "F": False, "T": True, "S": StopIteration, ".": ...}
_SEQUENCES: Final = {"(": "tuple", ")": "tuple", "[": "list", "<": "set", ">": "frozenset"}


@dataclass(frozen=True, slots=True)
class Code:
    """A code object: its parts by name."""

    parts: Mapping[str, Any]

    @property
    def name(self) -> str:
        """What it is called in its module."""
        return str(self.parts["qualname"])


@dataclass(frozen=True, slots=True)
class Group:
    """A set in the order in which it was written, or a slice."""

    kind: str
    items: tuple[Any, ...]


def loads(data: memoryview | bytes) -> Any:
    """The object at the start of `data`. Raises ValueError, or struct.error at an early end."""
    return _Reader(memoryview(data)).read(0)


class _Reader:
    def __init__(self, data: memoryview) -> None:
        self._data, self._place = data, 0
        self._seen: list[Any] = []

    def take(self, size: int) -> bytes:
        piece = bytes(self._data[self._place : self._place + size])
        if size < 0 or len(piece) < size:
            raise ValueError("marshalled data is cut off")
        self._place += size
        return piece

    def number(self, form: str = "<i") -> int:
        return int(struct.unpack(form, self.take(struct.calcsize(form)))[0])

    def read(self, depth: int) -> Any:
        if depth > DEPTH:
            raise ValueError("marshalled data is nested too deep")
        mark = self.take(1)[0]
        index = len(self._seen)
        if mark & 0x80:
            self._seen.append(None)
        made = self._object(chr(mark & 0x7F), depth + 1)
        if mark & 0x80:
            self._seen[index] = made
        return made

    def _object(self, kind: str, depth: int) -> Any:
        if kind in _CONSTANTS:
            return _CONSTANTS[kind]
        if kind in _SEQUENCES:
            size = self.take(1)[0] if kind == ")" else self.number()
            if not 0 <= size <= len(self._data):
                raise ValueError("marshalled data claims too many items")
            items = tuple(self.read(depth) for _ in range(size))
            return items if kind in "()" else list(items) if kind == "[" else Group(_SEQUENCES[kind], items)
        if kind in _LEAVES:
            return _LEAVES[kind](self)
        if kind == "r":
            return self._seen[self.number()]
        return self._nested(kind, depth)

    def _nested(self, kind: str, depth: int) -> Any:
        if kind == ":":
            return Group("slice", tuple(self.read(depth) for _ in range(3)))
        if kind == "c":
            return self._code(depth)
        raise ValueError(f"marshalled data has an unknown type {kind!r}")

    def _code(self, depth: int) -> Code:
        parts: dict[str, Any] = {name: self.number() for name in _NUMBERS}
        parts |= {name: self.read(depth) for name in _OBJECTS}
        parts["firstlineno"] = self.number()
        parts |= {name: self.read(depth) for name in ("linetable", "exceptiontable")}
        return Code(parts)

    def long(self) -> int:
        size = self.number()
        if abs(size) > DIGITS:
            raise ValueError("marshalled data has a number of many digits")
        digits = (self.number("<H") << (15 * place) for place in range(abs(size)))
        return sum(digits) * (1 if size >= 0 else -1)

    def text(self, form: str, encoding: str) -> str:
        return self.take(self.number(form)).decode(encoding, "surrogatepass" if encoding == "utf-8" else "strict")


_LEAVES: Final[Mapping[str, Callable[[_Reader], Any]]] = {
    "i": lambda r: r.number(),
    "I": lambda r: r.number("<q"),
    "l": lambda r: r.long(),
    "g": lambda r: struct.unpack("<d", r.take(8))[0],
    "y": lambda r: complex(*struct.unpack("<dd", r.take(16))),
    "s": lambda r: r.take(r.number()),
    "u": lambda r: r.text("<i", "utf-8"),
    "t": lambda r: r.text("<i", "utf-8"),
    "a": lambda r: r.text("<i", "latin-1"),
    "A": lambda r: r.text("<i", "latin-1"),
    "z": lambda r: r.text("<B", "latin-1"),
    "Z": lambda r: r.text("<B", "latin-1"),
}
