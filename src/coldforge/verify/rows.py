"""The row of every file in a release's folder, from what is known of it: pure but for the files that it compares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

import msgspec
from msgspec.structs import replace as replace_fields

from coldforge.predicate import COLDFORGE, Predicate
from coldforge.records import (
    ATTESTATIONS,
    BUNDLE_SUFFIX,
    CARRIED,
    MANIFEST,
    SBOM,
    SUMS,
    TREE,
    Artifact,
    Carried,
    FileEntry,
    Manifest,
    Origin,
    released_files,
    sums,
)
from coldforge.verify import code, rebuilders
from coldforge.verify.claims import KINDS, Fault, demanded, fault, kinds_by_name
from coldforge.verify.evidence import PROVENANCES, Statement, Unusable
from coldforge.verify.folder import Folder
from coldforge.verify.policy import Policy, mismatches
from coldforge.verify.verdict import Case, Row, Word, judge

Sayings = Mapping[str, list[Statement | Unusable]]
"""What the bundles say, by the name of the file that each lies beside; that of the list holds all of its entries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The manifest's row. `statement` is there when it is genuine, `manifest` when this version can read it as well."""

    row: Row
    statement: Statement | None = None
    manifest: Manifest | None = None

    def unlisted(self, name: str, why: str = "the release does not list it") -> Row:
        """The row of something that the manifest does not name."""
        if self.manifest:
            return Row(name=name, word="extra", why=why)
        if self.statement:
            return Row(name=name, word="uncheckable", why="the manifest that may list it cannot be read by this version")
        return Row(name=name, word="extra", why="nothing that could be trusted lists it")


@dataclass(frozen=True, kw_only=True)
class Found:
    """All that is known of a folder when it is judged: its files and their digests, what the bundles say, and what is demanded."""

    folder: Folder
    digests: Mapping[str, str]
    evidence: Sayings
    policy: Policy
    head: Head
    told: rebuilders.Told

    def judge(self, name: str, statements: Sequence[Statement | Unusable], types: tuple[str, ...] = PROVENANCES) -> Row:
        """The row of a file of the release, by its statements of these types."""
        commit = (self.head.statement and self.head.statement.commit) or ""
        case = Case(name=name, sha256=self.digests.get(name), statements=statements, types=types)
        return judge(case, self.policy, commit=commit)

    @cached_property
    def claims(self) -> tuple[tuple[Statement, Fault | None], ...]:
        """The statements beside provenance, wherever they lie, and what each has against itself; what a stranger says is not even read."""
        if self.head.manifest is None:
            return ()
        items = {id(item): item for items in self.evidence.values() for item in items if isinstance(item, Statement)}
        listed = [a for a in self.head.manifest.artifacts if a.format == SBOM and self.digests.get(a.name) == a.sha256]
        bills = {artifact.target: self.folder.files[artifact.name] for artifact in listed}
        besides = [item for item in items.values() if item.predicate_type not in PROVENANCES]
        return tuple(
            (item, None if any(mismatches(self.policy, item.signer)) else fault(item, self.head.manifest, bills)) for item in besides
        )

    @property
    def contents(self) -> Iterator[Predicate]:
        """What is in the packages of each target, by statements of whom the policy names that agree with the manifest."""
        for item, wrong in self.claims:
            if item.predicate_type == COLDFORGE and wrong is None and not any(mismatches(self.policy, item.signer)):
                yield msgspec.convert(item.predicate, Predicate)

    def check(self, name: str, item: Statement) -> Row:
        """The row of a file by one statement, of whatever type."""
        if item.predicate_type in PROVENANCES:
            return self.judge(name, [item])
        row = self.judge(name, [item], types=(item.predicate_type,))
        against = next((wrong for claim, wrong in self.claims if claim is item), None)
        return replace_fields(row, **asdict(against)) if row.word == "ok" and against else row


def rows_of(found: Found) -> Iterator[Row]:
    """The rows of a release: the manifest, its files, and then what is there besides and tells of something wrong."""
    head, digests = found.head, found.digests
    yield _with_exemptions(_with_work(head.row, found.folder), found)
    listed = {artifact.name: artifact for artifact in head.manifest.artifacts} if head.manifest else {}
    names = set(released_files(head.manifest)) if head.manifest else {name for name in digests if found.evidence.get(name)}
    for name in sorted((names | {SUMS}) - {MANIFEST}):
        row = found.judge(name, found.evidence.get(name, []))
        row = _with_manifest(row, listed.get(name), found) if name != SUMS else _sums(row, found)
        if name in listed and rebuilders.is_rebuildable(listed[name]):
            row = rebuilders.counted(row, found.told, found.policy, spared=rebuilders.is_spared(listed[name], found.policy))
        yield code.judged(row, found.folder.files[name], found.policy) if name in found.folder.files else row
    for name in sorted(digests.keys() - names - {MANIFEST, SUMS}):
        yield replace_fields(head.unlisted(name), sha256=digests[name])
    yield from _evidence_rows(found, names | {MANIFEST, SUMS})
    for name in sorted(found.folder.odd.keys() - names):
        yield head.unlisted(name, found.folder.odd[name])
    for place, root in sorted(found.folder.trees.items()):
        yield from _tree_rows(place, root, found)


