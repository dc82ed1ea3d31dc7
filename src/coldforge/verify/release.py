"""Verifying a folder or a file: collects files and evidence, hashes once, and lets the pure verdict decide."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from msgspec.structs import replace as replace_fields

from coldforge.errors import ConfigurationError, Refused
from coldforge.host import hashing
from coldforge.records import ATTESTATIONS, BUNDLE_SUFFIX, GITHUB, MANIFEST, REPOSITORY, SUMS, Manifest, decode
from coldforge.report.reporter import printable
from coldforge.verify import code, rebuilders
from coldforge.verify.beyond import Instance
from coldforge.verify.claims import had_by
from coldforge.verify.evidence import LARGEST, LARGEST_LIST, PROVENANCES, Evidence, Statement, Unusable, lines_of, load_roots
from coldforge.verify.folder import Folder, as_built, collect
from coldforge.verify.policy import TAGS, Policy, Signer, as_toml, implied_by, ref_of_the_next
from coldforge.verify.roster import folded
from coldforge.verify.rows import Found, Head, Sayings, rows_of
from coldforge.verify.verdict import Case, Row, Verdict, accepted, commands, judge


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
    rows = tuple(rows_of(Found(folder=found, digests=digests, evidence=evidence, policy=policy, head=head, told=told)))
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
