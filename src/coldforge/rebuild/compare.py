"""The first difference of two files, followed inwards: through archives to a member, a section, a function, a line.

Views in, a `Difference` out. Files may be anybody's: nothing of them is extracted or run, and what is unpacked, read and
shown is bounded. Parts that are made of other parts (sums, build ids, a package's control data) are looked at last.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from coldforge.errors import Missing
from coldforge.rebuild import content, elf
from coldforge.rebuild.containers import container_of
from coldforge.rebuild.members import Container, Member, damage
from coldforge.rebuild.place import Place
from coldforge.rebuild.verdict import Difference
from coldforge.rebuild.views import Budget, first_offset, view_of

DEPTH: Final = 12
# The main program of an application for macOS has the digest of the seal in it, and that those of everything else.
_DERIVED: Final = re.compile(
    r"(^|/)(control\.tar(\.\w+)?|md5sums|RECORD|components\.json|_gpg\w*|\.PKGINFO|\.MTREE|_CodeSignature/CodeResources"
    r"|Bom|PackageInfo|Distribution|[^/]+\.app/Contents/MacOS/[^/]+)$"
)


def is_derived(name: str) -> bool:
    """Whether a member is made of the others, so that its difference follows from theirs."""
    return _DERIVED.search(name) is not None


def compare(released: Path, rebuilt: Path) -> Difference | None:
    """The first difference of two artifacts; None when they are the same bytes."""
    return differs(released.name, view_of(released), view_of(rebuilt))


def differs(name: str, released: memoryview, rebuilt: memoryview, *, budget: Budget | None = None) -> Difference | None:
    """The same for bytes that are called `name`."""
    return _files(Place(where=(name,), budget=budget or Budget()), released, rebuilt)


def _files(place: Place, one: memoryview, other: memoryview) -> Difference | None:
    offset = first_offset(one, other)
    if offset is None:
        return None
    try:
        found = _inside(place, one, other)
    except damage():  # it is not what it looks like: then its bytes are what there is to compare
        found = None
    except Missing as error:  # the same goes for what only an absent tool can look into, but it is said
        return replace(content.raw(place, one, other, offset), cause=f"not looked into: {error}. {error.hint}")
    return found or content.raw(place, one, other, offset)


def _inside(place: Place, one: memoryview, other: memoryview) -> Difference | None:
    if len(place.where) > DEPTH:
        return None
    pair = container_of(one, place.budget), container_of(other, place.budget)
    if pair[0] and pair[1] and pair[0].kind == pair[1].kind:
        return _containers(place, pair[0], pair[1])
    if bytes(one[:4]) == bytes(other[:4]) == b"\x7fELF":
        return _elf(place, one, other)
    return content.code(place, one, other) or content.lines(place, one, other)


def _containers(place: Place, one: Container, other: Container) -> Difference | None:
    names, others = [member.name for member in one.members], [member.name for member in other.members]
    if gone := _first_without(names, others):
        return place.into(gone).found("missing")
    if new := _first_without(others, names):
        return place.into(new).found("added")
    if names != others:
        return _order(place, names, others)
    pairs = sorted(zip(one.members, other.members, strict=True), key=lambda pair: is_derived(pair[0].name))
    found = next(_different(place, pairs), None)
    return found or _facts(place, one, other) or place.found("encoding", one.kind, other.kind)


def _first_without(names: Sequence[str], others: Sequence[str]) -> str:
    known = set(others)
    return next((name for name in names if name not in known), "")


def _different(place: Place, pairs: Sequence[tuple[Member, Member]]) -> Iterator[Difference]:
    for one, other in pairs:
        here = place.into(one.name)
        if found := _files(here, one.read(), other.read()) or _facts(here, one, other):
            yield found


def _order(place: Place, names: Sequence[str], others: Sequence[str]) -> Difference:
    number, one, other = next((n, x, y) for n, (x, y) in enumerate(zip_longest(names, others, fillvalue="the end")) if x != y)
    return place.into(f"member {number}").found("order", one, other)


def _facts(place: Place, one: Member | Container, other: Member | Container) -> Difference | None:
    for what, value in one.facts.items():
        if value != (there := other.facts.get(what, "")):
            return place.found(what, value, there)
    return None


def _elf(place: Place, one: memoryview, other: memoryview) -> Difference | None:
    found = elf.difference(one, other)
    return place.into(*found.where).found("content", found.released, found.rebuilt) if found else None
