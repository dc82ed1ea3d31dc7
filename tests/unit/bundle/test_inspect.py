"""A program that unpacks itself, told from a launcher by what its archive holds; damaged archives say nothing, and end."""

from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldforge.bundle.inspect import unpacks_itself

MODULES = (("m", "struct"), ("s", "demo"), ("z", "PYZ.pyz"))
LAUNCHER = (*MODULES, ("o", "pyi-contents-directory _internal"))


def program(*entries: tuple[str, str], after: bytes = b"\0" * 700) -> bytes:
    """The end of a program as PyInstaller's CArchiveWriter makes it; objcopy puts ELF's own tables after it."""
    data, table = b"x" * 100, b""
    for kind, name in entries:
        text = name.encode() + b"\0" * (16 - (18 + len(name)) % 16)
        table += struct.pack("!IIIIBc", 18 + len(text), 0, 100, 100, 0, kind.encode()) + text
    whole = len(data) + len(table) + 88
    cookie = struct.pack("!8sIIII64s", b"MEI\x0c\x0b\x0a\x0b\x0e", whole, len(data), len(table), 311, b"libpython3.11.so.1.0")
    return b"\x7fELF" + b"MEI" * 50 + data + table + cookie + after


@pytest.mark.parametrize("own", [("b", "libpython3.11.so.1.0"), ("x", "data/words.txt")])
def test_what_carries_its_libraries_unpacks_itself(own: tuple[str, str]) -> None:
    assert unpacks_itself(io.BytesIO(program(*MODULES, own)))
    assert unpacks_itself(io.BytesIO(program(*MODULES, own, after=b"")))


def test_a_launcher_and_a_program_without_an_archive_do_not() -> None:
    assert not unpacks_itself(io.BytesIO(program(*LAUNCHER)))
    assert not unpacks_itself(io.BytesIO(b"\x7fELF" + b"\0" * 1000))
    assert not unpacks_itself(io.BytesIO(b""))


@given(st.integers(0, 11), st.integers(0, 2**32 - 1), st.integers(0, 200_000))
def test_damaged_archives_say_nothing_and_end(field: int, value: int, cut: int) -> None:
    data = bytearray(program(*LAUNCHER, after=b""))
    place = len(data) - 88 + 8 + 4 * field if field < 4 else 4 + 150 + 100 + 4 * (field - 4)
    data[place : place + 4] = value.to_bytes(4, "big")
    unpacks_itself(io.BytesIO(data[: cut or None]))
