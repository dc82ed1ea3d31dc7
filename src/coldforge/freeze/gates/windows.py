"""What PE files say of the Windows that they need: libraries, the architecture, and what protects them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Final

from coldforge import recipes
from coldforge.freeze.gates import Known, found
from coldforge.freeze.programs import Pe
from coldforge.records import Finding
from coldforge.target import Target

TABLE: Final = "build/libraries/windows.txt"
_SETS: Final = ("api-ms-win-", "ext-ms-")
SHOWN: Final = 3


def own(project: Path) -> frozenset[str]:
    """The libraries that every Windows has."""
    lines = recipes.find(TABLE, project).read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))


def from_programs(target: Target, pes: Sequence[Pe], windows: AbstractSet[str], known: Known) -> Iterator[Finding]:
    """All that is wrong with the PE files of a tree; `windows` are the libraries that are there without it."""
    yield from _nowhere(pes, windows, known)
    yield from _of_wine(pes, known)
    for pe in pes:
        if pe.machine != target.arch:
            yield found("floor", f"{known.told(pe.path)} is made for {pe.machine}, {target} has {target.arch}", path=pe.path)
    yield from _unprotected(pes, known)


def _nowhere(pes: Sequence[Pe], windows: AbstractSet[str], known: Known) -> Iterator[Finding]:
    """`missing-library`: what is neither in the tree nor in every Windows. What is loaded later may never be: a warning."""
    here = {pe.path.rpartition("/")[2].lower() for pe in pes}
    for pe in pes:
        for library in (name for name in (*pe.needed, *pe.later) if name not in here | windows and not name.startswith(_SETS)):
            message = f"{library} is neither in the tree nor part of Windows, and is needed by {known.told(pe.path)}"
            yield found("missing-library", message, path=pe.path, level=None if library in pe.needed else "warning")


def _of_wine(pes: Sequence[Pe], known: Known) -> Iterator[Finding]:
    """`system-library`: files of Wine, which are good for nothing on Windows, and files of Windows, which are another machine's."""
    for pe in pes:
        origin = known.origins.get(pe.path)
        if pe.of_wine:
            yield found("system-library", f"{known.told(pe.path)} is a part of Wine, by which it was frozen", path=pe.path)
        elif origin and origin.kind == "system":
            yield found("system-library", f"{known.told(pe.path)} is a part of the Windows that it was frozen on", path=pe.path)


def _unprotected(pes: Sequence[Pe], known: Known) -> Iterator[Finding]:
    """`protection`: files that do without what Windows would do for them, by what they do without."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for pe in pes:
        if pe.unprotected:
            groups.setdefault(pe.unprotected, []).append(pe.path)
    for lacking, paths in groups.items():
        more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
        message = f"{', '.join(map(known.told, paths[:SHOWN]))}{more} {'do' if len(paths) > 1 else 'does'} without {', '.join(lacking)}"
        yield found("protection", message, path=paths[0])
