"""What ELF files say of the systems that they need: their C library and its version, and where they search for libraries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from coldforge.freeze.binaries import Elf, version
from coldforge.freeze.gates import Known, found
from coldforge.plan.libraries import unknown
from coldforge.records import Finding, Need
from coldforge.target import Target

SHOWN: Final = 5
# What every wheel may expect of a system, and brings no copy of: PEP 600 (auditwheel's policy of manylinux_2_28).
WHEELS_EXPECT: Final = frozenset(
    {"libgcc_s.so.1", "libstdc++.so.6", "libatomic.so.1", "libX11.so.6", "libXext.so.6", "libXrender.so.1", "libICE.so.6", "libSM.so.6",
     "libGL.so.1", "libgobject-2.0.so.0", "libgthread-2.0.so.0", "libglib-2.0.so.0", "libz.so.1", "libexpat.so.1"}
)  # fmt: skip


def from_floor(floor: str, elfs: Iterable[Elf], known: Known) -> Iterator[Finding]:
    """`floor`: files that ask for a newer glibc than the plan promises."""
    for elf in elfs if floor else ():
        if elf.glibc > version(floor):
            needs = ".".join(map(str, elf.glibc))
            yield found("floor", f"{known.told(elf.path)} needs glibc {needs}, {floor} is promised", path=elf.path)


def from_c_library(target: Target, elfs: Iterable[Elf], known: Known) -> Iterator[Finding]:
    """`floor`: files that are made for another C library than the target's, which does not load them."""
    own, other = ("musl", "glibc") if target.musl else ("glibc", "musl")
    for elf in elfs if target.os == "linux" else ():
        if elf.c_library == other:
            by = f" (its loader is {elf.loader})" if elf.loader else ""
            yield found("floor", f"{known.told(elf.path)} is made for {other}{by}, {target} has {own}", path=elf.path)


def from_needs(needs: Iterable[Need], packages: Mapping[str, str], declared: Iterable[str], known: Known) -> Iterator[Finding]:
    """`missing-library`: what no file of the tree is and no distribution is known to bring (`packages` by soname, those `declared`)."""
    for need in unknown(needs, packages, declared):
        message = f"{need.soname} is not in the tree, and is needed by {known.told(need.by)}"
        yield found("missing-library", message, path=need.by)


def from_runpath(elfs: Iterable[Elf]) -> Iterator[Finding]:
    """`runpath`: files that search for libraries in folders of the machine they were built on.

    The folders are not named: findings are published with the manifest, and such a folder is often somebody's home.
    """
    paths = sorted(elf.path for elf in elfs if any(folder and not folder.startswith("$ORIGIN") for folder in elf.runpath.split(":")))
    if paths:
        more = f" and {len(paths) - 1} more search" if len(paths) > 1 else " searches"
        message = f"{paths[0]}{more} for libraries in a folder of the machine that the Python was built on"
        yield found("runpath", message, path=paths[0])


def from_system(elfs: Sequence[Elf], known: Known, *, pinned: bool) -> Iterator[Finding]:
    """`system-library`: libraries of the machine that neither Python needs nor every wheel may expect, by the file that brought them.

    `pinned` tells whether that machine is an image, whose libraries are the same for everybody: then it is a warning.
    """
    kinds = {elf.path: origin.kind for elf in elfs if (origin := known.origins.get(elf.path))}
    reached = _reached(elfs)
    expected = {path for elf in elfs if kinds.get(elf.path) == "python" or _name(elf.path) in WHEELS_EXPECT for path in reached[elf.path]}
    foreign = {path for path, kind in kinds.items() if kind == "system"} - expected
    # what a collected file needs was brought by it, and what a module loads by its name brings what it needs
    bringers = [path for path in sorted(kinds) if kinds[path] not in ("system", "python")]
    bringers += [path for path in sorted(foreign) if known.importers.get(path)] + sorted(foreign)
    for bringer in bringers:
        brought = sorted(reached[bringer] & foreign)
        foreign -= reached[bringer]
        if brought:
            more = f" and {len(brought) - SHOWN} more" if len(brought) > SHOWN else ""
            names = ", ".join(known.told(path) for path in brought[:SHOWN] if path != bringer)
            told = f"{known.told(bringer)} brings {names}{more}" if names else f"{known.told(bringer)} was collected"
            yield found(
                "system-library", f"{told}, of the machine that it was frozen on", path=bringer, level="warning" if pinned else None
            )


def _reached(elfs: Sequence[Elf]) -> Mapping[str, frozenset[str]]:
    """For every file: itself, and the files of the tree that it needs, directly or not."""
    places = {_name(elf.path): elf.path for elf in elfs}
    needs = {elf.path: {places[soname] for soname in elf.needed if soname in places} for elf in elfs}
    found: dict[str, frozenset[str]] = {}
    for path in needs:
        reached, rest = {path}, [path]
        while rest:
            more = needs[rest.pop()] - reached
            reached |= more
            rest += more
        found[path] = frozenset(reached)
    return found


def _name(path: str) -> str:
    return path.rpartition("/")[2]
