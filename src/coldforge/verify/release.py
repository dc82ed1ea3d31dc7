"""Verifying a folder or a file: collects files and evidence, hashes once, and lets the pure verdict decide."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from types import MappingProxyType

import msgspec
from msgspec.structs import replace as replace_fields

from coldforge.errors import ConfigurationError, Refused
from coldforge.host import hashing
from coldforge.predicate import COLDFORGE, Predicate
from coldforge.records import (
    ATTESTATIONS,
    BUNDLE_SUFFIX,
    CARRIED,
    MANIFEST,
    REPOSITORY,
    SBOM,
    SUMS,
    Artifact,
    Carried,
    FileEntry,
    Manifest,
    Origin,
    decode,
    released_files,
    sums,
)
from coldforge.report.reporter import printable
from coldforge.verify import code, rebuilders
from coldforge.verify.beyond import Instance
from coldforge.verify.claims import KINDS, Fault, demanded, fault, had_by, kinds_by_name
from coldforge.verify.evidence import LARGEST, LARGEST_LIST, PROVENANCES, Evidence, Statement, Unusable, lines_of, load_roots
from coldforge.verify.folder import TREE, Folder, as_built, collect
from coldforge.verify.policy import TAGS, Policy, Signer, as_toml, implied_by, mismatches, ref_of_the_next
from coldforge.verify.roster import GITHUB, folded
from coldforge.verify.verdict import Case, Row, Verdict, Word, accepted, commands, judge

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


def verify_folder(
    folder: Path,
    *,
    policy: Policy | None,
    trusted_root: Path | None,
    rebuilds: Sequence[tuple[str, str]] = (),
    recorded: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> Verdict:
    """Judge every file of a downloaded release, or of `dist/` itself. Never uses the network.

    `rebuilds` are bundles of rebuilders from elsewhere, each with what it is called; those in the folder count as well.
    `recorded` are bundles from elsewhere by the names of the files that they were found for: of a release that has none itself.

    Raises ConfigurationError when nobody said who must have signed, or there is no release in the folder.
    """
    found = collect(folder)
    if not found.files and not found.odd:
        raise ConfigurationError(f"there is no release in {folder}: the folder is empty")
    with ThreadPoolExecutor() as pool:

        def hashed(here: Folder) -> dict[str, Future[str]]:
            return {name: pool.submit(hashing.sha256, path) for name, path in here.files.items() if not _is_evidence(name)}

        started = hashed(found)
        roots = load_roots(trusted_root)
        evidence = read_evidence(found, Evidence(roots, key=policy.key if policy else ""), recorded)  # while the hashes are computed
        if policy is None:
            raise unspecified(evidence)
        head = _head(found, started[MANIFEST].result() if MANIFEST in started else None, evidence, policy)
        if head.manifest:
            found = as_built(found, head.manifest)
        started = hashed(replace(found, files={n: p for n, p in found.files.items() if n not in started})) | started
        told = _told(found, rebuilds, roots, policy, head)
        digests = {name: future.result() for name, future in started.items() if name in found.files}
    rows = tuple(_rows(Found(folder=found, digests=digests, evidence=evidence, policy=policy, head=head, told=told)))
    signers = [item.signer for items in evidence.values() for item in items if isinstance(item, Statement)]
    return Verdict(
        what=folder.name or str(folder),
        rows=rows,
        signer=head.statement.signer if head.statement else next(iter(signers), None),
        policy=policy,
        commands=_commands(found, rows, policy, head, trusted_root),
        notes=tuple(told.notes),
    )


def _told(found: Folder, elsewhere: Sequence[tuple[str, str]], roots: Sequence[Instance], policy: Policy, head: Head) -> rebuilders.Told:
    """What rebuilders say of the release, in its folder and elsewhere. Without a genuine manifest nothing of it can count."""
    here, there = (rebuilders.heard(bundles, roots, policy.rebuilders) for bundles in (_beside(found), elsewhere))
    if head.statement is None:
        return rebuilders.Told(bad=here.bad)
    published = head.manifest.source.repository if head.manifest else ""
    told = rebuilders.Told(sayings=[*here.sayings, *there.sayings], notes=[*here.notes, *there.notes], bad=here.bad)
    return rebuilders.independent(told, head.statement, policy, published)


def _commands(found: Folder, rows: Sequence[Row], policy: Policy, head: Head, root: Path | None) -> tuple[str, ...]:
    """How to check one of the files with other tools: an artifact that is good, and has its bundle beside it."""
    names = [row.name for row in rows if row.word == "ok" and row.name + BUNDLE_SUFFIX in found.files]
    name = next(iter(sorted(names, key=lambda name: (name in (MANIFEST, SUMS), name))), None)
    if name is None or head.statement is None:
        return ()
    file, bundle = (found.files[each].relative_to(found.path).as_posix() for each in (name, name + BUNDLE_SUFFIX))
    return commands(file, bundle, policy, head.statement.signer, root)


def verify_file(
    path: Path, *, bundle: Path | None, policy: Policy | None, trusted_root: Path | None, rebuilds: Sequence[tuple[str, str]] = ()
) -> Verdict:
    """Judge one file with its bundle (default: `<file>.sigstore.json` beside it), and with what rebuilders say of it."""
    if not path.is_file():
        raise ConfigurationError(f"{path} is not a file")
    beside = bundle or path.with_name(path.name + BUNDLE_SUFFIX)
    if bundle is not None and not bundle.is_file():
        raise ConfigurationError(f"there is no bundle {bundle}")

    def said() -> tuple[Sequence[Instance], list[Statement | Unusable]]:
        roots = load_roots(trusted_root)
        evidence = Evidence(roots, key=policy.key if policy else "")
        return roots, [evidence.read(_text(beside))] if beside.is_file() else []

    if policy is None:
        raise unspecified({path.name: said()[1]})
    _check_is_about_one_file(policy)
    with ThreadPoolExecutor() as pool:
        hashed = pool.submit(hashing.sha256, path)
        roots, items = said()  # while the hash is computed
        case = Case(name=path.name, sha256=hashed.result(), statements=items)
    signer = next((item.signer for item in items if isinstance(item, Statement)), None)
    good = accepted(case, policy)
    others = commands(str(path), str(beside), policy, good.signer, trusted_root) if good else ()
    told = rebuilders.heard(rebuilds, roots, policy.rebuilders)
    told = rebuilders.independent(told, good, policy, "") if good else rebuilders.Told()
    row = code.judged(rebuilders.counted(judge(case, policy), told, policy), path, policy)
    return Verdict(what=path.name, rows=(row,), signer=signer, policy=policy, commands=others, notes=tuple(told.notes))


def _check_is_about_one_file(policy: Policy) -> None:
    """Raises ConfigurationError for demands that one file's bundle cannot meet."""
    if policy.signed:
        hint = "Verify the folder of the release: only its manifest tells who signed a package."
        raise ConfigurationError("the policy demands signatures, which one file's bundle says nothing about", hint=hint)
    if policy.predicates:
        hint = "Verify the folder of the release: only there all statements are at hand."
        raise ConfigurationError("the policy demands statements beside provenance, which are not in one file's bundle", hint=hint)
    if policy.k and not policy.repository:
        hint = "Add --repo, or verify the folder of the release: who the publisher is decides who is independent of them."
        raise ConfigurationError("the policy demands rebuilders, and does not say whose the release is", hint=hint)


