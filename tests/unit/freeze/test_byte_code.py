"""Byte code written by the recipe: the same bytes in a process that has met the code's parts before, and the same code."""

from __future__ import annotations

import marshal
import subprocess
import sys
from pathlib import Path
from types import CodeType

from freezing.byte_code import Marshal, dumps

SOURCE = '''\
"""A module of many kinds of constants."""
LIMITS = {"a b", "c d"}, 10**20, 1.5, b"xy", "ü", "x", ...
def outer(first, *, second="not an identifier"):
    held = 3.25
    def inner(item):
        return item in {"not an identifier", "z", 7} and held and item[1:-1]
    return [inner(x) for x in first if x not in ("p q", ("r s", 1234567))], second
class Kind:
    text = "not an identifier"
    async def work(self):
        return {"p q": await self.text, "r s": 1234567}
RESULT = outer(["z", "zz"])
'''
TEXTS = ("not an identifier", "p q", "a b", "module", "outer.<locals>.inner", "x", "z")


def compiled() -> CodeType:
    return compile(SOURCE, "module", "exec", dont_inherit=True)


def looked_at(code: CodeType) -> list[object]:
    """References to every part of a code object, as a process holds them that has run it or analysed it."""
    inner = [part for constant in code.co_consts if isinstance(constant, CodeType) for part in looked_at(constant)]
    return [code, code.co_names, code.co_varnames, code.co_freevars, code.co_code, code.co_consts, *code.co_consts, *inner]


def test_the_same_bytes_in_a_process_that_has_met_the_parts_before() -> None:
    plain, ours = marshal.dumps(compiled()), dumps(compiled())
    interned = [sys.intern("".join(list(text))) for text in TEXTS]
    code = compiled()
    parts = looked_at(code)
    assert marshal.dumps(code) != plain
    assert dumps(code) == ours
    assert (len(interned), len(parts) > len(TEXTS)) == (len(TEXTS), True)  # still there


def test_the_same_bytes_after_reading_them_back() -> None:
    data = dumps(compiled())
    assert dumps(marshal.loads(data)) == data


def test_the_same_code() -> None:
    code = compiled()
    again = marshal.loads(dumps(code))
    assert again == code
    space: dict[str, object] = {}
    exec(again, space)
    assert space["RESULT"] == (["", False], "not an identifier")
    assert _lines(again) == _lines(code)


def _lines(code: CodeType) -> list[object]:
    inner = [line for part in code.co_consts if isinstance(part, CodeType) for line in _lines(part)]
    return [code.co_qualname, code.co_filename, list(code.co_lines()), list(code.co_positions()), *inner]


def test_a_module_of_the_standard_library() -> None:
    path = Path(subprocess.__file__)
    code = compile(path.read_bytes(), path.name, "exec", dont_inherit=True)
    assert marshal.loads(dumps(code)) == code


def test_stands_for_marshal() -> None:
    assert Marshal().loads(Marshal().dumps(["a", 1])) == ["a", 1]
    assert Marshal().version == marshal.version
