"""Rebuilders are counted by the names of a roster: each once, the publisher never, and who got other bytes is named."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from coldforge.errors import ConfigurationError
from coldforge.records import GITHUB, REBUILD_TYPE, Artifact, Environment, TargetRecord
from coldforge.verify.evidence import Statement
from coldforge.verify.policy import GITHUB_ISSUER, Policy, Signer, as_toml, load_policy
from coldforge.verify.rebuilders import Saying, Told, counted, heard, independent, is_spared, least, texts
from coldforge.verify.roster import Rebuilder, name_of, owner_of, problem
from coldforge.verify.verdict import Row, Verdict

MAIL = "https://accounts.example.org"
COMMIT, A, B = "c" * 40, "a" * 64, "b" * 64
ALICE = Rebuilder(identity="alice@example.org", issuer=MAIL)
BOB = Rebuilder(identity=f"{GITHUB}bob/again/.github/workflows/rebuild.yml@refs/heads/main", issuer=GITHUB_ISSUER)
CAROL = Rebuilder(identity="carol@example.org", issuer=MAIL)
ROSTER = {"alice": ALICE, "bob": BOB, "carol": CAROL}
POLICY = Policy(repository="acme/demo", issuer=GITHUB_ISSUER, k=2, rebuilders=ROSTER)


def job(repository: str = "bob/again", *, file: str = "", ref: str = "refs/heads/main") -> Signer:
    """The certificate of a job that runs for a repository, perhaps with the workflow file of another one."""
    workflow = f"{GITHUB}{file or f'{repository}/.github/workflows/rebuild.yml'}@{ref}"
    return Signer(identity=workflow, workflow=workflow, issuer=GITHUB_ISSUER, repository=GITHUB + repository, ref=ref)


def mail(address: str) -> Signer:
    return Signer(identity=address, issuer=MAIL)


PUBLISHED = Statement(subjects={"f.deb": A}, predicate_type="p", commit=COMMIT, signer=job("acme/demo", ref="refs/tags/v1"))


def said(by: str, *, same: bool = True, digest: str = A, commit: str = COMMIT, signer: Signer | None = None) -> Saying:
    signer = signer or {"alice": mail("alice@example.org"), "bob": job(), "carol": mail("carol@example.org")}[by]
    return Saying(where=f"{by}.sigstore.json", by=by, signer=signer, commit=commit, found={"f.deb": (digest, same)})


def row(*sayings: Saying, policy: Policy = POLICY) -> Row:
    return counted(Row(name="f.deb", word="ok", sha256=A), Told(sayings=sayings), policy)


@pytest.mark.parametrize(
    ("signer", "name"),
    [
        (mail("alice@example.org"), "alice"),
        (mail("alice@example.org.evil"), ""),
        (mail("malice@example.org"), ""),
        (Signer(identity="alice@example.org", issuer="https://accounts.example.org.evil"), ""),
        (job(), "bob"),
        (job(ref="refs/heads/main2"), ""),
        (job(ref="refs/pull/1/merge"), ""),
        (job("mallory/x", file="bob/again/.github/workflows/rebuild.yml"), ""),
        (Signer(key="sha256:1"), ""),
    ],
)
def test_a_name_of_the_roster_is_anchored_at_both_ends(signer: Signer, name: str) -> None:
    assert name_of(signer, ROSTER) == name


def test_a_workflow_that_anybody_may_use_counts_for_the_repository_that_is_named() -> None:
    shared = f"{GITHUB}tools/again/.github/workflows/rebuild.yml@refs/tags/v*"
    roster = {"bob": Rebuilder(identity=shared, issuer=GITHUB_ISSUER, repository="Bob/again")}
    file = "tools/again/.github/workflows/rebuild.yml"
    assert name_of(job("bob/again", file=file, ref="refs/tags/v1"), roster) == "bob"
    assert name_of(job("mallory/again", file=file, ref="refs/tags/v1"), roster) == ""
    assert name_of(job("bob/again", file=file, ref="refs/tags/v1"), {"bob": replace(roster["bob"], repository="")}) == ""


def test_who_fits_two_names_has_the_first_only() -> None:
    assert name_of(mail("alice@example.org"), {"all": replace(ALICE, identity="*@example.org"), "alice": ALICE}) == "all"


@pytest.mark.parametrize(
    ("sayings", "word", "agreed"),
    [
        ([], "unrebuilt", ()),
        ([said("alice")], "unrebuilt", ("alice",)),
        ([said("alice"), said("alice")], "unrebuilt", ("alice",)),
        ([said("bob"), said("alice")], "ok", ("alice", "bob")),
        ([said("alice"), said("bob", same=False)], "disputed", ("alice",)),
        ([said("alice"), said("bob", digest=B)], "disputed", ("alice",)),
        ([said("alice"), said("bob"), said("bob", same=False)], "disputed", ("alice",)),
        ([said("alice"), said("bob"), said("carol", same=False)], "ok", ("alice", "bob")),
    ],
)
def test_distinct_names_count_and_whoever_got_other_bytes_does_not(sayings: list[Saying], word: str, agreed: tuple[str, ...]) -> None:
    found = row(*sayings)
    assert (found.word, found.rebuilt_by) == (word, agreed)
    assert found.next or word == "ok"


def owned(*repositories: str, same: tuple[bool, ...]) -> tuple[Policy, list[Saying]]:
    """A policy whose one entry for each of these repositories counts, and what each of them says."""
    names = {name: Rebuilder(identity=job(name).identity, issuer=GITHUB_ISSUER) for name in repositories}
    return replace(POLICY, rebuilders=names), [said(name, signer=job(name), same=word) for name, word in zip(names, same, strict=True)]


@pytest.mark.parametrize(
    ("repositories", "same", "agreed"),
    [
        (("bob/one", "Bob/two"), (True, True), ("bob/one",)),
        (("bob/one", "bob/two"), (False, True), ()),
        (("bob/one", "bobby/one"), (True, True), ("bob/one", "bobby/one")),
    ],
)
def test_who_has_several_repositories_counts_once(repositories: tuple[str, ...], same: tuple[bool, ...], agreed: tuple[str, ...]) -> None:
    policy, sayings = owned(*repositories, same=same)
    assert row(*sayings, policy=policy).rebuilt_by == agreed


@pytest.mark.parametrize(
    ("repository", "owner"),
    [
        ("Bob/again", f"{GITHUB}bob"),
        (f"{GITHUB}bob/again", f"{GITHUB}bob"),
        ("https://gitlab.example.org/group/below/again", "https://gitlab.example.org/group"),
        ("", ""),
    ],
)
def test_the_owner_is_the_first_name_after_the_host(repository: str, owner: str) -> None:
    assert owner_of(repository) == owner


def test_a_dissenter_is_named_when_enough_others_agree_as_well() -> None:
    found = row(said("alice"), said("bob"), said("carol", same=False))
    assert found.differs_for == ("carol",)
    verdict = Verdict(what="x", rows=(found,), policy=POLICY)
    assert verdict.table().columns[-2] == "rebuilt by"
    assert verdict.table().rows[0][-2] == "alice, bob; differs for carol"
    assert "Note: other bytes came out for carol." in replace(verdict, signer=PUBLISHED.signer).line
    assert row(said("bob", same=False)).why == "other bytes came out for bob"


def test_nobody_has_to_rebuild_unasked_and_what_is_bad_stays_so() -> None:
    found = row(said("alice", same=False), policy=replace(POLICY, k=0))
    assert (found.word, found.why) == ("ok", "other bytes came out for alice")
    bad = Row(name="f.deb", word="altered", sha256=B)
    assert counted(bad, Told(sayings=[said("alice"), said("bob")]), POLICY).word == "altered"


@pytest.mark.parametrize(
    ("saying", "note"),
    [
        (said("bob", signer=job("acme/again")), "bob is the publisher"),  # another repository of theirs
        (said("bob", signer=PUBLISHED.signer), "bob is the publisher"),
        (said("bob", commit="d" * 40), "bob rebuilt the commit dddddddddddd"),
    ],
)
def test_neither_the_publisher_nor_another_commit_counts(saying: Saying, note: str) -> None:
    told = independent(Told(sayings=[saying, said("alice")]), PUBLISHED, POLICY, "")
    assert [each.by for each in told.sayings] == ["alice"]
    assert note in told.notes[0]


def test_who_signs_by_mail_does_not_count_through_the_repository_that_the_manifest_names() -> None:
    desk = Policy(identity="dev@example.org", issuer=MAIL, k=1, rebuilders=ROSTER)
    published = replace_signer(mail("dev@example.org"))
    told = independent(
        Told(sayings=[said("bob", signer=job("acme/demo")), said("alice", signer=mail("dev@example.org"))]), published, desk, "acme/demo"
    )
    assert list(told.sayings) == []


def replace_signer(signer: Signer) -> Statement:
    return Statement(subjects=PUBLISHED.subjects, predicate_type="p", commit=COMMIT, signer=signer)


@pytest.mark.parametrize(
    ("roster", "k", "words"),
    [
        (ROSTER, 4, "4 rebuilders must agree, and the roster has 3"),
        ({"alice": ALICE, "also": ALICE}, 1, "are the same rebuilder"),
        ({"bob": BOB, "too": replace(BOB, identity=BOB.identity.replace("/again/", "/more/"))}, 1, "are the same rebuilder"),
        ({"bob": BOB, "too": replace(ALICE, repository="BOB/more")}, 1, "are the same rebuilder"),
        ({"bob": BOB, "any": replace(BOB, identity=f"{GITHUB}*/again/rebuild.yml@refs/heads/main")}, 1, ""),
        ({"alice": Rebuilder(identity="alice@example.org")}, 1, "rebuilder alice: neither"),
        ({"alice": Rebuilder(key="K", issuer=MAIL)}, 1, "together with names"),
        ({"alice": Rebuilder(key="K")}, 1, ""),
        ({}, 0, ""),
    ],
)
def test_a_roster_that_cannot_be_counted_is_refused(roster: dict[str, Rebuilder], k: int, words: str) -> None:
    found = problem(roster, k)
    assert words in found
    assert bool(found) is bool(words)


def test_a_roster_is_read_and_written(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(as_toml(replace(POLICY, signed={"deb": ("AB12",)})))
    read = load_policy(path)
    assert (read.k, read.rebuilders) == (2, ROSTER)
    path.write_text(path.read_text().replace("k = 2", "k = 9"))
    with pytest.raises(ConfigurationError, match="cannot be counted"):
        load_policy(path)
    path.write_text('repository = "a/b"\n[rebuilders.alice]\nidentiy = "x"\n')
    with pytest.raises(ConfigurationError) as caught:
        load_policy(path)
    assert "identity" in str(caught.value.problems)


def test_where_nothing_is_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no https address"):
        list(texts([str(tmp_path / "gone")], offline=False))
    with pytest.raises(ConfigurationError, match="--offline"):
        list(texts(["https://example.org/x"], offline=True))


def test_bundles_are_found_in_folders_and_lists(tmp_path: Path) -> None:
    (tmp_path / "a.sigstore.json").write_text('{"a": 1}\n')
    (tmp_path / "b.jsonl").write_text('{"b": 1}\n{"b": 2}\n')
    (tmp_path / "readme.txt").write_text("x")
    assert list(texts([str(tmp_path)], offline=True)) == [
        ("a.sigstore.json", '{"a": 1}\n'),
        ("b.jsonl", '{"b": 1}'),
        ("b.jsonl", '{"b": 2}'),
    ]


def keyed(payload: object, kind: str = "application/vnd.in-toto+json") -> str:
    """A bundle that somebody's key signed."""
    envelope = {"payload": base64.b64encode(json.dumps(payload).encode()).decode(), "payloadType": kind, "signatures": [{"sig": ""}]}
    return json.dumps({"verificationMaterial": {"publicKey": {}}, "dsseEnvelope": envelope})


