"""The first difference of two ELF files: by section, and by the symbol that covers it. Source: System V gABI, chapter 4."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice, zip_longest
from typing import Any, Final

from coldforge.rebuild.views import file_of, first_offset

SYMBOLS: Final = 200_000
_DIGESTS: Final = (".note.gnu.build-id", ".gnu_debuglink")
_DATA: Final = (".rodata", ".data")
SHOWN: Final = 120  # bytes of a text around a difference


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Section and symbol (which may be empty), and what stands there in both files."""

    where: tuple[str, ...]
    released: str
    rebuilt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Symbol:
    name: str
    start: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Section:
    """A section that differs: both files' bytes of it, and the first offset where they do."""

    name: str
    released: memoryview
    rebuilt: memoryview
    offset: int

    @property
    def rank(self) -> int:
        """The lower, the more it explains: other sections only tell where these lie, or are digests of them."""
        if self.name == ".comment":  # the compiler
            return 0
        if self.name.startswith(_DATA) and _printable(self.released, self.offset) and _printable(self.rebuilt, self.offset):
            return 1
        if self.name == ".text":
            return 2
        return 5 if self.name in _DIGESTS else 3 if self.name.startswith(_DATA) else 4


def difference(released: memoryview, rebuilt: memoryview) -> Found | None:
    """The difference that explains most; None when it cannot be told: nothing that is in a section, or a damaged file."""
    try:
        return _difference(released, rebuilt)
    except Exception:  # noqa: BLE001  # the parser fails in its own ways at what a damaged file makes of it
        return None


def _difference(released: memoryview, rebuilt: memoryview) -> Found | None:
    ours, theirs = _sections(released), _sections(rebuilt)
    names = sorted(ours.keys() | theirs.keys(), key=lambda name: (name not in ours, _start(ours.get(name)), name))
    pairs = ((name, _bytes(released, ours.get(name)), _bytes(rebuilt, theirs.get(name))) for name in names)
    found = [_Section(name=name, released=a, rebuilt=b, offset=at) for name, a, b in pairs if (at := first_offset(a, b)) is not None]
    if not found:
        return None
    chosen = min(found, key=lambda section: section.rank)
    symbols = [_symbols(sections, chosen.name) for sections in (ours, theirs)]
    return _resized(chosen.name, *symbols) or _at(chosen, symbols[0])


def _sections(view: memoryview) -> dict[str, Any]:
    from elftools.elf.elffile import ELFFile

    return {section.name: section for section in ELFFile(file_of(view)).iter_sections()}


def _start(section: Any) -> int:
    return int(section["sh_offset"]) if section else 0


def _bytes(view: memoryview, section: Any) -> memoryview:
    if section is None or section["sh_type"] == "SHT_NOBITS":
        return memoryview(b"")
    start = int(section["sh_offset"])
    return view[start : start + int(section["sh_size"])]


def _symbols(sections: Mapping[str, Any], name: str) -> list[_Symbol]:
    """The functions and variables in a section, by their offsets in it; none when it is loaded nowhere, or not there."""
    base, size = (int(sections[name][key]) if name in sections else 0 for key in ("sh_addr", "sh_size"))
    table = sections.get(".symtab") or sections.get(".dynsym")
    found = islice(table.iter_symbols(), SYMBOLS) if table and base else ()
    inside = (symbol for symbol in found if symbol["st_size"] and base <= symbol["st_value"] < base + size)
    return sorted(
        (_Symbol(name=str(symbol.name), start=int(symbol["st_value"]) - base, size=int(symbol["st_size"])) for symbol in inside),
        key=lambda symbol: (symbol.start, symbol.name),
    )


def _resized(section: str, ours: list[_Symbol], theirs: list[_Symbol]) -> Found | None:
    """The first symbol of another size, or that only one file has: it moves what follows, and what refers to that differs everywhere."""
    for one, other in zip_longest(ours, theirs):
        if one is None or other is None or (one.name, one.size) != (other.name, other.size):
            return Found(where=(section, (one or other).name), released=_sized(one), rebuilt=_sized(other))
    return None


def _sized(symbol: _Symbol | None) -> str:
    return f"{symbol.name} of {symbol.size} bytes" if symbol else ""


def _at(section: _Section, symbols: list[_Symbol]) -> Found:
    place = section.offset
    name = next((symbol.name for symbol in symbols if symbol.start <= place < symbol.start + symbol.size), "")
    return Found(where=(section.name, name), released=_shown(section.released, place), rebuilt=_shown(section.rebuilt, place))


def _shown(section: memoryview, offset: int) -> str:
    return _printable(section, offset) or bytes(section[offset : offset + 16]).hex(" ")


def _printable(section: memoryview, offset: int) -> str:
    """The text around an offset of a section; empty when it is none."""
    before = bytes(section[max(0, offset - SHOWN) : offset]).rpartition(b"\0")[2]
    text = before + bytes(section[offset : offset + SHOWN]).partition(b"\0")[0]
    return text.decode("ascii") if len(text) > 3 and all(32 <= byte < 127 for byte in text) else ""
