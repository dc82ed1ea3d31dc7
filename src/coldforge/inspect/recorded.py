"""What documents say of what was made: the index of a payload, a manifest, a bill of materials; told apart by what only one of them has."""

from __future__ import annotations

import json
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

import msgspec
from msgspec.structs import replace

from coldforge.bundle.weights import shares
from coldforge.inspect.contents import Item
from coldforge.inspect.inspection import Inspection, Part
from coldforge.records import Component, Distribution, Manifest, Payload, decode


class _Fact(msgspec.Struct):
    name: str = ""
    value: str = ""


class _Licence(msgspec.Struct):
    id: str = ""
    name: str = ""


class _Choice(msgspec.Struct):
    expression: str = ""
    license: _Licence = msgspec.field(default_factory=_Licence)


class _Named(msgspec.Struct, rename="kebab"):
    """A component of CycloneDX, as far as people ask for it."""

    name: str
    type: str = ""
    version: str = ""
    bom_ref: str = ""
    licenses: list[_Choice] = []
    properties: list[_Fact] = []


class _About(msgspec.Struct):
    component: _Named | None = None
    timestamp: str = ""
    properties: list[_Fact] = []


class Bill(msgspec.Struct, rename="camel"):
    """The top of a CycloneDX document."""

    metadata: _About = msgspec.field(default_factory=_About)
    components: list[_Named] = []
    serial_number: str = ""


def record(path: Path) -> Inspection:
    """What a JSON document says. Raises ConfigurationError when it is none that coldforge can read."""
    data = path.read_bytes()
    document = json.loads(data)
    if document.get("bomFormat") == "CycloneDX":
        found = _bill(decode(data, Bill, path))
    else:
        found = _payload(decode(data, Payload, path)) if "files" in document else _manifest(decode(data, Manifest, path))
    return replace(found, name=path.name, size=len(data), sha256=sha256(data).hexdigest())


def _bill(bill: Bill) -> Inspection:
    about = bill.metadata.component
    facts = {fact.name.removeprefix("coldforge:"): fact.value for fact in bill.metadata.properties}
    head = {"product": about.name if about else "", "version": about.version if about else "", "serial number": bill.serial_number}
    parts = [_named(component) for component in ([about] if about else []) + bill.components]
    return Inspection(
        name="",
        kind="CycloneDX",
        size=0,
        sha256="",
        fields={**head, "time": bill.metadata.timestamp, **{name: value for name, value in facts.items() if name in ("target", "commit")}},
        floor=facts.get("floor", ""),
        libraries=tuple(facts.get("libraries-of-the-system", "").split()),
        parts=tuple(sorted(parts, key=lambda part: (-part.size, part.kind, part.name))),
    )


def _named(component: _Named) -> Part:
    size = next((fact.value for fact in component.properties if fact.name == "coldforge:size"), "")
    kind = component.bom_ref.partition("/")[0] if size else component.type
    licences = (choice.expression or choice.license.id or choice.license.name for choice in component.licenses)
    return Part(
        name=component.name, kind=kind, version=component.version, license=", ".join(licences), size=int(size) if size.isdecimal() else 0
    )


def part_of(part: Component, size: int) -> Part:
    """A part as it is shown, with its size in bytes."""
    return Part(name=part.name, kind=part.kind, version=part.version, license=part.license, size=size, requires=part.requires)


def _manifest(manifest: Manifest) -> Inspection:
    source = manifest.source
    head = {"product": manifest.product, "version": manifest.version, "commit": source.commit, "tag": source.tag}
    items = tuple(Item(path=made.path, size=made.size, sha256=made.sha256, note=made.format) for made in manifest.artifacts)
    return Inspection(name="", kind="manifest", size=0, sha256="", fields=head, items=items)


def _listed(distributions: Iterable[Distribution]) -> str:
    return " ".join(f"{dist.name}=={dist.version}" for dist in distributions)


def _payload(payload: Payload) -> Inspection:
    environment, interpreter = payload.environment, payload.environment.interpreter
    head = {
        "target": payload.target,
        "python": f"{interpreter.implementation} {interpreter.version}" if interpreter else "",
        "tools": "; ".join(environment.tools.values()),
        "frozen on": f"{environment.system} ({environment.workshop})",
        "distributions": _listed(environment.distributions),
        "extras and groups": ", ".join((*environment.extras, *environment.groups)),
        "built from source": "; ".join(f"{name}, with {_listed(used)}" for name, used in sorted(environment.built.items())),
    }
    parts = (part_of(share.part, share.size) for share in shares(payload))
    items = (
        Item(
            path=entry.path,
            kind=entry.kind if entry.kind in ("link", "directory") else "file",
            size=entry.size,
            sha256=entry.sha256,
            mode=f"{entry.mode:o}",
            link=entry.link,
            note=f"{entry.kind} of {entry.origin.name or entry.origin.kind} {entry.origin.version}".strip(),
        )
        for entry in payload.files
    )
    return Inspection(
        name="",
        kind="payload",
        size=0,
        sha256="",
        fields=head,
        floor=payload.floor,
        libraries=payload.required,
        parts=tuple(parts),
        items=tuple(items),
    )