def write_policy(folder: Path, *, trusted_root: Path | None) -> str:
    """The text of a policy file, from a release that is taken for genuine: whoever signed it must sign the next ones.

    Never uses the network. Raises ConfigurationError when there is no manifest that somebody signed, Refused when the release is not good.
    """
    found = collect(folder)
    own = {name: path for name, path in found.files.items() if name in (MANIFEST, MANIFEST + BUNDLE_SUFFIX)}
    roots = load_roots(trusted_root)
    said = read_evidence(replace(found, files=own), Evidence(roots)).get(MANIFEST, [])
    signer = next((item.signer for item in said if isinstance(item, Statement)), None)
    if signer is None:
        why = next((item.why for item in said if isinstance(item, Unusable)), "")
        raise ConfigurationError(f"nobody signed a {MANIFEST} in {folder}", why=why, hint="Give the folder of a whole release.")
    manifest = decode(own[MANIFEST].read_bytes(), Manifest, MANIFEST) if MANIFEST in own else None
    policy = implied_by(signer, _keys(manifest), had_by(manifest)) if manifest else implied_by(signer, {})
    if manifest and policy.is_of_a_person:  # an address tells of no source: they may sign other products as well
        built = manifest.source
        repository = built.repository if re.fullmatch(REPOSITORY, built.repository) else ""
        policy = replace_fields(policy, repository=repository, ref=ref_of_the_next(f"{TAGS}{built.tag}") if built.tag else "")
    policy = replace_fields(policy, rebuilders=rebuilders.met(_beside(found), roots))
    verdict = verify_folder(folder, policy=policy, trusted_root=trusted_root)
    if verdict.exit_code:
        raise Refused("no policy is made from a release that is not good", why=verdict.line, hint="coldforge verify shows what is wrong.")
    agreed = {row.name: row.rebuilt_by for row in verdict.rows}
    k, unrebuilt = rebuilders.least(manifest.targets if manifest else (), agreed)
    seen = {name for names in agreed.values() for name in names}
    roster = {name: entry for name, entry in policy.rebuilders.items() if name in seen}
    return as_toml(replace_fields(policy, rebuilders=roster, k=k, unrebuilt=unrebuilt), rebuilders.with_keys(_beside(found)))


