"""Two libraries: a change is named by section and symbol, and digests of the rest are looked at last."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import msgspec
import pytest
from elftools.elf.elffile import ELFFile

from coldforge.rebuild import elf

LIBRARY = Path(msgspec._core.__file__).read_bytes()  # a real one that is here anyway


def section(name: str) -> Any:
    return ELFFile(io.BytesIO(LIBRARY)).get_section_by_name(name)


def changed(data: bytes, *places: int) -> bytes:
    made = bytearray(data)
    for place in places:
        made[place] ^= 1
    return bytes(made)


def found(other: bytes) -> tuple[str, ...]:
    difference = elf.difference(memoryview(LIBRARY), memoryview(other))
    assert difference is not None
    assert difference.released != difference.rebuilt
    return difference.where


@pytest.mark.parametrize("name", [".rodata", ".comment", ".dynstr", ".note.gnu.build-id"])
def test_a_changed_section_is_named(name: str) -> None:
    assert found(changed(LIBRARY, section(name)["sh_offset"] + 7))[0] == name


def test_a_digest_of_the_rest_comes_last() -> None:
    """A build id lies near the start of a file, and changes with anything in it."""
    places = section(".note.gnu.build-id")["sh_offset"] + 16, section(".rodata")["sh_offset"] + 3
    assert places[0] < places[1]
    assert found(changed(LIBRARY, *places))[0] == ".rodata"


def test_a_change_in_a_function_is_the_functions() -> None:
    symbol = next(s for s in section(".dynsym").iter_symbols() if s.name == "PyInit__core")
    text = section(".text")
    start = text["sh_offset"] + symbol["st_value"] - text["sh_addr"]
    assert found(changed(LIBRARY, start)) == (".text", "PyInit__core")
    assert found(changed(LIBRARY, start + symbol["st_size"] - 1)) == (".text", "PyInit__core")
    assert found(changed(LIBRARY, start - 1)) != (".text", "PyInit__core")


@pytest.mark.parametrize("cut", [4, 20, 64, 1000, len(LIBRARY) - 1])
def test_a_damaged_one_is_no_crash(cut: int) -> None:
    for pair in ((LIBRARY, LIBRARY[:cut]), (LIBRARY[:cut], LIBRARY)):
        difference = elf.difference(memoryview(pair[0]), memoryview(pair[1]))
        assert difference is None or difference.where


def test_what_is_in_no_section_is_not_told() -> None:
    """The header's flags: the caller shows the byte then."""
    assert elf.difference(memoryview(LIBRARY), memoryview(changed(LIBRARY, 0x30))) is None


def test_what_explains_most_is_named() -> None:
    """The compiler before what it made, code before the tables that tell where it lies."""
    places = {name: section(name)["sh_offset"] + 9 for name in (".dynsym", ".text", ".comment", ".eh_frame")}
    assert found(changed(LIBRARY, *places.values()))[0] == ".comment"
    del places[".comment"]
    assert found(changed(LIBRARY, *places.values()))[0] == ".text"
    del places[".text"]
    assert found(changed(LIBRARY, *places.values()))[0] == ".dynsym"


def test_a_text_explains_more_than_the_code_that_uses_it() -> None:
    data = section(".rodata")
    place = data["sh_offset"] + data.data().index(b"msgspec")
    assert found(changed(LIBRARY, place, section(".text")["sh_offset"]))[0] == ".rodata"
    difference = elf.difference(memoryview(LIBRARY), memoryview(changed(LIBRARY, place)))
    assert difference is not None
    assert "msgspec" in difference.released
    assert "lsgspec" in difference.rebuilt
