"""Verdicts: pure, and never good on partial evidence."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldforge.predicate import CYCLONEDX, PROVENANCE
from coldforge.report.reporter import printable
from coldforge.verify.evidence import Statement, Unusable
from coldforge.verify.policy import GITHUB_ISSUER, Policy, Signer
from coldforge.verify.verdict import Case, Row, Verdict, commands, judge

NOBODY = Policy(identity="dev@example.org", issuer="https://accounts.example.org", runner="")
SIGNER = Signer(identity="dev@example.org", issuer="https://accounts.example.org")
A, B = "a" * 64, "b" * 64


def said(name: str = "f", digest: str = A, signer: Signer = SIGNER, commit: str = "c") -> Statement:
    return Statement(subjects={name: digest}, predicate_type=PROVENANCE, commit=commit, signer=signer)


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
        (Case(name="f", sha256=A, statements=[said()], types=(CYCLONEDX,)), "unattested"),
    ],
)
def test_each_case_has_its_word(case: Case, word: str) -> None:
    assert judge(case, NOBODY, commit="c").word == word


def test_a_revoked_commit_is_that_of_the_statement_where_the_certificate_names_none() -> None:
    strict = msgspec.structs.replace(NOBODY, revoked=("c" * 40,))
    assert judge(Case(name="f", sha256=A, statements=[said(commit="c" * 40)]), strict).word == "foreign"
    assert judge(Case(name="f", sha256=A, statements=[said(commit="d" * 40)]), strict).word == "ok"


BY_MAIL = msgspec.structs.replace(NOBODY, repository="Acme/demo", ref="refs/tags/v1.*", commit="c" * 40)
BY_KEY = msgspec.structs.replace(BY_MAIL, identity="", issuer="", key="a key")


@pytest.mark.parametrize(("policy", "signer"), [(BY_MAIL, SIGNER), (BY_KEY, Signer(key="sha256:k"))], ids=["mail", "key"])
@pytest.mark.parametrize(
    ("source", "commit", "wrong"),
    [
        ("git+https://github.com/acme/demo@refs/tags/v1.0", "c" * 40, ""),
        ("git+https://github.com/acme/demo@refs/tags/v0.9", "c" * 40, "ref"),
        ("git+https://github.com/acme/demo@refs/heads/v1.0", "c" * 40, "ref"),
        ("git+https://github.com/acme/demo", "c" * 40, "ref"),
        ("git+https://github.com/acme/demo@refs/tags/v1.0", "d" * 40, "commit"),
        ("git+https://github.com/evil/demo@refs/tags/v1.0", "c" * 40, "repository"),
        ("git+https://forge.example/acme/demo@refs/tags/v1.0", "c" * 40, "repository"),
        ("git+https://github.com/acme/demo@refs/tags/v1.0@refs/tags/v0.9", "c" * 40, "repository"),
        ("git+local@refs/tags/v1.0", "c" * 40, "repository"),
        ("", "", "repository"),
    ],
)
def test_what_a_person_says_of_the_source_counts_where_no_certificate_does(
    policy: Policy, signer: Signer, source: str, commit: str, wrong: str
) -> None:
    statement = Statement(subjects={"f": A}, predicate_type=PROVENANCE, commit=commit, signer=signer, source=source)
    row = judge(Case(name="f", sha256=A, statements=[statement]), policy)
    assert row.word == ("foreign" if wrong else "ok")
    assert wrong in row.why


def test_what_a_workflow_says_of_the_source_is_its_certificates() -> None:
    policy = Policy(repository="acme/demo", ref="refs/tags/v2", issuer=GITHUB_ISSUER)
    told = "git+https://github.com/acme/demo@refs/tags/v2"
    statement = Statement(subjects={"f": A}, predicate_type=PROVENANCE, commit="", signer=WORKFLOW, source=told)
    assert judge(Case(name="f", sha256=A, statements=[statement]), policy).word == "foreign"


words = st.sampled_from(["ok", "altered", "foreign", "unattested", "missing", "extra", "incomplete", "contradicted", "uncheckable"])


@given(st.lists(words, max_size=6))
def test_only_all_ok_is_good(found: list[str]) -> None:
    verdict = Verdict(what="x", rows=tuple(Row(name=str(n), word=w) for n, w in enumerate(found)), policy=NOBODY, signer=SIGNER)  # type: ignore[arg-type]  # the sampled literals
    bad = bool(set(found) - {"ok", "uncheckable"}) or not found
    expected = 1 if bad else 3 if "uncheckable" in found else 0
    assert verdict.exit_code == expected
    assert verdict.line.startswith("GOOD") is (expected == 0)


WORKFLOW = Signer(
    identity="https://github.com/coldforge/coldforge/.github/workflows/release.yml@refs/tags/v1",
    issuer=GITHUB_ISSUER,
    repository="https://github.com/acme/demo",
    workflow="https://github.com/coldforge/coldforge/.github/workflows/release.yml@refs/tags/v1",
)


def test_others_can_check_us() -> None:
    policy = Policy(repository="acme/demo", issuer=GITHUB_ISSUER)
    cosign, github = commands("f.deb", "f.deb.sigstore.json", policy, WORKFLOW)
    assert "--type slsaprovenance1" in cosign
    assert "--bundle f.deb.sigstore.json" in cosign
    assert "--certificate-github-workflow-repository acme/demo" in cosign
    assert f"--repo acme/demo --cert-identity {WORKFLOW.identity} --cert-oidc-issuer {GITHUB_ISSUER} f.deb" in github
    found = msgspec.structs.replace(WORKFLOW, ref="refs/tags/v1.2.0", commit="c" * 40)
    narrow = msgspec.structs.replace(policy, runner="github-hosted", workflow_digest="d" * 40)
    _, github = commands("f.deb", "f.deb.sigstore.json", narrow, found)
    digests = f"--source-digest {'c' * 40} --signer-digest {'d' * 40}"
    assert github.endswith(f" --source-ref refs/tags/v1.2.0 {digests} --deny-self-hosted-runners f.deb")


@pytest.mark.parametrize(
    ("text", "readers"),
    [
        ('{"tlogs": []}\n', ["cosign", "gh"]),
        ('{"tlogs": []}', ["cosign"]),
        ('{\n "tlogs": []\n}\n', ["cosign"]),
        ('{"tlogs": []}\n{"tlogs": []}\n', ["gh"]),
        ('{"trustedRoot": {}, "signingConfig": {}}\n', []),
    ],
)
def test_others_are_given_a_root_that_they_can_read(text: str, readers: list[str], tmp_path: Path) -> None:
    (tmp_path / "root").write_text(text)
    shown = commands("f.deb", "f.deb.sigstore.json", Policy(repository="acme/demo"), WORKFLOW, tmp_path / "root")
    assert [command.split()[0] for command in shown] == readers
    assert all(f"trusted-root {tmp_path}/root " in command for command in shown)


def test_a_command_is_safe_to_paste() -> None:
    name = "$(touch pwned) 'x.deb"
    for command in commands(name, f"{name}.sigstore.json", Policy(repository="acme/demo"), WORKFLOW):
        assert shlex.split(command)[-1] == name


def test_a_trust_root_that_came_through_a_pipe_is_not_read_again(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "root")
    assert commands("f.deb", "f.deb.sigstore.json", NOBODY, SIGNER, tmp_path / "root") == ()


def test_a_person_is_named_to_others_too() -> None:
    (cosign,) = commands("f.deb", "f.deb.sigstore.json", NOBODY, SIGNER)
    assert "--certificate-identity dev@example.org --certificate-oidc-issuer https://accounts.example.org" in cosign


def test_a_statement_and_its_certificate_agree_about_the_commit() -> None:
    signer = msgspec.structs.replace(SIGNER, commit="c")
    assert judge(Case(name="f", sha256=A, statements=[said(signer=signer)]), NOBODY).word == "ok"
    row = judge(Case(name="f", sha256=A, statements=[said(signer=signer, commit="d")]), NOBODY)
    assert (row.word, row.expected, row.got) == ("foreign", "c", "d")


def test_a_note_is_part_of_a_good_line() -> None:
    verdict = Verdict(what="x", rows=(Row(name="f", word="ok", why="look at this"),), policy=NOBODY, signer=SIGNER)
    assert verdict.line.startswith("GOOD")
    assert verdict.line.endswith("Note: look at this.")


@pytest.mark.parametrize("text", ["\x1b[8m", "\r\n", "\x9b2K", "\u202e", "\u2066", "\u2028", "\x7f", "\udcff", "\xa0"])
def test_texts_of_others_cannot_steer_a_terminal(text: str) -> None:
    signer = Signer(identity=text, issuer=SIGNER.issuer)
    row = judge(Case(name=f"f{text}", sha256=A, statements=[said(name=f"f{text}", signer=signer)]), NOBODY)
    verdict = Verdict(what=text, rows=(row,), policy=NOBODY, signer=signer)
    good = Verdict(what=text, rows=(Row(name="f", word="ok", why=text),), policy=NOBODY, signer=signer)
    table = verdict.table()
    assert (table.title + "".join(cell for cells in table.rows for cell in cells) + verdict.line + good.line).isprintable()


def test_other_scripts_stay_as_they_are() -> None:
    assert printable("Größe 日本 it's \\x1b") == "Größe 日本 it's \\x1b"
