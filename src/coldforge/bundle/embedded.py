"""Bills of materials that wheels carry (PEP 770): what was compiled or copied into them, which no installer knows of.

They come from whoever made the wheel: taken over is what tells what a component is, as far as it has the form that CycloneDX asks for.
What cannot be read is still named with its digest, and never stops a build.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Annotated, Final, Literal

import msgspec

from coldforge.bundle import identity
from coldforge.bundle.tree import Tree
from coldforge.records import FileEntry

if TYPE_CHECKING:
    from cyclonedx.model.bom_ref import BomRef
    from cyclonedx.model.component import Component
    from cyclonedx.model.dependency import Dependency

_PLACE: Final = re.compile(r"(?:^|/)[^/]+\.dist-info/sboms/[^/]+$")
LARGEST: Final = 50_000_000  # bytes that are read
_DEEPEST: Final = 20  # components in components
_CPE: Final = re.compile(r"cpe:2\.3:[aho](:[A-Za-z0-9._*-]+){10}")
Name = Annotated[str, msgspec.Meta(min_length=1)]


class _Said(msgspec.Struct, rename="camel"):
    """The base of what is read of a document: JSON of these types; everything else in it is left alone."""


class Hash(_Said):
    """A digest by its algorithm."""

    alg: str
    content: str


class Licence(_Said):
    """A licence by SPDX's name or its own."""

    id: str = ""
    name: str = ""


class Choice(_Said):
    """A licence, or an expression of several."""

    expression: str = ""
    license: Licence = msgspec.field(default_factory=Licence)


class Told(_Said):
    """A component: what it is, in its maker's words."""

    type: Name
    name: Name
    bom_ref: str = msgspec.field(name="bom-ref", default="")
    group: str = ""
    version: str = ""
    description: str = ""
    scope: Literal["required", "optional", "excluded"] = "required"
    purl: str = ""
    cpe: str = ""
    hashes: list[Hash] = []
    licenses: list[Choice] = []
    components: list[Told] = []


class Needs(_Said):
    """Who needs whom, by reference."""

    ref: Name
    depends_on: list[str] = []


class About(_Said):
    """What a document is about."""

    component: Told | None = None


class Bill(_Said):
    """The part of a CycloneDX document that is taken over."""

    bom_format: Literal["CycloneDX"]
    metadata: About = msgspec.field(default_factory=About)
    components: list[Told] = []
    dependencies: list[Needs] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """One bill: `entry` is the file; its components have names of their own, `root` is the one that it is about, if it says."""

    entry: FileEntry
    root: BomRef | None = None
    components: tuple[Component, ...] = ()
    dependencies: tuple[Dependency, ...] = ()


def embedded(entries: Iterable[FileEntry], tree: Tree, owner: str) -> Iterator[Embedded]:
    """The bills among the files of a part; `owner` is its name in ours, below which theirs are put."""
    sources = {node.path: node.source for node in tree}
    for entry in entries:
        if _PLACE.search(entry.path) and (source := sources.get(entry.path)):
            data = source.read_bytes() if entry.size <= LARGEST else b""
            yield read(entry, data, f"{owner}/{entry.path.rpartition('/')[2]}")


def read(entry: FileEntry, data: bytes, prefix: str) -> Embedded:
    """What a file says, under names below the prefix; nothing when it is no CycloneDX document (SPDX is named, not read)."""
    try:
        return taken_over(entry, msgspec.json.decode(data, type=Bill), prefix)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return Embedded(entry=entry)


def taken_over(entry: FileEntry, bill: Bill, prefix: str) -> Embedded:
    """The bill's components: two wheels may carry the same crate, and a name must be there once. Raises ValueError for a wrong word."""
    numbers = count()
    refs: dict[str, BomRef] = {}

    def copy(told: Told, depth: int) -> Component:
        if depth > _DEEPEST:
            raise ValueError(f"{told.name} is in too many others")
        said = told.bom_ref or f"#{next(numbers)}"
        made = _component(told, f"{prefix}/{said}" if said not in refs else f"{prefix}/{said}#{next(numbers)}")
        refs.setdefault(said, made.bom_ref)
        made.components = [copy(inner, depth + 1) for inner in told.components]
        return made

    main = bill.metadata.component
    components = tuple(copy(told, 0) for told in [*([main] if main else []), *bill.components])
    return Embedded(
        entry=entry,
        root=components[0].bom_ref if main else None,
        components=components,
        dependencies=tuple(_dependencies(bill.dependencies, refs)),
    )


def _component(told: Told, name: str) -> Component:
    from cyclonedx.model.component import Component, ComponentScope, ComponentType
    from packageurl import PackageURL

    return Component(
        bom_ref=name,
        type=ComponentType(told.type),
        group=told.group or None,
        name=told.name,
        version=told.version or None,
        description=told.description or None,
        scope=ComponentScope(told.scope),
        hashes=[
            identity.sha256(found.content) for found in told.hashes if found.alg == "SHA-256" and identity.SHA256.fullmatch(found.content)
        ],
        licenses=list(identity.all_of(_licences(told.licenses))),
        purl=PackageURL.from_string(told.purl) if told.purl else None,
        cpe=told.cpe if _CPE.fullmatch(told.cpe) else None,
    )


def _licences(choices: Sequence[Choice]) -> list[str]:
    return [choice.expression or choice.license.id or choice.license.name for choice in choices]


def _dependencies(found: Iterable[Needs], refs: Mapping[str, BomRef]) -> Iterator[Dependency]:
    """Between those that are there; a reference that is said twice counts once."""
    from cyclonedx.model.dependency import Dependency

    needs: dict[str, set[str]] = {}
    for said in found:
        needs.setdefault(said.ref, set()).update(said.depends_on)
    for name in sorted(needs.keys() & refs.keys()):
        yield Dependency(refs[name], [Dependency(refs[other]) for other in sorted(needs[name] & refs.keys())])