def _tree_rows(place: str, root: Path, found: Found) -> Iterator[Row]:
    """What lies in a tree that a build left, and is not what the packages were signed to have; what is gone harms nobody."""
    from coldforge.verify import tree

    target, _, name = place.partition("/")
    if name == CARRIED and found.head.manifest:  # the manifest itself lists it
        records = [record for record in found.head.manifest.targets if record.target == target]
        entries = tuple(_as_entry(one) for record in records for one in record.carried)
        yield from _strange_rows(place, tree.rows(tree.read(root), entries, f"{found.head.manifest.product} {found.head.manifest.version}"))
        return
    said = next((said for said in found.contents if said.target == target), None)
    if said is None:
        yield Row(name=place, word="extra", why="nothing that could be trusted lists what belongs into it")
        return
    entries = said.payload.files if name == TREE else said.payload.singles
    yield from _strange_rows(place, tree.rows(tree.read(root), entries, f"{said.product} {said.version}"))


def _as_entry(one: Carried) -> FileEntry:
    return FileEntry(path=one.path, kind="executable", size=one.size, sha256=one.sha256, origin=Origin(kind="application"))


def _strange_rows(place: str, rows: Iterator[Row]) -> Iterator[Row]:
    """The rows of a tree at a place that tell of something that is not what was signed."""
    return (replace_fields(row, name=f"{place}/{row.name}") for row in rows if row.word not in ("ok", "missing"))


def _with_work(row: Row, found: Folder) -> Row:
    """The manifest's row, with a note when there is more in the folder than the release."""
    if row.word != "ok" or not found.work:
        return row
    left = f"what the build left here is not judged ({', '.join(found.work)})"
    return replace_fields(row, why=f"{row.why}; {left}" if row.why else left)


def _with_exemptions(row: Row, found: Found) -> Row:
    """The manifest's row, with a note about the targets of which the policy demands no rebuilders."""
    policy, manifest = found.policy, found.head.manifest
    spared = [target.target for target in manifest.targets if target.target in policy.unrebuilt] if manifest and policy.k else []
    if row.word != "ok" or not spared:
        return row
    left = f"the policy demands no rebuilders of what is for {', '.join(spared)}"
    return replace_fields(row, why=f"{row.why}; {left}" if row.why else left)


def _with_manifest(row: Row, artifact: Artifact | None, found: Found) -> Row:
    """The row of a file that is `ok` by itself, and what the manifest makes of it: digest, signature, other statements."""
    if row.word != "ok" or artifact is None or found.head.manifest is None:
        return row
    row = _as_signed(replace_fields(row, signature=artifact.signature.key if artifact.signature else ""), artifact, found.policy)
    for kind in demanded(artifact, found.head.manifest, found.policy):
        row = _with_statement(row, kind, found)
    return row


def _with_statement(row: Row, kind: str, found: Found) -> Row:
    """The row of a file that is `ok` so far, which must have a statement of this kind as well."""
    if row.word != "ok":
        return row
    rows = [found.check(row.name, item) for item, _ in found.claims if item.predicate_type == KINDS[kind] and row.name in item.subjects]
    if not rows:
        return replace_fields(row, word="incomplete", why=f"there is no {kind} statement of it")
    best = next((each for each in rows if each.word == "ok"), rows[0])
    if best.word == "ok":
        return replace_fields(row, statements=(*row.statements, kind))
    return replace_fields(row, word=best.word, why=f"{kind}: {best.why}", expected=best.expected, got=best.got)


def _as_signed(row: Row, artifact: Artifact, policy: Policy) -> Row:
    """The row of a file, which must be the one that the manifest lists, signed by whom the policy demands."""
    if artifact.sha256 != row.sha256:
        why = "it is not the file that the manifest lists"
        return Row(name=row.name, word="altered", why=why, expected=artifact.sha256, got=row.sha256)
    wanted, key = policy.signed.get(artifact.format, ()), artifact.signature.key if artifact.signature else ""
    if not wanted or key in wanted:
        return row
    why = "it is signed with another key" if key else "its format must be signed, and nobody signed it"
    word: Word = "foreign" if key else "unsigned"
    return Row(name=row.name, word=word, why=why, expected=" or ".join(wanted), got=key or "nothing", sha256=row.sha256)


