"""What ELF files say of the systems that they need: the glibc that they ask for, and where they search for libraries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from coldforge.freeze.binaries import Elf, version
from coldforge.freeze.gates import Known, found
from coldforge.records import Finding


def from_floor(floor: str, elfs: Iterable[Elf], known: Known) -> Iterator[Finding]:
    """`floor`: files that ask for a newer glibc than the plan promises."""
    for elf in elfs if floor else ():
        if elf.glibc > version(floor):
            needs = ".".join(map(str, elf.glibc))
            yield found("floor", f"{known.told(elf.path)} needs glibc {needs}, {floor} is promised", path=elf.path)


def from_runpath(elfs: Iterable[Elf]) -> Iterator[Finding]:
    """`runpath`: files that search for libraries in folders of the machine they were built on.

    The folders are not named: findings are published with the manifest, and such a folder is often somebody's home.
    """
    paths = sorted(elf.path for elf in elfs if any(folder and not folder.startswith("$ORIGIN") for folder in elf.runpath.split(":")))
    if paths:
        more = f" and {len(paths) - 1} more search" if len(paths) > 1 else " searches"
        message = f"{paths[0]}{more} for libraries in a folder of the machine that the Python was built on"
        yield found("runpath", message, path=paths[0])
