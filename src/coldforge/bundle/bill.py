"""A bill of materials, put together: the product and every other part of a payload with their files, and who needs whom."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from coldforge import __version__
from coldforge.bundle import BundleJob, identity
from coldforge.bundle.embedded import Embedded, embedded
from coldforge.bundle.tree import Tree
from coldforge.bundle.weights import Share, shares
from coldforge.host import clock
from coldforge.project.metadata import NOBODY
from coldforge.records import GITHUB, FileEntry
from coldforge.target import Target

if TYPE_CHECKING:
    from cyclonedx.model.bom import Bom, BomMetaData
    from cyclonedx.model.component import Component
    from cyclonedx.model.component_evidence import ComponentEvidence
    from cyclonedx.model.dependency import Dependency

OWN: Final = "application"
_CODE: Final = ("executable", "library", "extension")


def document(job: BundleJob, tree: Tree) -> Bom:
    """The bill without its number: the product and every other part of it with their files, and who needs whom."""
    from cyclonedx.model.bom import Bom

    found = {ref(share): share for share in shares(job.payload)}
    bills = {name: tuple(embedded(share.files, tree, name)) for name, share in found.items()}
    parts = {name: _component(job, name, share, bills[name]) for name, share in found.items()}
    main = parts.pop(OWN) if OWN in parts else _component(job, OWN, None, ())
    inner = [dependency for group in bills.values() for bill in group for dependency in bill.dependencies]
    return Bom(
        serial_number=UUID(int=0),
        metadata=_metadata(job, main, tree.epoch),
        components=parts.values(),
        dependencies=[*_dependencies(found, bills), *inner],
    )


def ref(share: Share) -> str:
    """What a part is called within the document."""
    return OWN if share.part.kind == OWN else f"{share.part.kind}/{share.part.name}"


def _metadata(job: BundleJob, main: Component, epoch: int) -> BomMetaData:
    from cyclonedx.model.bom import BomMetaData
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.model.lifecycle import LifecyclePhase, PredefinedLifecycle
    from cyclonedx.model.tool import ToolRepository

    payload = job.payload
    facts = {"target": payload.target, "payload:sha256": payload.digest, "floor": payload.floor, "commit": job.plan.source.commit}
    tools = [("tool", f"{asked}: {said}") for asked, said in payload.environment.tools.items()]
    return BomMetaData(
        timestamp=datetime.fromisoformat(clock.iso(epoch)),
        tools=ToolRepository(components=[Component(type=ComponentType.APPLICATION, name="coldforge", version=__version__)]),
        component=main,
        lifecycles=[PredefinedLifecycle(phase=LifecyclePhase.BUILD)],
        properties=_properties([*facts.items(), ("libraries-of-the-system", " ".join(payload.required)), *tools]),
    )


def _component(job: BundleJob, name: str, share: Share | None, bills: tuple[Embedded, ...]) -> Component:
    """One part as CycloneDX says it; the application as the product that it is."""
    from cyclonedx.model.component import Component, ComponentType

    kinds = {OWN: ComponentType.APPLICATION, "python": ComponentType.PLATFORM}
    said = _product(job) if name == OWN or share is None else _part(job, share)
    return Component(
        bom_ref=name,
        type=kinds.get(name.partition("/")[0], ComponentType.LIBRARY),
        properties=_properties(_facts(job, share) if share else ()),
        components=[*_code(share.files if share else ()), *(inner for bill in bills for inner in bill.components)],
        evidence=_evidence(share.files) if share and share.files else None,
        **{**said, "external_references": [*said.get("external_references", ()), *map(_reference_to, bills)]},
    )


def _part(job: BundleJob, share: Share) -> dict[str, Any]:
    part, environment = share.part, job.payload.environment
    return {
        "name": part.name,
        "version": part.version,
        "purl": identity.purl(part, environment, Target.parse(job.payload.target)),
        "cpe": identity.cpe(part),
        "hashes": identity.hashes(part, environment),
        "licenses": identity.licences(part.license),
    }


def _product(job: BundleJob) -> dict[str, Any]:
    from cyclonedx.model import ExternalReference, ExternalReferenceType, XsUri
    from cyclonedx.model.contact import OrganizationalEntity
    from packageurl import PackageURL

    product, source = job.plan.product, job.plan.source
    repository = source.repository if "://" in source.repository or not source.repository else GITHUB + source.repository
    vcs = {"vcs_url": f"git+{repository}{f'@{source.commit}' if source.commit else ''}"} if repository else {}
    places = ((ExternalReferenceType.WEBSITE, product.homepage), (ExternalReferenceType.VCS, repository))
    return {
        "name": product.name,
        "version": product.version,
        "description": product.summary or None,
        "purl": PackageURL(type="generic", name=product.name, version=product.version, qualifiers=vcs),
        "licenses": identity.licences(product.license),
        "supplier": OrganizationalEntity(name=product.maintainer) if product.maintainer and NOBODY not in product.maintainer else None,
        "external_references": [ExternalReference(type=kind, url=XsUri(url)) for kind, url in places if url],
    }


def _facts(job: BundleJob, share: Share) -> Iterator[tuple[str, str]]:
    """What CycloneDX has no words for: bytes in the payload, where the licence texts are, the digests that a lock allows."""
    yield "size", str(share.size)
    yield from (("license-text", f"licenses/{text}") for text in share.part.texts)
    allowed = identity.locked(share.part, job.payload.environment)
    yield from (("locked", digest) for digest in (allowed if len(allowed) > 1 else ()))
    if share.part.kind == "python" and (interpreter := job.payload.environment.interpreter):
        yield "build", interpreter.build


def _properties(facts: Iterable[tuple[str, str]]) -> list[Any]:
    from cyclonedx.model import Property

    return [Property(name=f"coldforge:{name}", value=value) for name, value in facts if value]


def _code(entries: Iterable[FileEntry]) -> Iterator[Component]:
    """The files that the system loads, each with its digest; payload.json has those of all files."""
    from cyclonedx.model.component import Component, ComponentType

    for entry in entries:
        if entry.kind in _CODE:
            yield Component(bom_ref=f"file/{entry.path}", type=ComponentType.FILE, name=entry.path, hashes=[identity.sha256(entry.sha256)])


def _evidence(entries: Iterable[FileEntry]) -> ComponentEvidence:
    """Where the part was found: every file of the payload that comes from it."""
    from cyclonedx.model.component_evidence import ComponentEvidence, Occurrence

    return ComponentEvidence(occurrences=[Occurrence(location=entry.path) for entry in entries])


def _reference_to(bill: Embedded) -> Any:
    from urllib.parse import quote

    from cyclonedx.model import ExternalReference, ExternalReferenceType, XsUri

    where = XsUri(quote(bill.entry.path))
    return ExternalReference(type=ExternalReferenceType.BOM, url=where, hashes=[identity.sha256(bill.entry.sha256)])


def _dependencies(found: Mapping[str, Share], bills: Mapping[str, tuple[Embedded, ...]]) -> Iterator[Dependency]:
    """Who needs whom, as far as metadata tells; what nobody is known to need is the product's: it is in there."""
    from cyclonedx.model.bom_ref import BomRef
    from cyclonedx.model.dependency import Dependency

    names = {share.part.name: name for name, share in found.items() if share.part.kind != "system"}
    needs = {name: {names[other] for other in share.part.requires if other in names} - {name} for name, share in found.items()}
    needed = {other for name, others in needs.items() if name != OWN for other in others}
    needs[OWN] = needs.get(OWN, set()) | {name for name in found if name != OWN and name not in needed}
    for name in sorted(needs):
        roots = [bill.root for bill in bills.get(name, ()) if bill.root]
        if needs[name] or roots:
            yield Dependency(BomRef(name), [*(Dependency(BomRef(other)) for other in sorted(needs[name])), *map(Dependency, roots)])