REBUILT = {
    "_type": "https://in-toto.io/Statement/v1",
    "predicateType": REBUILD_TYPE,
    "subject": [],
    "predicate": {"commit": "", "rows": []},
}
CAME_OUT = {"name": "f.deb", "word": "identical", "recorded": A, "rebuilt": A}
DID_NOT = {"name": "f.deb", "word": "differs", "recorded": A, "rebuilt": B}


def results(*rows: dict[str, str]) -> dict[str, object]:
    """A rebuilder's statement about one file, with these rows."""
    return {**REBUILT, "subject": [{"name": "f.deb", "digest": {"sha256": A}}], "predicate": {"commit": "", "rows": rows}}


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        (keyed(REBUILT), None),  # some stranger's
        (keyed(results(CAME_OUT)), None),
        (keyed(results(DID_NOT)), None),
        (keyed(results(DID_NOT, CAME_OUT)), True),
        (keyed(results(CAME_OUT, DID_NOT)), True),
        (keyed(results({**CAME_OUT, "rebuilt": B})), True),
        (keyed({**REBUILT, "predicateType": "x"}), True),
        (keyed({}), True),
        (keyed(REBUILT, "text/plain"), False),
        ('{"verificationMaterial": {"publicKey": {}}}', False),
        ('{"verificationMaterial": {"publicKey": {}}, "dsseEnvelope": {"payloadType": "", "payload": "x"}}', False),
    ],
)
def test_a_key_that_nobody_knows_is_a_strangers_only_with_a_rebuilders_statement(text: str, refused: bool | None) -> None:
    """`refused` is None for a note alone, else whether it is known to be no rebuilder's."""
    told = heard([("x", text)], (), ROSTER)
    assert {name: bad.checkable for name, bad in told.bad.items()} == ({} if refused is None else {"x": refused})
    assert "x does not count" in told.notes[0]


