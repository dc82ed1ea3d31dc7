"""The verdict, as pure functions: files, statements and policy in, rows with words and one line out."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from coldforge.records import GITHUB, Record
from coldforge.report.reporter import Table, printable
from coldforge.verify.evidence import PROVENANCES, Statement, Unusable
from coldforge.verify.policy import HOSTED, Policy, Signer, mismatches, unlike

Word = Literal[
    "ok", "altered", "foreign", "unattested", "incomplete", "contradicted", "changed", "missing", "extra", "unsigned", "unrebuilt",
    "disputed", "uncheckable",
]  # fmt: skip
STATEMENTS: Final = ("provenance", "sbom", "coldforge")
"""The kinds of statements, as columns."""
SHOWN: Final = 200
"""The most good rows that a table for people has."""
_NEXT: Final[Mapping[str, str]] = {
    "altered": "Do not use it. Download it again; if it stays so, tell the publisher.",
    "foreign": "Do not use it, unless you meant another publisher (--repo, --policy).",
    "unattested": "Do not use it. Its .sigstore.json may be missing: download the whole release.",
    "incomplete": "Download the whole release; if a statement still lacks, do not use it and ask the publisher.",
    "contradicted": "Do not use it: the publisher signed two things that cannot both be true. Tell them.",
    "changed": "Do not run it. Install it again from a release that verifies.",
    "missing": "Download the whole release.",
    "extra": "It does not belong to the release: move it elsewhere.",
    "unsigned": "Do not use it, unless the publisher says why it lacks the signature that the policy demands.",
    "unrebuilt": "Wait for more rebuilders, or rebuild it yourself (coldforge rebuild). --rebuilds names where their statements are.",
    "disputed": "Do not use it before it is known why the rebuilders disagree: their statements say what differs.",
    "uncheckable": "A newer coldforge, or another trust root, may be able to tell.",
}


class Row(Record, frozen=True, kw_only=True):
    """One file: what it is, and for everything but `ok` why, and what to do. An `ok` with a `why` is worth a note.

    `statements` are the kinds of statements that hold of it, `signature` is the key that signed it as its format has it,
    `rebuilt_by` the rebuilders of the policy's roster who arrived at these bytes by themselves, `differs_for` those who did not.
    Texts are as they were found: who shows them makes them printable.
    """

    name: str
    word: Word
    why: str = ""
    expected: str = ""
    got: str = ""
    sha256: str = ""
    statements: tuple[str, ...] = ()
    signature: str = ""
    rebuilt_by: tuple[str, ...] = ()
    differs_for: tuple[str, ...] = ()

    @property
    def next(self) -> str:
        """What to do about it."""
        return _NEXT.get(self.word, "")


class Verdict(Record, frozen=True, kw_only=True):
    """The answer about a whole release, or one file. `notes` are about statements of rebuilders that do not count."""

    what: str
    rows: tuple[Row, ...]
    signer: Signer | None = None
    policy: Policy
    commands: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def word(self) -> str:
        """good, bad, or uncheckable."""
        words = {row.word for row in self.rows}
        if not self.rows or words - {"ok", "uncheckable"}:
            return "bad"
        return "uncheckable" if "uncheckable" in words else "good"

    @property
    def exit_code(self) -> int:
        """0 good, 1 bad, 3 could not be checked here; never 0 on partial evidence."""
        return {"good": 0, "bad": 1, "uncheckable": 3}[self.word]

    @property
    def line(self) -> str:
        """The verdict in one line."""
        wrong = [row for row in self.rows if row.word != "ok"]
        what = printable(self.what)
        if self.word == "good" and self.signer:
            by = printable(self.signer.workflow.removeprefix(GITHUB) or self.signer.identity or self.signer.key)
            notes = "".join(f" Note: {printable(row.why)}." for row in self.rows if row.why)
            return f"GOOD: all {len(self.rows)} files of {what} are genuine, signed by {by}.{notes}"
        counted = ", ".join(f"{sum(r.word == word for r in wrong)} {word}" for word in dict.fromkeys(row.word for row in wrong))
        counted = counted or "nothing to verify"
        return f"{self.word.upper()}: {counted}, of {len(self.rows)} files of {what}. {wrong[0].next if wrong else ''}"

    def table(self) -> Table:
        """The rows for people, what is wrong first."""
        ordered = sorted(self.rows, key=lambda row: (row.word == "ok", row.name))
        if sum(row.word == "ok" for row in ordered) > SHOWN:  # an installed tree has thousands of files
            ordered = [row for row in ordered if row.word != "ok" or row.why]
        rows = tuple((printable(row.name), row.word, *_proofs(row), printable(_because(row))) for row in ordered)
        columns = ("file", "verdict", *STATEMENTS, "signature", "rebuilt by", "why")
        return Table(title=f"verify {printable(self.what)}", columns=columns, rows=rows)


def _proofs(row: Row) -> tuple[str, ...]:
    """The cells of what holds of a file; a key is named by its beginning, which is enough to tell two apart."""
    statements = ("yes" if kind in row.statements else "-" for kind in STATEMENTS)
    return (*statements, printable(row.signature[:16]) or "-", printable(_rebuilt(row)) or "-")


def _because(row: Row) -> str:
    compared = f" (expected {row.expected}, got {row.got})" if row.expected or row.got else ""
    return f"{row.why}{compared}"


def _rebuilt(row: Row) -> str:
    """Who arrived at a file, and who did not."""
    against = f"differs for {', '.join(row.differs_for)}" if row.differs_for else ""
    return "; ".join(filter(None, (", ".join(row.rebuilt_by), against)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One file to judge: its digest now (None when it is not there) and what its evidence says; only predicates of these types count."""

    name: str
    sha256: str | None
    statements: Sequence[Statement | Unusable] = ()
    types: tuple[str, ...] = PROVENANCES


