"""The first difference of two ELF files: by section, and by the symbol that covers it. Source: System V gABI, chapter 4."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from coldforge.rebuild.views import file_of, first_offset

SYMBOLS: Final = 1_000_000
DERIVED: Final = (".note.gnu.build-id", ".gnu_debuglink")  # digests of the rest


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Section and symbol, both sections' bytes, and the offset in them."""

    where: tuple[str, ...]
    released: memoryview
    rebuilt: memoryview
    offset: int


def difference(released: memoryview, rebuilt: memoryview) -> Found | None:
    """Where the files differ first; None when that cannot be told. Sections that are digests of the others come last."""
    try:
        return next(_differing(released, rebuilt), None)
    except Exception:  # noqa: BLE001  # the parser fails in its own ways at what a damaged file makes of it
        return None


def _differing(released: memoryview, rebuilt: memoryview) -> Iterator[Found]:
    ours, theirs = _sections(released), _sections(rebuilt)
    for name in sorted(ours.keys() | theirs.keys(), key=lambda name: (name in DERIVED, name not in ours, _start(ours.get(name)), name)):
        pair = _bytes(released, ours.get(name)), _bytes(rebuilt, theirs.get(name))
        offset = first_offset(*pair)
        if offset is not None:
            symbol = _symbol(ours, name, offset) if name in ours and name in theirs else ""
            yield Found(where=(name, symbol), released=pair[0], rebuilt=pair[1], offset=offset)


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


def _symbol(sections: Mapping[str, Any], name: str, offset: int) -> str:
    """The name of the function or variable at an offset of a section; empty when it is loaded nowhere or nothing covers it."""
    base = int(sections[name]["sh_addr"])
    if not base:
        return ""
    for table in (sections.get(".symtab"), sections.get(".dynsym")):
        for symbol in islice(table.iter_symbols(), SYMBOLS) if table else ():
            if symbol["st_size"] and symbol["st_value"] <= base + offset < symbol["st_value"] + symbol["st_size"]:
                return str(symbol.name)
    return ""
