"""What rebuilders say of a release: their bundles, whose word counts, and how many arrived at each file by themselves."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import msgspec
from msgspec.structs import replace

from coldforge.errors import ConfigurationError
from coldforge.host import files
from coldforge.predicate import INTOTO
from coldforge.records import ATTESTATIONS, BUNDLE_SUFFIX, DETACHED, GITHUB, REBUILD_SUFFIX, REBUILD_TYPE, Artifact, TargetRecord
from coldforge.report.reporter import printable
from coldforge.target import KNOWN, Target
from coldforge.verify.beyond import Instance
from coldforge.verify.evidence import LARGEST, STATEMENTS, Evidence, Proof, Statement, Unusable, lines_of
from coldforge.verify.policy import Policy, Signer
from coldforge.verify.roster import Rebuilder, name_of, owner_of, problem
from coldforge.verify.verdict import Row

LISTS: Final = ".jsonl"  # of bundles, one a line
_WITHOUT_LIBRARY: Final = ("apk", "ipk")  # formats whose names are the same for musl and for glibc
INSTEAD: Final = "Download it, and give --rebuilds the file."
_NO_KEY: Final = Unusable(why="no key of the roster signed it", checkable=False)


class _Subject(msgspec.Struct):
    name: str
    digest: dict[str, str]


class _Row(msgspec.Struct):
    name: str
    word: Literal["identical", "identical but for signatures", "differs"]
    recorded: str
    rebuilt: str = ""


class _Predicate(msgspec.Struct):
    commit: str
    rows: list[_Row]


class _Statement(msgspec.Struct, rename={"kind": "_type", "about": "predicateType"}):
    kind: str
    about: str
    subject: list[_Subject]
    predicate: _Predicate


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """One rebuilder's verified statement: from `commit`, whether these digests came out again, by the names of the files.

    `by` is the name in the roster, empty for a stranger.
    """

    where: str
    by: str
    signer: Signer
    commit: str
    found: Mapping[str, tuple[str, bool]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """All that was said of rebuilds: what counts, and a note about each bundle that does not; `bad` are bundles that do not hold."""

    sayings: Sequence[Saying] = ()
    notes: Sequence[str] = ()
    bad: Mapping[str, Unusable] = field(default_factory=dict)


def is_of_a_rebuilder(name: str) -> bool:
    """Whether a file that is published beside a release is the bundle of somebody who built it again."""
    return name.endswith(REBUILD_SUFFIX)


def texts(places: Iterable[str], *, offline: bool) -> Iterator[tuple[str, str]]:
    """The bundles in files, folders and behind https addresses, each with what it is called.

    Raises ConfigurationError for a place that is none, RemoteFailed when an address does not deliver.
    """
    for place in places:
        path = Path(place)
        if path.is_dir():
            for each in sorted(path.iterdir()):
                if each.is_file() and each.name.endswith((BUNDLE_SUFFIX, LISTS)) and each.name != ATTESTATIONS:
                    yield from _split(each.name, each)
        elif path.is_file():
            yield from _split(path.name, path)
        elif place.startswith("https://"):
            if offline:
                raise ConfigurationError(f"--offline forbids to fetch {place}", hint=INSTEAD)
            from coldforge.host.fetch import download

            with files.scratch("rebuilds") as folder:
                download(place, folder / "bundle", what="what a rebuilder says", instead=INSTEAD, largest=LARGEST)
                yield from _split(place, folder / "bundle")
        else:
            hint = "--rebuilds takes a bundle (.sigstore.json), several as JSON lines, a folder of them, or an https address."
            raise ConfigurationError(f"{place} is no file, no folder and no https address", hint=hint)


def _split(name: str, path: Path) -> Iterator[tuple[str, str]]:
    """A bundle, or the lines of a list of them; of what is larger than anybody honest writes nothing is read."""
    text = path.read_text(encoding="utf-8", errors="replace") if path.stat().st_size <= LARGEST else ""
    lines = lines_of(text)
    several = len(lines) > 1 and all(line.startswith("{") and line.endswith("}") for line in lines)
    yield from ((name, line) for line in lines) if several else [(name, text)]


def heard(bundles: Iterable[tuple[str, str]], instances: Sequence[Instance], roster: Mapping[str, Rebuilder]) -> Told:
    """What the bundles say, each with its name. Nothing counts that does not verify, or that a stranger says."""
    certificates = Evidence(instances)
    keys = [(name, Evidence(instances, key=entry.key)) for name, entry in roster.items() if entry.key]
    sayings, notes, bad = [], [], {}
    for where, text in bundles:
        by, proof = _proved(text, certificates, keys, roster)
        saying = proof if isinstance(proof, Unusable) else _saying(where, by, proof)
        if isinstance(saying, Unusable):
            if saying is not _NO_KEY:
                bad[where] = saying
            notes.append(f"{where} does not count: {saying.why}")
            continue
        sayings.append(saying)
        if not by:
            said = saying.signer
            notes.append(f"{where} does not count: {said.workflow or said.identity or said.key} ({said.issuer}) is not in the roster")
    return Told(sayings=sayings, notes=notes, bad=bad)


def _proved(
    text: str, certificates: Evidence, keys: Sequence[tuple[str, Evidence]], roster: Mapping[str, Rebuilder]
) -> tuple[str, Proof | Unusable]:
    """Who of the roster made a bundle (empty: nobody), and what it proves."""
    if _has_key(text):
        found = ((name, judge.prove(text)) for name, judge in keys)
        return next((pair for pair in found if isinstance(pair[1], Proof)), None) or ("", _unknown(text))
    proof = certificates.prove(text)
    return (name_of(proof.signer, roster) if isinstance(proof, Proof) else ""), proof


def _has_key(text: str) -> bool:
    try:
        return "publicKey" in json.loads(text)["verificationMaterial"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return False


def _unknown(text: str) -> Unusable:
    """Why a bundle does not count that has a key, and no key of the roster: it may be a stranger's, or nobody's who built anything."""
    try:
        envelope = json.loads(text)["dsseEnvelope"]
        claimed = Proof(kind=str(envelope["payloadType"]), payload=base64.b64decode(envelope["payload"]), signer=Signer())
    except (ValueError, KeyError, TypeError):
        return Unusable(why="it has a key, and holds no statement", checkable=False)
    said = _saying("", "", claimed)
    return said if isinstance(said, Unusable) else _NO_KEY


def _saying(where: str, by: str, proof: Proof) -> Saying | Unusable:
    if proof.kind != INTOTO:
        return Unusable(why=f"it holds {printable(proof.kind[:200]) or 'a plain signature'}, no in-toto statement", checkable=False)
    try:
        statement = msgspec.json.decode(proof.payload, type=_Statement)
    except (msgspec.MsgspecError, RecursionError) as error:
        return Unusable(why=f"it is no rebuilder's statement: {printable(str(error)[:200])}", checkable=True)
    if statement.kind not in STATEMENTS or statement.about != REBUILD_TYPE:
        return Unusable(why=f"it is about {printable(statement.about[:200])}, not a rebuild", checkable=True)
    subjects = {subject.name: subject.digest.get("sha256", "") for subject in statement.subject}
    rows = [row for row in statement.predicate.rows if row.name in subjects]
    found = {row.name: (row.recorded, row.word != "differs") for row in rows}
    if len(found) < len(rows) or any(row.word == "identical" and row.rebuilt != row.recorded for row in rows):
        return Unusable(why="its results contradict each other", checkable=True)
    if len(subjects) < len(statement.subject) or {name: digest for name, (digest, _) in found.items()} != subjects:
        return Unusable(why="its results are not about its subjects", checkable=True)
    return Saying(where=where, by=by, signer=proof.signer, commit=statement.predicate.commit, found=found)


def independent(told: Told, published: Statement, policy: Policy, repository: str) -> Told:
    """What is left when the word of the publisher, of whom `published` is, does not count, nor what is about another commit.

    Each gets a note. `repository` is the one that the manifest names: whoever owns it, or the one that was signed for, is no independent
    rebuilder of it.
    """
    owned = {owner_of(name) for name in (published.signer.repository, policy.repository, repository)} - {""}
    commit, sayings, notes = published.commit or "", [], list(told.notes)
    for saying in told.sayings:
        if not saying.by:
            continue
        if _same(saying.signer, published.signer) or owner_of(saying.signer.repository) in owned:
            notes.append(f"{saying.where} does not count: {saying.by} is the publisher, who cannot confirm themselves")
        elif saying.commit != commit:
            commits = f"{saying.commit[:12]}, and this is {commit[:12]}"
            notes.append(f"{saying.where} does not count: {saying.by} rebuilt the commit {commits}")
        else:
            sayings.append(saying)
    return Told(sayings=sayings, notes=notes, bad=told.bad)


def met(bundles: Iterable[tuple[str, str]], instances: Sequence[Instance]) -> dict[str, Rebuilder]:
    """A roster of those who made these bundles, by names that are made of theirs. A key names nobody, and is left out.

    Who has several repositories is in it with the first of them: nobody counts twice.
    """
    found: dict[str, Rebuilder] = {}
    for saying in heard(bundles, instances, {}).sayings:
        signer = saying.signer
        repository = signer.repository.removeprefix(GITHUB) if signer.repository.startswith(GITHUB) else ""
        entry = Rebuilder(identity=signer.identity, issuer=signer.issuer, repository=repository)
        name = repository.partition("/")[0] or signer.identity.partition("@")[0]
        name = name if name not in found else f"{name}-{len(found)}"
        if not problem({**found, name: entry}, 0):
            found[name] = entry
    return found


def with_keys(bundles: Iterable[tuple[str, str]]) -> Iterator[str]:
    """What to say of the bundles of rebuilders, by their names, that are signed with a key: it is not in them, so a roster must have it."""
    for name, text in bundles:
        if _has_key(text):
            yield f"{printable(name)} is signed with a key, which it does not hold: who knows it adds [rebuilders.NAME] with that `key`."


def least(targets: Iterable[TargetRecord], agreed: Mapping[str, tuple[str, ...]]) -> tuple[int, tuple[str, ...]]:
    """How many rebuilders arrived at each artifact of every target that anybody built again, and the targets that nobody did.

    `agreed` are those who did, by the names of artifacts. When there is no such target, none is left out.
    """
    found = {
        record.target: min((len(agreed.get(a.name, ())) for a in record.artifacts if is_rebuildable(a)), default=0) for record in targets
    }
    k = min(filter(None, found.values()), default=0)
    return k, tuple(sorted(target for target, count in found.items() if not count and k))


def is_spared(artifact: Artifact, policy: Policy) -> bool:
    """Whether the policy demands no rebuilders of an artifact: one of a target that it spares, by format and name as well.

    Who signed the manifest could call anything a target's that is spared.
    """
    if artifact.target not in policy.unrebuilt:
        return False
    from coldforge.plan.formats import FORMATS  # which knows all of a project's configuration, and hardly a policy asks

    target, form = Target.parse(artifact.target), FORMATS.get(artifact.format)
    if form is None or not form.suits(target.os) or (target.musl and form.glibc):
        return False
    if named := [known for known in KNOWN if known in artifact.name]:
        return str(target) in named and all(known in str(target) for known in named)
    words = (target.arch, target.debian_arch) if target.os == "linux" else ()
    musl = target.musl and artifact.format not in _WITHOUT_LIBRARY
    return any(word in artifact.name for word in words) and musl == ("-musl." in artifact.name)


def is_rebuildable(artifact: Artifact) -> bool:
    """Whether somebody else can make an artifact: any but a signature in a file of its own."""
    return artifact.format != DETACHED


def _same(one: Signer, other: Signer) -> bool:
    """Whether two signers are one: a key by its fingerprint, a certificate by its name and who vouched for it."""
    return (one.key, one.identity, one.issuer) == (other.key, other.identity, other.issuer)


def _distinct(said: Sequence[Saying], against: Sequence[Saying], roster: Mapping[str, Rebuilder]) -> tuple[str, ...]:
    """The names of those who arrived at a file, and never at other bytes: one for each owner, whatever their repositories are called."""
    agreed: list[str] = []
    seen = {who for saying in against for who in _who(saying)}
    for name in roster:
        people = {who for saying in said if saying.by == name for who in _who(saying)}
        if people and people.isdisjoint(seen):
            agreed.append(name)
            seen |= people
    return tuple(agreed)


def _who(saying: Saying) -> set[str]:
    """By what somebody is known again: the name in the roster, and the owner of the repository."""
    return {saying.by, owner_of(saying.signer.repository)} - {""}


def counted(row: Row, told: Told, policy: Policy, *, spared: bool = False) -> Row:
    """The row of an artifact with who of the roster arrived at it, and who did not. Too few make an `ok` one bad, unless it is spared."""
    if not policy.rebuilders or not row.sha256:
        return row
    said = [saying for saying in told.sayings if row.name in saying.found]
    against = [saying for saying in said if saying.found[row.name] != (row.sha256, True)]
    agreed = _distinct(said, against, policy.rebuilders)
    dissent = tuple(name for name in policy.rebuilders if name in {saying.by for saying in against})
    row = replace(row, rebuilt_by=agreed, differs_for=dissent)
    if row.word != "ok":
        return row
    if spared or len(agreed) >= policy.k:
        other = f"other bytes came out for {', '.join(dissent)}" if dissent else ""
        return replace(row, why="; ".join(filter(None, (row.why, other))))
    wanted = f"{policy.k} of {', '.join(policy.rebuilders)}"
    got = ", ".join(agreed) or "nobody"
    if dissent:
        return replace(row, word="disputed", why=f"other bytes came out for {', '.join(dissent)}", expected=wanted, got=got)
    return replace(row, word="unrebuilt", why="too few independent rebuilders arrived at these bytes", expected=wanted, got=got)
