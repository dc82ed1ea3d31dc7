"""What is in a code object, told the same way by the Python that made it and by whoever read what that Python marshalled.

Run as a program, by any Python from 3.11 on: for modules of its library, and for the lines of a source text, the bytes and what is in them.
"""

from __future__ import annotations

import importlib.util
import json
import marshal
import sys
from collections.abc import Mapping
from types import CodeType
from typing import Any

MODULES = ("argparse", "ast", "asyncio.base_events", "dataclasses", "datetime", "decimal", "email.message", "inspect", "typing")
PARTS = (
    "argcount", "posonlyargcount", "kwonlyargcount", "stacksize", "flags", "code", "names", "filename", "name", "qualname",
    "firstlineno", "linetable", "exceptiontable",
)  # fmt: skip
TEXTS = (
    "def work(a, /, b, *c, d, **e):\n    f = [a[1:-1], b[::2], c[None:3]]\n    return lambda: (f, d in {'p q', 'r', 7})\n",
    "LIMITS = 'ü', '𝄞', '\\ud800', b'\\xff', 10**30, -(10**30), 2**31, -3, 1.5, 1e400, 2j, ..., None, True\n",
    "class Kind[T]:\n    held: T\n" if sys.version_info >= (3, 12) else "class Kind:\n    held: int\n",
)


def told(value: Any) -> Any:
    """A value of a marshalled kind as JSON has it; also one that `marshalled.loads` made."""
    if hasattr(value, "parts"):
        return code(value.parts, value.parts["consts"])
    if hasattr(value, "items"):
        return group(value.kind, value.items)
    if isinstance(value, CodeType):
        return code({part: getattr(value, f"co_{part}") for part in PARTS}, value.co_consts)
    if isinstance(value, tuple):
        return ["tuple", *map(told, value)]
    if isinstance(value, frozenset):
        return group("frozenset", tuple(value))
    if isinstance(value, slice):
        return group("slice", (value.start, value.stop, value.step))
    return [type(value).__name__, ascii(value)]


def code(parts: Mapping[str, Any], constants: Any) -> Any:
    return ["code", {part: told(parts[part]) for part in PARTS}, told(constants)]


def group(kind: str, items: tuple[Any, ...]) -> Any:
    return [kind, *(sorted(map(told, items), key=json.dumps) if kind == "frozenset" else map(told, items))]


def codes() -> list[CodeType]:
    loaders = [spec.loader for spec in map(importlib.util.find_spec, MODULES) if spec is not None]
    library = [loader.get_code(name) for name, loader in zip(MODULES, loaders, strict=True)]  # type: ignore[union-attr]
    return [*library, *(compile(text, f"text{number}", "exec", dont_inherit=True) for number, text in enumerate(TEXTS))]


if __name__ == "__main__":
    print(json.dumps([[marshal.dumps(code).hex(), told(code)] for code in codes()]))