def test_what_all_targets_have_that_anybody_built_again_is_what_a_policy_can_demand() -> None:
    def target(name: str, *files: str) -> TargetRecord:
        made = [Artifact(name=file, path=f"{name}/{file}", target=name, format=file[-3:], size=1, sha256=A) for file in files]
        artifacts = (*made, Artifact(name="f.sig", path=f"{name}/f.sig", target=name, format="signature", size=1, sha256=A))
        return TargetRecord(
            target=name, freezer="command", payload_digest=A, payload_size=1, environment=Environment(workshop="host"), artifacts=artifacts
        )

    linux, windows = target("linux-x86_64", "f.deb", "f.rpm"), target("windows-x86_64", "f.msi")
    agreed = {"f.deb": ("alice", "bob", "carol"), "f.rpm": ("alice", "bob"), "f.msi": ()}
    assert least([linux, windows], agreed) == (2, ("windows-x86_64",))
    assert least([linux, windows], {**agreed, "f.msi": ("bob",)}) == (1, ())
    assert least([linux, windows], {}) == (0, ())


@pytest.mark.parametrize(
    ("target", "form", "name"),
    [
        ("macos-aarch64", "dmg", "demo-1.0.0-macos-aarch64.dmg"),
        ("macos-universal2", "app.zip", "demo-1.0.0-macos-universal2.app.zip"),
        ("windows-x86_64", "onefile", "demo-1.0.0-windows-x86_64.exe"),
        ("windows-x86_64", "nsis", "demo-1.0.0-windows-x86_64-setup.exe"),
        ("linux-x86_64", "onefile", "demo-1.0.0-linux-x86_64"),
        ("linux-x86_64", "deb", "demo_1.0.0_amd64.deb"),
        ("linux-aarch64", "rpm", "demo-1.0.0-1.aarch64.rpm"),
        ("linux-x86_64-musl", "tar.gz", "demo-1.0.0-linux-x86_64-musl.tar.gz"),
        ("linux-x86_64-musl", "appimage", "demo-1.0.0-x86_64-musl.AppImage"),
        ("linux-x86_64-musl", "apk", "demo-1.0.0.x86_64.apk"),
        ("linux-x86_64", "apk", "demo-1.0.0.x86_64.apk"),
    ],
)
def test_what_is_spared_is_of_its_target(target: str, form: str, name: str) -> None:
    """Who can sign a manifest could file anything under a target that a policy spares."""

    spared = Artifact(name=name, path=name, target=target, format=form, size=1, sha256=A)
    policy = replace(POLICY, unrebuilt=(target,))
    assert is_spared(spared, policy)
    assert not is_spared(spared, replace(policy, unrebuilt=("macos-x86_64",)))
    assert not is_spared(replace(spared, target="macos-x86_64"), replace(policy, unrebuilt=("macos-x86_64",)))
    assert not is_spared(replace(spared, name="demo_1.0.0_riscv64.deb", path="demo_1.0.0_riscv64.deb"), policy)
    assert not is_spared(replace(spared, format="nothing"), policy)


