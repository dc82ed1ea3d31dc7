"""Byte code is read as the interpreter itself reads it, and what is no byte code is refused in time."""

from __future__ import annotations

import importlib.util
import marshal
import sys
from contextlib import suppress
from types import CodeType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldforge.filetypes import marshalled
from coldforge.filetypes.marshalled import Code, Group
from coldforge.rebuild import objects
from coldforge.rebuild.members import damage

MODULES = ("argparse", "ast", "asyncio.base_events", "dataclasses", "datetime", "decimal", "email.message", "enum", "inspect", "typing")
PARTS = ("argcount", "flags", "names", "filename", "qualname", "code", "firstlineno", "linetable", "exceptiontable")
NUMBERS = st.one_of(st.integers(), st.floats(allow_nan=False), st.complex_numbers(allow_nan=False))
LEAVES = st.one_of(st.none(), st.booleans(), st.just(...), NUMBERS, st.text(), st.binary())
CONSTANTS = st.recursive(LEAVES, lambda inner: st.one_of(st.lists(inner, max_size=5).map(tuple), st.frozensets(LEAVES, max_size=5)))


def source_code(name: str) -> CodeType:
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.loader is not None
    code = spec.loader.get_code(name)  # type: ignore[attr-defined]  # every loader of source has it
    assert isinstance(code, CodeType)
    return code


def check(read: Any, value: Any) -> None:
    """That what was read is the value."""
    if isinstance(value, CodeType):
        assert isinstance(read, Code)
        assert {part: read.parts[part] for part in PARTS} == {part: getattr(value, f"co_{part}") for part in PARTS}
        check(read.parts["consts"], value.co_consts)
    elif isinstance(value, frozenset):
        assert isinstance(read, Group)
        assert sorted(map(repr, read.items)) == sorted(map(repr, value))
    elif isinstance(value, tuple):
        assert len(read) == len(value)
        for one, other in zip(read, value, strict=True):
            check(one, other)
    else:
        assert type(read) is type(value)
        assert repr(read) == repr(value)


@pytest.mark.parametrize("name", MODULES)
def test_the_standard_library_is_read(name: str) -> None:
    code = source_code(name)
    read = marshalled.loads(marshal.dumps(code))
    check(read, code)
    assert objects.difference(read, marshalled.loads(marshal.dumps(code))) is None


@given(CONSTANTS)
def test_any_constant_is_read(value: Any) -> None:
    check(marshalled.loads(marshal.dumps(value)), value)


@given(CONSTANTS, CONSTANTS)
def test_two_constants_differ_if_their_bytes_do(one: Any, other: Any) -> None:
    """Version 2 of the format has no references: the same values are the same bytes."""
    data = [marshal.dumps(value, 2) for value in (one, other)]
    found = objects.difference(*map(marshalled.loads, data))
    assert (found is None) == (data[0] == data[1]), found


@given(st.binary(max_size=300))
def test_anything_else_is_refused_in_its_own_words(data: bytes) -> None:
    with suppress(*damage()):
        marshalled.loads(data)


def test_slices_are_read_as_python_3_14_writes_them() -> None:
    """Version 5 of the format: `(None, slice(1, -1, None), slice(None, None, 2))`, marshalled by Python 3.14."""
    read = marshalled.loads(b")\x03N:\xe9\x01\x00\x00\x00\xe9\xff\xff\xff\xffN:NN\xe9\x02\x00\x00\x00")
    assert read == (None, Group("slice", (1, -1, None)), Group("slice", (None, None, 2)))


def test_a_nest_without_end_and_a_list_without_items_are_refused() -> None:
    for data in (b")\1" * 100_000, b"(\xff\xff\xff\x7f", b"l\xff\xff\xff\x7f"):
        with pytest.raises(ValueError, match=r"too deep|too many|many digits"):
            marshalled.loads(data)


def test_shared_objects_are_not_visited_for_ever() -> None:
    """Thirty tuples, each of the one before twice: a thousand million items in 300 bytes."""
    value: Any = (1,)
    for _ in range(30):
        value = (value, value)
    data = marshal.dumps(value)
    assert len(data) < 400
    with pytest.raises(ValueError, match="more objects than are looked at"):
        objects.difference(marshalled.loads(data), marshalled.loads(data))
    assert sys.getrecursionlimit() > marshalled.DEPTH
