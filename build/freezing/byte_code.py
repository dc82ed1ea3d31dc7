"""Byte code as bytes that depend on the code alone.

`marshal` marks what it may meet again, which it guesses from whether anything else in the process refers to it, and tells
texts that somebody has interned from those that nobody has: the same code gives other bytes in a process that has loaded
more (CPython issues 78274 and 93461; PyInstaller 9061). Here every text is interned and everything is referred to once more.
"""

from __future__ import annotations

import marshal
import sys
from types import CodeType
from typing import Any


def dumps(value: Any, *version: int) -> bytes:
    """What marshal.dumps makes of an equal value, the same in every process."""
    held: list[Any] = []
    return marshal.dumps(canonical(value, {}, held), *version)


def canonical(value: Any, known: dict[int, Any], held: list[Any]) -> Any:
    """An equal value of interned texts, in which what is one object stays one; `held` comes to refer to all of it."""
    if id(value) not in known:
        known[id(value)] = rebuilt(value, known, held)
        held += (value, known[id(value)])  # and no id is given twice
    return known[id(value)]


def rebuilt(value: Any, known: dict[int, Any], held: list[Any]) -> Any:
    """A value whose parts are canonical."""
    if isinstance(value, str):
        return sys.intern(value)
    if isinstance(value, tuple | frozenset):
        return type(value)([canonical(item, known, held) for item in value])
    if isinstance(value, slice):  # a constant since Python 3.14
        return slice(*[canonical(item, known, held) for item in (value.start, value.stop, value.step)])
    if not isinstance(value, CodeType):
        return value
    code = value.replace(
        co_consts=canonical(value.co_consts, known, held),
        co_filename=sys.intern(value.co_filename),
        co_name=sys.intern(value.co_name),
        co_qualname=sys.intern(value.co_qualname),
    )
    held += (code.co_code, code.co_linetable, code.co_exceptiontable)
    held += (code.co_names, code.co_varnames, code.co_cellvars, code.co_freevars)
    return code


class Marshal:
    """The marshal module, for a module that writes byte code with it."""

    def __getattr__(self, name: str) -> Any:
        return getattr(marshal, name)

    dumps = staticmethod(dumps)