@pytest.mark.parametrize(
    ("target", "form", "name"),
    [
        ("linux-x86_64", "tar.gz", "demo-1.0.0-macos-x86_64.tar.gz"),
        ("linux-x86_64", "onefile", "demo-1.0.0-windows-x86_64.exe"),
        ("linux-x86_64", "tar.gz", "demo-1.0.0-linux-x86_64-musl.tar.gz"),
        ("linux-x86_64", "appimage", "demo-1.0.0-x86_64-musl.AppImage"),
        ("linux-x86_64-musl", "tar.gz", "demo-1.0.0-linux-x86_64.tar.gz"),
        ("linux-x86_64-musl", "appimage", "demo-1.0.0-x86_64.AppImage"),
        ("linux-x86_64-musl", "deb", "demo_1.0.0_amd64.deb"),
        ("macos-aarch64", "dmg", "demo-1.0.0-macos-aarch64-macos-x86_64.dmg"),
    ],
)
def test_what_another_target_is_called_by_is_not_spared(target: str, form: str, name: str) -> None:
    artifact = Artifact(name=name, path=name, target=target, format=form, size=1, sha256=A)
    assert not is_spared(artifact, replace(POLICY, unrebuilt=(target,)))


def test_a_target_that_is_not_known_here_is_not_spared() -> None:
    artifact = Artifact(name="demo.deb", path="demo.deb", target="linux-riscv64", format="deb", size=1, sha256=A)
    assert not is_spared(artifact, replace(POLICY, unrebuilt=("linux-x86_64",)))