def judge(case: Case, policy: Policy, *, commit: str = "") -> Row:
    """The row of one file that belongs to the release. `commit` is that of the release, when it is known."""
    if case.sha256 is None:
        return Row(name=case.name, word="missing", why="the release lists it, and it is not here")
    if not case.statements:
        return Row(name=case.name, word="unattested", why="there is no attestation of it", sha256=case.sha256)
    rows = [_against(case, case.sha256, item, policy, commit) for item in case.statements]
    return next((row for row in rows if row.word == "ok"), rows[0])


def accepted(case: Case, policy: Policy, *, commit: str = "") -> Statement | None:
    """The statement that makes a file `ok`; None when there is none."""
    for item in case.statements:
        if isinstance(item, Statement) and case.sha256 and _against(case, case.sha256, item, policy, commit).word == "ok":
            return item
    return None


def _against(case: Case, sha256: str, item: Statement | Unusable, policy: Policy, commit: str) -> Row:
    name = case.name
    if isinstance(item, Unusable):
        return Row(name=name, word="unattested" if item.checkable else "uncheckable", why=item.why, sha256=sha256)
    if item.predicate_type not in case.types:
        wanted = "provenance" if case.types == PROVENANCES else " or ".join(case.types)
        return Row(name=name, word="unattested", why=f"its attestation is about {item.predicate_type}, not {wanted}", sha256=sha256)
    ok = Row(name=name, word="ok", sha256=sha256, statements=("provenance",) if case.types == PROVENANCES else ())
    return next(_faults(ok, item, policy, commit), ok)


def _faults(ok: Row, item: Statement, policy: Policy, commit: str) -> Iterator[Row]:
    """What speaks against a file being `ok`: who signed first, then the bytes, then the source."""

    def fault(word: Word, why: str, expected: str, got: str) -> Row:
        return Row(name=ok.name, word=word, why=why, expected=expected, got=got or "nothing", sha256=ok.sha256)

    for wrong in mismatches(policy, item.signer):
        yield fault("foreign", f"it is attested by somebody else: {wrong.what}", wrong.expected, wrong.got)
    if ok.name not in item.subjects:
        yield fault("altered", "its attestation is about another file", ok.name, ", ".join(sorted(item.subjects)))
    elif item.subjects[ok.name] != ok.sha256:
        yield fault("altered", "its bytes are not those that were attested", item.subjects[ok.name], ok.sha256)
    if item.predicate_type in PROVENANCES:
        repository, at, ref = item.source.removeprefix("git+").rpartition("@refs/")
        where = {"repository": repository, "ref": f"refs/{ref}"} if at else {"repository": ref, "ref": ""}
        for wrong in unlike(policy, **where, commit=item.commit or ""):
            yield fault("foreign", f"it was built from something else: {wrong.what}", wrong.expected, wrong.got)
    said = item.signer.commit if item.commit is None else item.commit
    if said and said in policy.revoked:  # that of a person's release stands in the statement only
        yield fault("foreign", "its source is revoked", "one that is not revoked", said)
    if item.signer.commit not in ("", said):
        yield fault("foreign", "its statement names another commit than its certificate", item.signer.commit, said)
    if commit not in ("", said) and (said or item.commit is not None):  # a person's bill of materials tells of no commit at all
        yield fault("foreign", "it belongs to another build", commit, said)


def commands(file: str, bundle: str, policy: Policy, signer: Signer, root: Path | None = None) -> tuple[str, ...]:
    """How to check one file that is `ok`, and the signer that it was found to have, with other people's tools.

    Only with those that can read the `root`: cosign takes one document, `gh` a line for each.
    """
    if root and not root.is_file():  # a pipe, which nobody reads twice
        return ()
    of_repository = policy.repository and signer.repository  # the identity is a workflow's, which may be one that many repositories use
    text = root.read_text(encoding="utf-8") if root else None
    found = []
    if text is None or _is_root(text):
        who = ["--certificate-identity", signer.identity, "--certificate-oidc-issuer", signer.issuer]
        who += ["--certificate-github-workflow-repository", signer.repository.removeprefix(GITHUB)] if of_repository else []
        who = ["--key", "KEY.pub"] if signer.key else who
        trusting = ["--trusted-root", str(root.absolute())] if root else []
        found.append(["cosign", "verify-blob-attestation", "--bundle", bundle, *trusting, "--type", "slsaprovenance1", *who, file])
    if of_repository and (text is None or (text.endswith("\n") and all(map(_is_root, text.splitlines())))):
        trusting = ["--custom-trusted-root", str(root.absolute())] if root else []
        found.append(["gh", "attestation", "verify", "--bundle", bundle, *trusting, *_demanded_of_gh(policy, signer), file])
    return tuple(map(shlex.join, found))


def _is_root(text: str) -> bool:
    """Whether a text is a trusted root as others read it, and not the whole configuration of a client."""
    try:
        return "trustedRoot" not in json.loads(text)
    except ValueError:
        return False


def _demanded_of_gh(policy: Policy, signer: Signer) -> list[str]:
    """Options for the signer that was found: its defaults take any workflow, branch and machine of a repository."""
    found = {
        "--repo": policy.repository,
        "--cert-identity": signer.identity,
        "--cert-oidc-issuer": signer.issuer,
        "--source-ref": signer.ref,
        "--source-digest": signer.commit,
        "--signer-digest": policy.workflow_digest,
    }
    hosted = ["--deny-self-hosted-runners"] if policy.runner == HOSTED else []
    return [word for option, value in found.items() if value for word in (option, value)] + hosted
