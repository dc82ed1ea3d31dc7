"""What Mach-O files say of the macOS that they need: its version, the processor, libraries, where they look for them, a signature."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from coldforge.filetypes.macho import MACOS, earliest, loaded, unfound
from coldforge.freeze.binaries import Elf
from coldforge.freeze.gates import Known, found
from coldforge.freeze.machos import Macho
from coldforge.host.links import followed
from coldforge.records import FileEntry, Finding
from coldforge.target import Target

_SIGNED: Final = ("aarch64", "arm64e")
_SYSTEM: Final = ("/usr/lib/", "/System/")
SHOWN: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """The code in a tree with these files; `programs` are the executables at its top."""

    entries: Sequence[FileEntry]
    machos: Sequence[Macho]
    elfs: Sequence[Elf] = ()
    programs: Collection[str] = ()


def from_machos(target: Target, floor: str, code: Code, known: Known) -> Iterator[Finding]:
    """All that is wrong with the code in a tree for macOS; `floor` is like 11.0, or empty."""
    for elf in code.elfs:
        yield found("floor", f"{known.told(elf.path)} is made for Linux", path=elf.path)
    for macho in code.machos:
        yield from _unfit(target, macho, known)
        yield from _newer(floor, macho, known)
        if (origin := known.origins.get(macho.path)) and origin.kind == "system":
            message = f"{known.told(macho.path)} is a library of the machine that it was frozen on"
            yield found("system-library", message, path=macho.path)
        if any(part.machine in _SIGNED and not part.signature for part in macho.slices):
            yield found("unsigned", f"{known.told(macho.path)} has code for Apple's processors without a signature", path=macho.path)
    yield from _nowhere(code, known)
    yield from _outside(code.machos)


def _unfit(target: Target, macho: Macho, known: Known) -> Iterator[Finding]:
    """`floor`: files for another system or processor, and those that are no whole files."""
    if not macho.slices:
        yield found("floor", f"{known.told(macho.path)} is damaged: it begins like a Mach-O file, and is none", path=macho.path)
        return
    for arch in target.architectures:
        if arch not in (has := [part.machine for part in macho.slices]):
            yield found("floor", f"{known.told(macho.path)} is made for {' and '.join(has)}, {target} has {arch}", path=macho.path)
    if any(part.platform != MACOS for part in macho.slices):
        yield found("floor", f"{known.told(macho.path)} is made for another system of Apple's than macOS", path=macho.path)


def _newer(floor: str, macho: Macho, known: Known) -> Iterator[Finding]:
    """`floor`: files that ask for a newer macOS than the plan promises."""
    promised = tuple(map(int, floor.split("."))) if floor else ()
    newest = max((part.since for part in macho.slices if part.since > max(promised, earliest(part.machine))), default=())
    if floor and newest:
        yield found("floor", f"{known.told(macho.path)} needs macOS {'.'.join(map(str, newest))}, {floor} is promised", path=macho.path)


def _nowhere(code: Code, known: Known) -> Iterator[Finding]:
    """`missing-library`: what is neither in the tree nor in every macOS. What a file does without is a warning.

    So is what lies elsewhere in the tree: it is found only when something else has loaded it before.
    """
    links = {entry.path: entry.link for entry in code.entries if entry.kind == "link"}
    there = {entry.path for entry in code.entries if entry.kind != "directory"}
    names = {posixpath.basename(path) for path in there}
    mains = [path for name in code.programs if (path := followed(name, links)) in there]
    for path, text, weak in unfound({macho.path: macho.slices for macho in code.machos}, links, there, mains):
        name = posixpath.basename(text)
        where = "not where it is looked for" if name in names else "neither in the tree nor part of macOS"
        message = f"{text} is {where}, and is needed by {known.told(path)}"
        yield found("missing-library", message, path=path, level="warning" if weak or name in names else None)


def _outside(machos: Sequence[Macho]) -> Iterator[Finding]:
    """`runpath`: files that load, or look for, libraries in folders of the machine that they were built on.

    The folders are not named: findings are published with the manifest, and such a folder is often somebody's home.
    """
    for macho in machos:
        loads = [posixpath.basename(text) for text, weak in loaded(macho.slices).items() if not weak and _is_foreign(text)]
        if loads:
            more = f" and {len(loads) - SHOWN} more" if len(loads) > SHOWN else ""
            yield found(
                "runpath",
                f"{macho.path} loads {', '.join(loads[:SHOWN])}{more} from a folder of the machine that it was built on",
                path=macho.path,
            )
    foreign = [macho for macho in machos if any(_is_foreign(rpath) for part in macho.slices for rpath in part.rpaths)]
    used = [macho.path for macho in foreign if any(text.startswith("@rpath/") for text in loaded(macho.slices))]
    unused = [macho.path for macho in foreign if macho.path not in used]  # many a wheel has such left over from its making
    if used:
        more = f" and {len(used) - 1} more search" if len(used) > 1 else " searches"
        yield found("runpath", f"{used[0]}{more} for libraries in a folder of the machine that it was built on", path=used[0])
    if unused:
        more = f" and {len(unused) - 1} more name" if len(unused) > 1 else " names"
        message = f"{unused[0]}{more} a folder of the machine that it was built on, and searches for nothing there"
        yield found("runpath", message, path=unused[0], level="warning")


def _is_foreign(text: str) -> bool:
    return text.startswith("/") and not f"{text}/".startswith(_SYSTEM)
