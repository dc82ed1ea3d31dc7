"""What the files of a tree say together, read one by one out of whatever holds them: the parts, what is left to the system, the floor.

Nothing is believed: a file that is damaged, or claims more than anybody needs, says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, BinaryIO, Final

import msgspec

from coldforge import records
from coldforge.filetypes import macho
from coldforge.plan.libraries import c_library
from coldforge.records import Component

MAGIC: Final = b"\x7fELF"
LARGEST: Final = 1 << 30  # bytes of a program or library that is looked into
_LIST: Final = re.compile(r"(^|/)licenses/components\.json$")
_LIST_SIZE: Final = 16 << 20
_NAME: Final = 4096  # characters of a path
_SYMBOLS: Final = 100_000  # entries that are looked at; a damaged table can claim any number


class Elf(msgspec.Struct, frozen=True, kw_only=True):
    """`needed` are the sonames that it loads, `glibc` the newest version of glibc that it asks for, `loader` what loads a program."""

    architecture: str
    needed: tuple[str, ...]
    glibc: tuple[int, ...]
    loader: str = ""


class Survey:
    """Takes the files of one tree, and what is called what in it; asked at the end."""

    def __init__(self) -> None:
        self.parts: tuple[Component, ...] = ()
        self._needed: set[str] = set()
        self._first: set[str] = set()
        self._there: set[str] = set()
        self._glibc: set[tuple[int, ...]] = set()
        self._macos: list[tuple[macho.Slice, ...]] = []

    def name(self, path: str) -> None:
        """There is a file, or a link, of this name: what is needed may be that."""
        self._there.add(path.rpartition("/")[2])

    def require(self, sonames: Iterable[str]) -> None:
        """These must be there before anything of the tree is."""
        self._first.update(sonames)

    @staticmethod
    def wants(path: str, size: int, head: bytes) -> bool:
        """Whether a file has something to say."""
        return ((head.startswith(MAGIC) or macho.starts(head[:8])) and size <= LARGEST) or (
            _LIST.search(path) is not None and size <= _LIST_SIZE
        )

    def look(self, path: str, stream: BinaryIO) -> None:
        """Read a file that is wanted, from where the stream stands."""
        if _LIST.search(path):
            self.parts = self.parts or _parts(stream.read(_LIST_SIZE))
            return
        head = stream.read(8)
        stream.seek(0)
        try:
            if macho.starts(head):
                self._macos.append(macho.slices(stream))
                return
            found = elf(stream)
        except ValueError:
            return
        self._needed.update(found.needed)
        self._glibc.add(found.glibc)

    @property
    def libraries(self) -> tuple[str, ...]:
        """What the system must have: needed, and not in the tree."""
        return tuple(sorted(name for name in (self._needed - self._there) | self._first if not c_library(name)))

    @property
    def floor(self) -> str:
        """The oldest glibc that all files of the tree load with, or the oldest macOS; empty when none needs any."""
        return records.floor(floor(max(self._glibc, default=())), macho.floor(self._macos))


def floor(version: tuple[int, ...]) -> str:
    """A version of glibc as a floor is written."""
    return f"glibc-{'.'.join(map(str, version))}" if version else ""


def _parts(data: bytes) -> tuple[Component, ...]:
    try:
        return tuple(msgspec.json.decode(data, type=list[Component]))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ()


def elf(stream: Any) -> Elf:
    """The facts of a program or library. Raises ValueError when it is damaged.

    Source: System V gABI (dynamic section), LSB (symbol versioning, .gnu.version_r).
    """
    from elftools.elf.elffile import ELFFile
    from elftools.elf.segments import InterpSegment

    try:
        file = ELFFile(stream)
        tags, names = (
            list(_tags(file.get_section_by_name(".dynamic"))),
            islice(_versions(file.get_section_by_name(".gnu.version_r")), _SYMBOLS),
        )
        numbers = [tuple(map(int, found[1].split("."))) for name in names if (found := re.fullmatch(r"GLIBC_(\d+(?:\.\d+)*)", name))]
        loader = next((str(part.get_interp_name())[:_NAME] for part in file.iter_segments() if isinstance(part, InterpSegment)), "")
        return Elf(architecture=file.get_machine_arch(), needed=tuple(tags), glibc=max(numbers, default=()), loader=loader)
    except Exception as error:  # the parser fails in its own ways at what a damaged file makes of it
        raise ValueError(error) from error


def _tags(section: Any) -> Iterator[str]:
    from elftools.elf.dynamic import DynamicSection

    if isinstance(section, DynamicSection):
        tags: Iterator[Any] = islice(section.iter_tags(), _SYMBOLS)  # the attributes depend on the tag
        yield from (tag.needed for tag in tags if tag.entry.d_tag == "DT_NEEDED")


def _versions(section: Any) -> Iterator[str]:
    from elftools.elf.gnuversions import GNUVerNeedSection

    if isinstance(section, GNUVerNeedSection):
        yield from (symbol.name for _, entries in section.iter_versions() for symbol in entries)
