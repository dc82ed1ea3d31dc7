"""The verdict, as pure functions: files, statements and policy in, rows with words and one line out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from coldforge.records import Record
from coldforge.report.reporter import Table
from coldforge.verify.evidence import Statement, Unusable
from coldforge.verify.policy import Policy, Signer, mismatches

Word = Literal["ok", "altered", "foreign", "unattested", "missing", "extra", "uncheckable"]
_NEXT: Final[Mapping[str, str]] = {
    "altered": "Do not use it. Download it again; if it stays so, tell the publisher.",
    "foreign": "Do not use it, unless you meant another publisher (--repo, --policy).",
    "unattested": "Do not use it. Its .sigstore.json may be missing: download the whole release.",
    "missing": "Download the whole release.",
    "extra": "It does not belong to the release: move it elsewhere.",
    "uncheckable": "A newer coldforge, or another trust root, may be able to tell.",
}


class Row(Record, frozen=True, kw_only=True):
    """One file: what it is, and for everything but `ok` why, and what to do."""

    name: str
    word: Word
    why: str = ""
    expected: str = ""
    got: str = ""
    sha256: str = ""

    @property
    def next(self) -> str:
        """What to do about it."""
        return _NEXT.get(self.word, "")


class Verdict(Record, frozen=True, kw_only=True):
    """The answer about a whole release, or one file."""

    what: str
    rows: tuple[Row, ...]
    signer: Signer | None = None
    policy: Policy
    commands: tuple[str, ...] = ()

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
        if self.word == "good" and self.signer:
            by = self.signer.workflow.removeprefix("https://github.com/") or self.signer.identity
            return f"GOOD: all {len(self.rows)} files of {self.what} are genuine, signed by {by}."
        counted = ", ".join(f"{sum(r.word == word for r in wrong)} {word}" for word in dict.fromkeys(row.word for row in wrong))
        counted = counted or "nothing to verify"
        return f"{self.word.upper()}: {counted}, of {len(self.rows)} files of {self.what}. {wrong[0].next if wrong else ''}"

    def table(self) -> Table:
        """The rows for people, what is wrong first."""
        ordered = sorted(self.rows, key=lambda row: (row.word == "ok", row.name))
        rows = tuple((row.name, row.word, _because(row)) for row in ordered)
        return Table(title=f"verify {self.what}", columns=("file", "verdict", "why"), rows=rows)


def _because(row: Row) -> str:
    compared = f" (expected {row.expected}, got {row.got})" if row.expected or row.got else ""
    return f"{row.why}{compared}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One file to judge: its digest now (None when it is not there) and what its evidence says."""

    name: str
    sha256: str | None
    statements: Sequence[Statement | Unusable] = ()


def judge(case: Case, policy: Policy, *, commit: str = "") -> Row:
    """The row of one file that belongs to the release. `commit` is that of the release, when it is known."""
    if case.sha256 is None:
        return Row(name=case.name, word="missing", why="the release lists it, and it is not here")
    if not case.statements:
        return Row(name=case.name, word="unattested", why="there is no attestation of it", sha256=case.sha256)
    rows = [_against(case.name, case.sha256, item, policy, commit) for item in case.statements]
    return next((row for row in rows if row.word == "ok"), rows[0])


def _against(name: str, sha256: str, item: Statement | Unusable, policy: Policy, commit: str) -> Row:
    if isinstance(item, Unusable):
        word: Word = "unattested" if item.checkable else "uncheckable"
        return Row(name=name, word=word, why=item.why, sha256=sha256)
    wrong = next(mismatches(policy, item.signer), None)
    if wrong is not None:
        why = f"it is attested by somebody else: {wrong.what}"
        return Row(name=name, word="foreign", why=why, expected=wrong.expected, got=wrong.got, sha256=sha256)
    if name not in item.subjects:
        named = ", ".join(sorted(item.subjects))
        return Row(name=name, word="altered", why="its attestation is about another file", expected=name, got=named, sha256=sha256)
    if item.subjects[name] != sha256:
        return Row(
            name=name,
            word="altered",
            why="its bytes are not those that were attested",
            expected=item.subjects[name],
            got=sha256,
            sha256=sha256,
        )
    if commit and item.commit != commit:
        return Row(name=name, word="foreign", why="it belongs to another build", expected=commit, got=item.commit, sha256=sha256)
    return Row(name=name, word="ok", sha256=sha256)


def commands(name: str, policy: Policy) -> tuple[str, ...]:
    """How to check one file with other people's tools."""
    bundle = f"{name}.sigstore.json"
    if policy.identity:
        who = f"--certificate-identity '{policy.identity}'"
    else:
        escaped = [workflow.replace(".", r"\.") for workflow in policy.workflows]
        who = (
            "--certificate-identity-regexp '^https://github\\.com/("
            + "|".join(f"{w}[^/]*" if w.endswith("/") else w for w in escaped)
            + ")@.+$'"
        )
    found = [
        f"cosign verify-blob-attestation --bundle {bundle} --type slsaprovenance1 {who} --certificate-oidc-issuer {policy.issuer} {name}",
    ]
    if policy.repository:
        found.append(f"gh attestation verify {name} --repo {policy.repository} --bundle {bundle}")
    return tuple(found)