def _sums(row: Row, found: Found) -> Row:
    manifest = found.head.manifest
    if row.word != "ok" or manifest is None:
        return row
    wanted = sums({**{artifact.name: artifact.sha256 for artifact in manifest.artifacts}, MANIFEST: found.digests[MANIFEST]})
    if found.folder.files[SUMS].read_bytes() == wanted:
        return row
    return Row(name=SUMS, word="altered", why="its sums are not those of the manifest", sha256=row.sha256)


def _evidence_rows(found: Found, names: AbstractSet[str]) -> Iterator[Row]:
    """The bundles and the list of them: each must be about a file of the release, and hold."""
    kinds = kinds_by_name(found.head.manifest) if found.head.manifest else {}
    for name in sorted(name for name in found.folder.files if name.endswith(BUNDLE_SUFFIX)):
        about = name.removesuffix(BUNDLE_SUFFIX)
        if rebuilders.is_of_a_rebuilder(name):
            if refused := found.told.bad.get(name):
                why = f"it is no rebuilder's: {refused.why}"
                yield found.head.unlisted(name, why) if refused.checkable else Row(name=name, word="uncheckable", why=why)
        elif about in kinds:
            yield from _about_target(name, found.evidence[about][0], kinds[about], found, names)
        elif about not in names:
            yield found.head.unlisted(name, "it attests nothing of this release")
    wrong = list(_list_rows(found, names) if ATTESTATIONS in found.folder.files else _recorded_rows(found))
    yield from sorted(wrong, key=lambda row: row.word == "uncheckable")[:1]  # one row, the worst


def _recorded_rows(found: Found) -> Iterator[Row]:
    """What the publisher said elsewhere of these very files, and cannot be true; strangers and other builds count for nothing."""
    for item in found.evidence[ATTESTATIONS]:
        if isinstance(item, Unusable):
            continue
        for name in sorted(name for name, sha256 in item.subjects.items() if sha256 == found.digests.get(name)):
            row = found.check(name, item)
            if row.word not in ("ok", "foreign"):
                why = f"the repository's record of attestations, of {name}: {row.why}"
                yield replace_fields(row, name=ATTESTATIONS, why=why, sha256="")


def _about_target(name: str, item: Statement | Unusable, kind: str, found: Found, names: AbstractSet[str]) -> Iterator[Row]:
    """What is wrong with the bundle that is to be about all artifacts of a target; one row, the first."""
    if isinstance(item, Statement) and item.predicate_type != kind:
        yield Row(name=name, word="altered", why="it is another kind of statement", expected=kind, got=item.predicate_type)
    else:
        yield from islice(_entry_rows(name, item, found, names), 1)


def _list_rows(found: Found, names: AbstractSet[str]) -> Iterator[Row]:
    """What is wrong with the list: an entry that does not hold, or is about something else, or lacks."""
    attested: set[tuple[str, str]] = set()
    for item in found.evidence[ATTESTATIONS]:
        yield from _entry_rows(ATTESTATIONS, item, found, names)
        if isinstance(item, Statement):
            attested.update((_kind(item), subject) for subject in item.subjects)
    if manifest := found.head.manifest:
        wanted = {(kind, a.name) for a in manifest.artifacts for kind in demanded(a, manifest, found.policy)}
        if lacking := sorted(({("provenance", name) for name in names} | wanted) - attested):
            told = ", ".join(name if kind == "provenance" else f"{name} ({kind})" for kind, name in lacking)
            yield Row(name=ATTESTATIONS, word="altered", why=f"it does not attest {told}")


def _entry_rows(evidence: str, item: Statement | Unusable, found: Found, names: AbstractSet[str]) -> Iterator[Row]:
    """What is wrong with one bundle in a file of evidence: that it does not hold, or is about something else."""
    if isinstance(item, Unusable):
        yield Row(name=evidence, word="altered" if item.checkable else "uncheckable", why=item.why)
        return
    for subject in sorted(item.subjects):
        if subject not in names:
            yield found.head.unlisted(evidence, f"it attests {subject}")
        elif subject in found.digests:  # one that is not here has a row of its own
            row = found.check(subject, item)
            if row.word != "ok":
                yield replace_fields(row, name=evidence, why=f"{subject}: {row.why}", sha256="")


def _kind(item: Statement) -> str:
    """The kind of a statement, by the word that a policy has for it."""
    return next((kind for kind, type_ in KINDS.items() if type_ == item.predicate_type), "provenance")
