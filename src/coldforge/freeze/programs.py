"""Facts of PE files, Windows' programs and libraries: what they need of the system, and how it protects them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from coldforge.filetypes import pe
from coldforge.records import FileEntry

SUFFIXES: Final = frozenset({".exe", ".dll", ".pyd"})
_MACHINES: Final = {0x8664: "x86_64", 0xAA64: "aarch64", 0x14C: "i686"}
# Source: https://learn.microsoft.com/windows/win32/debug/pe-format (optional header, DLL characteristics)
_PROTECTIONS: Final = {0x0020: "high-entropy addresses", 0x0040: "random addresses (ASLR)", 0x0100: "data that never runs (DEP)"}
_SUBSYSTEMS: Final = {2: "windows", 3: "console"}
# What Wine writes into the files that are its own, behind the first header.
_OF_WINE: Final = (b"Wine builtin DLL", b"Wine placeholder DLL")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pe:
    """`needed` are the libraries that are loaded with it, `later` those that are once they are called, in lower case.

    `machine` is the architecture, in hexadecimal when it is none that is known; `subsystem` is `console`, `windows` or empty;
    `unprotected` names what the system would do for it and it does not allow; `of_wine` tells that it is a part of Wine.
    """

    path: str
    machine: str
    needed: tuple[str, ...] = ()
    later: tuple[str, ...] = ()
    subsystem: str = ""
    unprotected: tuple[str, ...] = ()
    of_wine: bool = False


def is_pe(path: Path) -> bool:
    """Whether the file starts like a PE file."""
    with path.open("rb") as stream:
        return stream.read(2) == pe.MAGIC


def pes_of(root: Path, entries: tuple[FileEntry, ...]) -> Iterator[Pe]:
    """The facts of every PE file of a tree."""
    for entry in entries:
        if entry.kind in ("executable", "library", "extension") and is_pe(root / entry.path):
            facts = read_pe(root / entry.path, entry.path)
            if facts is not None:
                yield facts


def read_pe(path: Path, name: str) -> Pe | None:
    """The facts of one PE file, called `name` in messages; None when it is damaged, or made for MS-DOS."""
    import pefile

    tables = [pefile.DIRECTORY_ENTRY[f"IMAGE_DIRECTORY_ENTRY_{which}"] for which in ("IMPORT", "DELAY_IMPORT")]
    try:
        with pefile.PE(str(path), fast_load=True) as file:
            file.parse_data_directories(directories=tables)
            flags = file.OPTIONAL_HEADER.DllCharacteristics
            wide = file.OPTIONAL_HEADER.Magic == pefile.OPTIONAL_HEADER_MAGIC_PE_PLUS
            return Pe(
                path=name,
                machine=_MACHINES.get(file.FILE_HEADER.Machine, f"{file.FILE_HEADER.Machine:#x}"),
                needed=_libraries(file, "DIRECTORY_ENTRY_IMPORT"),
                later=_libraries(file, "DIRECTORY_ENTRY_DELAY_IMPORT"),
                subsystem=_SUBSYSTEMS.get(file.OPTIONAL_HEADER.Subsystem, ""),
                unprotected=tuple(what for flag, what in _PROTECTIONS.items() if not flags & flag and (wide or flag != 0x0020)),
                of_wine=any(mark in file.header for mark in _OF_WINE),
            )
    except (pefile.PEFormatError, OSError):
        return None


def _libraries(file: Any, table: str) -> tuple[str, ...]:
    names = (entry.dll.decode("ascii", errors="backslashreplace").lower() for entry in getattr(file, table, ()))
    return tuple(dict.fromkeys(names))