def _beside(found: Folder) -> list[tuple[str, str]]:
    """The bundles of rebuilders that lie in a release's folder, by their names."""
    return [(name, _text(path)) for name, path in found.files.items() if rebuilders.is_of_a_rebuilder(name)]


def _keys(manifest: Manifest) -> dict[str, tuple[str, ...]]:
    """The keys that signed, by format; formats of which a package is not signed are left out."""
    formats: dict[str, set[str]] = {}
    for artifact in manifest.artifacts:
        formats.setdefault(artifact.format, set()).add(artifact.signature.key if artifact.signature else "")
    return {name: tuple(sorted(keys)) for name, keys in sorted(formats.items()) if "" not in keys}


def unspecified(evidence: Sayings) -> ConfigurationError:
    """Somebody signed; that alone is no proof. Says who, and how to demand it."""
    signers = {item.signer for items in evidence.values() for item in items if isinstance(item, Statement)}
    said = "\n".join(sorted(f"signed by {_describe(signer)}" for signer in signers)) or "nothing in it is signed"
    repositories = sorted({printable(signer.repository.removeprefix(GITHUB)) for signer in signers if signer.repository})
    option = (
        f"--repo {shlex.quote(repositories[0])}"
        if len(repositories) == 1  # of several, which one is meant is not for whoever laid a bundle there to say
        else "--repo OWNER/REPO, or --certificate-identity with --certificate-oidc-issuer"
    )
    return ConfigurationError("nobody said who must have signed", why=said, hint=f"If that is who you expect: {option}")


def _describe(signer: Signer) -> str:
    lent = signer.repository and not folded(signer.workflow).startswith(f"{folded(signer.repository)}/")
    ran = f" for {signer.repository}" if lent else ""
    return printable(signer.key or f"{signer.workflow or signer.identity}{ran} ({signer.issuer})")


def _is_evidence(name: str) -> bool:
    return name == ATTESTATIONS or name.endswith(BUNDLE_SUFFIX)


