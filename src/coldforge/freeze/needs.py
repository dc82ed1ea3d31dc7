"""What a tree needs of the system it runs on: libraries that none of its files is, nor the C library, and files that libraries read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from coldforge.freeze.binaries import Elf, Priority
from coldforge.plan.libraries import c_library
from coldforge.records import Need

# What well-known libraries open by themselves and do not say in their files: by the beginning of the library's name.
# Source: Qt 6 (qtbase/src/dbus/qdbus_symbols.cpp, src/gui/vulkan), SDL (src/dynapi, src/video/x11/SDL_x11dyn.c, src/audio).
OPENED: Final = {
    "libQt6DBus": ("libdbus-1.so.3",),
    "libQt5DBus": ("libdbus-1.so.3",),
    "libSDL2-2.0": ("libX11.so.6", "libXcursor.so.1", "libXi.so.6", "libXrandr.so.2", "libasound.so.2", "libpulse.so.0"),
    "libSDL3": ("libX11.so.6", "libXcursor.so.1", "libXi.so.6", "libXrandr.so.2", "libasound.so.2", "libpulse.so.0"),
}
# Libraries that read files of the system, though they are in the tree themselves, by the beginning of the library's name: what brings
# the library there brings the files too. Without fonts and their configuration Tk dies ("failed to allocate font") and Qt draws empty
# boxes; without keyboard layouts no key does anything in Qt; X11's are texts of errors and tables of composed characters.
# Source: the dependencies of Debian's libfontconfig1 (fontconfig-config, fonts), libxkbcommon0 (xkb-data), libx11-6 (libx11-data).
READS: Final[Mapping[str, tuple[str, Priority]]] = {
    "libfontconfig": ("libfontconfig.so.1", "required"),
    "libxkbcommon": ("libxkbcommon.so.0", "required"),
    "libX11": ("libX11.so.6", "recommended"),
}
_ORDER: Final = ("required", "recommended", "suggested")


def needs(elfs: Iterable[Elf], names: Iterable[str]) -> tuple[Need, ...]:
    """The sonames that the system must or should have, by name, each with the first file that needs it most.

    `names` are the paths of all files of the tree.
    """
    have = {name.rpartition("/")[2] for name in names}
    found: dict[str, Need] = {}
    for elf in elfs:
        for soname, priority in _wanted(elf, have):
            known = found.get(soname)
            if known is None or _ORDER.index(priority) < _ORDER.index(known.priority):
                found[soname] = Need(soname=soname, by=elf.path, priority=priority)
    return tuple(found[soname] for soname in sorted(found))


def _wanted(elf: Elf, have: set[str]) -> Iterator[tuple[str, Priority]]:
    """What one file wants of the system."""
    # PyInstaller's boot loader for musl has libz from the system, and searches the tree only once it runs (its other ones have none)
    first = elf.c_library == "musl" and bool(elf.loader) and not elf.runpath
    yield from ((soname, "required") for soname in elf.needed if not c_library(soname) and (first or soname not in have))
    yield from ((sonames[0], priority) for sonames, priority in elf.optional if sonames and not have.intersection(sonames))
    file = elf.path.rpartition("/")[2]
    for start, sonames in OPENED.items():
        if file.startswith(start):
            yield from ((soname, "recommended") for soname in sonames if soname not in have)
    yield from (needed for start, needed in READS.items() if file.startswith(start))
