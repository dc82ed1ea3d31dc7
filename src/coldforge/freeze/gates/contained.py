"""What a tree is made of, against what was asked for: its size, parts that nobody needs, parts that no lock names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from coldforge.freeze.gates import Import, found
from coldforge.records import Component, Finding
from coldforge.report.reporter import megabytes

LARGEST: Final = 10
SHOWN: Final = 3
_FREEZER: Final = frozenset({"pyinstaller", "pyinstaller-hooks-contrib"})  # the boot loader, and what runs before a program starts


def from_budget(budget: int, size: int, components: Sequence[Component], *, programs: int) -> Iterator[Finding]:
    """`budget`: a tree of more bytes than its target may have. Every one of the programs carries the archive of modules."""
    if not budget or size <= budget:
        return
    sizes = {(part.kind, part.name): part.size + part.archived * programs for part in components}
    machine = sum(number for (kind, _), number in sizes.items() if kind in ("python", "system"))
    own = {name: number for (kind, name), number in sizes.items() if kind in ("application", "distribution")}
    largest = sorted(own, key=lambda name: (-own[name], name))[:LARGEST]
    named = ", ".join(f"{name} {megabytes(own[name])}" for name in largest)
    parts = f"; Python and libraries of the system have {megabytes(machine)} of it, the largest distributions: {named}" if named else ""
    yield found("budget", f"the tree has {megabytes(size)}, {megabytes(budget)} are allowed{parts}")


def from_unused(components: Sequence[Component], imports: Sequence[Import]) -> Iterator[Finding]:
    """`unused`: distributions in the tree that only others import, where they happen to be there."""
    used = in_use(components, imports)
    for part in components:
        modules = sorted({module for name, _, module, _ in imports if name == part.name and module})
        if part.kind == "distribution" and modules and part.name not in used:
            told = f"{part.name} {part.version} was collected, and nothing that the project uses requires it"
            yield found("unused", f"{told}; it is imported by {_listed(modules)}")


def from_unlocked(components: Sequence[Component], imports: Sequence[Import]) -> Iterator[Finding]:
    """`unlocked`: distributions in the tree that are there for the freezer only; a warning where nothing needs them."""
    used = in_use(components, imports)
    for part in components:
        if part.kind == "freezer" and part.name not in _FREEZER and part.size + part.archived:
            modules = sorted({module for name, _, module, _ in imports if name == part.name and module})
            by = f"; it is imported by {_listed(modules)}" if modules else ""
            message = f"{part.name} {part.version} was collected, which the lock does not name: it was there for PyInstaller{by}"
            yield found("unlocked", message, level=None if part.name in used else "warning")


def in_use(components: Sequence[Component], imports: Sequence[Import]) -> AbstractSet[str]:
    """The parts that the application needs: what it imports in any way, what those require or always import, and so on.

    Python comes without any of them: what one of its modules imports is for those who bring it.
    """
    needs = {part.name: set(part.requires) for part in components if part.kind != "python"}
    own = {part.name for part in components if part.kind == "application"}
    for name, by, _, plain in imports:
        if by in needs and (plain or by in own):
            needs[by].add(name)
    used, rest = set(own), list(own)
    while rest:
        more = needs.get(rest.pop(), set()) - used
        used |= more
        rest += more
    return used


def _listed(modules: Sequence[str]) -> str:
    more = f" and {len(modules) - SHOWN} more" if len(modules) > SHOWN else ""
    return f"{', '.join(modules[:SHOWN])}{more}"