def _text(path: Path, largest: int = LARGEST) -> str:
    """The text of a piece of evidence; more than anybody honest writes is not read."""
    if path.stat().st_size > largest:
        return ""
    return path.read_text(encoding="utf-8", errors="replace")


def read_evidence(
    found: Folder, evidence: Evidence, recorded: Mapping[str, Sequence[str]] = MappingProxyType({})
) -> dict[str, list[Statement | Unusable]]:
    """What the bundles say, by the name of the file that each one lies beside; the list fills the gaps, and then what is `recorded`.

    Beside a file there may be statements of others: they count for nothing, and against nothing. In the list they are foreign.
    """
    result: dict[str, list[Statement | Unusable]] = {}
    seen: dict[str, Statement | Unusable] = {}
    for name, path in found.files.items():
        if name.endswith(BUNDLE_SUFFIX) and not rebuilders.is_of_a_rebuilder(name):
            text = _text(path).strip()
            seen[text] = evidence.read(text)
            result.setdefault(name.removesuffix(BUNDLE_SUFFIX), []).append(seen[text])
    text = _text(found.files[ATTESTATIONS], LARGEST_LIST) if ATTESTATIONS in found.files else ""
    result[ATTESTATIONS] = []
    for line in lines_of(text):
        item = seen[line] if line in seen else evidence.read(line)
        result[ATTESTATIONS].append(item)
        for subject in item.subjects if isinstance(item, Statement) and item.predicate_type in PROVENANCES else ():
            if not result.get(subject):
                result[subject] = [item]
    for name, texts in recorded.items():
        items = [evidence.read(text) for text in texts]
        besides = [item for item in items if isinstance(item, Statement) and item.predicate_type not in PROVENANCES]
        result[ATTESTATIONS] += besides
        result.setdefault(name, []).extend(item for item in items if item not in besides)
    return result


def _head(found: Folder, sha256: str | None, evidence: Sayings, policy: Policy) -> Head:
    """The manifest, once it is known to be genuine; before that nothing in it counts."""
    case = Case(name=MANIFEST, sha256=sha256, statements=evidence.get(MANIFEST, []))
    row, statement = judge(case, policy), accepted(case, policy)
    if statement is None:
        return Head(row=row)
    try:
        manifest = decode(found.files[MANIFEST].read_bytes(), Manifest, MANIFEST)
    except ConfigurationError as error:
        why = f"it is genuine, but this version of coldforge cannot read it: {error.why}"
        return Head(row=Row(name=MANIFEST, word="uncheckable", why=why, sha256=row.sha256), statement=statement)
    return Head(row=_source(row, manifest, statement.signer, policy), statement=statement, manifest=manifest)


def _source(row: Row, manifest: Manifest, signer: Signer, policy: Policy) -> Row:
    """The manifest's row, which is not ok when another source was built than the certificate says, or one that is revoked."""
    built, ref = manifest.source, signer.ref
    tag = ref.removeprefix(TAGS) if ref.startswith(TAGS) else ""
    lies = [
        ("commit", signer.commit, built.commit or "nothing"),
        ("tag", tag, built.tag or tag),  # a shallow checkout may know no tag
    ]
    for what, expected, got in lies:
        if expected and expected != got:
            why = f"the files were built from another {what} than was signed for"
            return Row(name=MANIFEST, word="foreign", why=why, expected=expected, got=got, sha256=row.sha256)
    if built.commit and built.commit in policy.revoked:  # where neither the certificate nor the provenance names it
        why, expected = "the files were built from a commit that is revoked", "one that is not revoked"
        return Row(name=MANIFEST, word="foreign", why=why, expected=expected, got=built.commit, sha256=row.sha256)
    return replace_fields(row, why="the source had changes that are in no commit") if built.dirty else row


def _rows(found: Found) -> Iterator[Row]:
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
