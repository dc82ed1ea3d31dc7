"""Verdicts: pure, and never good on partial evidence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldforge.verify.evidence import Statement, Unusable
from coldforge.verify.policy import GITHUB_ISSUER, Policy, Signer
from coldforge.verify.verdict import Case, Row, Verdict, commands, judge

NOBODY = Policy(identity="dev@example.org", issuer="https://accounts.example.org", runner="")
SIGNER = Signer(identity="dev@example.org", issuer="https://accounts.example.org")
A, B = "a" * 64, "b" * 64


def said(name: str = "f", digest: str = A, signer: Signer = SIGNER, commit: str = "c") -> Statement:
    return Statement(subjects={name: digest}, predicate_type="p", commit=commit, signer=signer)


@pytest.mark.parametrize(
    ("case", "word"),
    [
        (Case(name="f", sha256=A, statements=[said()]), "ok"),
        (Case(name="f", sha256=B, statements=[said()]), "altered"),
        (Case(name="f", sha256=A, statements=[said(name="g")]), "altered"),
        (Case(name="f", sha256=A, statements=[said(signer=Signer(identity="mallory"))]), "foreign"),
        (Case(name="f", sha256=A, statements=[said(commit="d")]), "foreign"),
        (Case(name="f", sha256=A), "unattested"),
        (Case(name="f", sha256=None, statements=[said()]), "missing"),
        (Case(name="f", sha256=A, statements=[Unusable(why="x", checkable=True)]), "unattested"),
        (Case(name="f", sha256=A, statements=[Unusable(why="x", checkable=False)]), "uncheckable"),
        (Case(name="f", sha256=A, statements=[said(digest=B), said()]), "ok"),
    ],
)
def test_each_case_has_its_word(case: Case, word: str) -> None:
    assert judge(case, NOBODY, commit="c").word == word


words = st.sampled_from(["ok", "altered", "foreign", "unattested", "missing", "extra", "uncheckable"])


@given(st.lists(words, max_size=6))
def test_only_all_ok_is_good(found: list[str]) -> None:
    verdict = Verdict(what="x", rows=tuple(Row(name=str(n), word=w) for n, w in enumerate(found)), policy=NOBODY, signer=SIGNER)  # type: ignore[arg-type]  # the sampled literals
    bad = bool(set(found) - {"ok", "uncheckable"}) or not found
    expected = 1 if bad else 3 if "uncheckable" in found else 0
    assert verdict.exit_code == expected
    assert verdict.line.startswith("GOOD") is (expected == 0)


def test_others_can_check_us() -> None:
    policy = Policy(repository="acme/demo", workflows=("acme/demo/.github/workflows/",), issuer=GITHUB_ISSUER)
    cosign, github = commands("f.deb", policy)
    assert "--type slsaprovenance1" in cosign
    assert "--bundle f.deb.sigstore.json" in cosign
    assert "--repo acme/demo" in github
