"""Facts of ELF files: what they need from the system they run on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, get_args

from coldforge.plan.libraries import c_library

Priority: TypeAlias = Literal["required", "recommended", "suggested"]
DLOPEN: Final = 0x407C0C0A  # the type of the notes that name libraries which a file opens by itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Elf:
    """`needed` are the sonames it loads, `glibc` the newest glibc version it asks for, `runpath` its search path.

    `optional` is what it says that it loads by itself when it is there: for each feature the sonames that would do, and how much
    it matters. `loader` is what loads a program, such as /lib/ld-musl-x86_64.so.1; libraries have none.
    """

    path: str
    needed: tuple[str, ...]
    glibc: tuple[int, ...]
    runpath: str
    optional: tuple[tuple[tuple[str, ...], Priority], ...] = ()
    loader: str = ""

    @property
    def c_library(self) -> Literal["", "glibc", "musl"]:
        """The C library that it is made for, as far as it tells."""
        parts = {c_library(name) for name in (*self.needed, self.loader.rpartition("/")[2])}
        return "musl" if "musl" in parts else "glibc" if self.glibc or "glibc" in parts else ""


def is_elf(path: Path) -> bool:
    """Whether the file starts like an ELF file."""
    with path.open("rb") as stream:
        return stream.read(4) == b"\x7fELF"


def read_elf(path: Path, name: str) -> Elf | None:
    """The facts of one ELF file, called `name` in messages; None when it is damaged or not dynamic.

    Source: System V gABI (dynamic section), LSB (symbol versioning, .gnu.version_r).
    """
    from elftools.common.exceptions import ELFError
    from elftools.elf.dynamic import DynamicSection
    from elftools.elf.elffile import ELFFile
    from elftools.elf.segments import InterpSegment

    try:
        with path.open("rb") as stream:
            file = ELFFile(stream)
            dynamic = file.get_section_by_name(".dynamic")
            if not isinstance(dynamic, DynamicSection):
                return None
            tags: list[Any] = list(dynamic.iter_tags())  # the attributes depend on the tag
            needed = tuple(tag.needed for tag in tags if tag.entry.d_tag == "DT_NEEDED")
            runpath = next((tag.runpath for tag in tags if tag.entry.d_tag == "DT_RUNPATH"), "")
            runpath = runpath or next((tag.rpath for tag in tags if tag.entry.d_tag == "DT_RPATH"), "")
            versions, notes = file.get_section_by_name(".gnu.version_r"), file.get_section_by_name(".note.dlopen")
            return Elf(
                path=name,
                needed=needed,
                glibc=_newest(versions),
                runpath=runpath,
                optional=tuple(_loaded(notes)),
                loader=next((part.get_interp_name() for part in file.iter_segments() if isinstance(part, InterpSegment)), ""),
            )
    except (ELFError, ValueError, AttributeError, TypeError, KeyError, IndexError, OSError):
        return None


def _newest(section: Any) -> tuple[int, ...]:
    names = [auxiliary.name for _, entries in section.iter_versions() for auxiliary in entries] if section is not None else []
    found = [version(name.removeprefix("GLIBC_")) for name in names if name.startswith("GLIBC_") and name != "GLIBC_PRIVATE"]
    return max(found, default=())


def _loaded(section: Any) -> Iterator[tuple[tuple[str, ...], Priority]]:
    """What a file says of the libraries that it opens by itself.

    Source: https://uapi-group.org/specifications/specs/elf_dlopen_metadata/
    """
    for note in section.iter_notes() if section is not None else ():
        if note["n_type"] == DLOPEN:
            text = note["n_desc"]
            for feature in json.loads((text if isinstance(text, bytes) else text.encode("latin-1")).rstrip(b"\0")):
                priority = feature.get("priority", "recommended")
                yield tuple(map(str, feature["soname"])), priority if priority in get_args(Priority) else "recommended"


def version(text: str) -> tuple[int, ...]:
    """`2.36` or `glibc-2.36` as a tuple that compares."""
    return tuple(int(part) for part in text.removeprefix("glibc-").split(".") if part.isdigit())
