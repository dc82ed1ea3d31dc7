"""Policies: exact, or anchored at both ends; nobody gets through unnamed."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from coldforge.errors import ConfigurationError
from coldforge.verify.policy import GITHUB_ISSUER, Policy, Signer, as_toml, choose, implied_by, load_policy, mismatches, slsa_level

URL = "https://github.com/"
GOOD = Signer(
    identity=f"{URL}acme/demo/.github/workflows/release.yml@refs/tags/v1",
    issuer=GITHUB_ISSUER,
    repository=f"{URL}acme/demo",
    ref="refs/tags/v1",
    commit="a" * 40,
    workflow=f"{URL}acme/demo/.github/workflows/release.yml@refs/tags/v1",
    trigger="push",
    runner="github-hosted",
)


def implied(tag: str | None = "v1") -> Policy:
    policy = choose(None, repository="acme/demo", tag=tag, identity=None, issuer=None)
    assert policy is not None
    return policy


def changed(**fields: str) -> Signer:
    return msgspec.structs.replace(GOOD, **fields)


def test_the_repositorys_own_workflow_is_accepted() -> None:
    assert list(mismatches(implied(), GOOD)) == []


@pytest.mark.parametrize(
    "signer",
    [
        changed(repository=f"{URL}acme/demo2"),
        changed(repository=f"{URL}evil/acme/demo"),
        changed(ref="refs/heads/v1"),
        changed(ref="refs/tags/v10"),
        changed(issuer="https://issuer.example"),
        changed(runner="self-hosted"),
        changed(workflow=f"{URL}evil/demo/.github/workflows/release.yml@refs/tags/v1"),
        changed(workflow=f"{URL}acme/demo/.github/workflows/sub/release.yml@refs/tags/v1"),
        changed(workflow=f"{URL}acme/demo/.github/workflows/@refs/tags/v1"),
        changed(workflow=f"{URL}acme/demo/.github/workflows/release.yml"),
        changed(workflow="https://github.com.evil/acme/demo/.github/workflows/release.yml@refs/tags/v1"),
        changed(workflow=f"{URL}coldforge/coldforge/.github/workflows/release.yml.attacker.yml@refs/tags/v1"),
        changed(workflow=f"{URL}acme/demo/.github/workflows/release.yml@attacker.yml@refs/tags/v1"),
        changed(workflow=f"{URL}acme/demo/.github/workflows/release.yml@refs/attacker.yml@refs/tags/v1"),
        changed(workflow=f"{URL}acme/demo/.github/workflows/release.yml@{'a' * 39}"),
        changed(workflow=f"{URL}acme/demo/.github/workflows/release.yml@{'a' * 40}@refs/tags/v1"),
        changed(workflow=f"{URL}coldforge/coldforge/.github/workflows/release.yml@refs/heads/main"),
        changed(workflow=f"{URL}coldforge/coldforge/.github/workflows/release.yml@refs/pull/7/merge"),
        changed(workflow=f"{URL}coldforge/coldforge/.github/workflows/release.yml@refs/tags/test"),
        Signer(),
    ],
)
def test_anything_else_is_not(signer: Signer) -> None:
    assert list(mismatches(implied(), signer))


@pytest.mark.parametrize(
    "workflow",
    [
        "acme/demo/.github/workflows/release.yml@refs/tags/demo@1.0.0",
        f"acme/demo/.github/workflows/release.yml@{'a' * 64}",
        "coldforge/coldforge/.github/workflows/release.yml@refs/tags/v1.2.0",
        f"coldforge/coldforge/.github/workflows/release.yml@{'c' * 40}",
    ],
)
def test_what_follows_the_file_is_a_ref_or_a_commit(workflow: str) -> None:
    assert list(mismatches(implied(), changed(workflow=URL + workflow))) == []


@pytest.mark.parametrize("name", ["Acme/Demo", "ACME/DEMO", "acme/demo"])
def test_github_ignores_the_case_of_owner_and_repository_and_nothing_else(name: str) -> None:
    policy = choose(None, repository=name, tag="v1", identity=None, issuer=None)
    assert policy is not None
    assert list(mismatches(policy, GOOD)) == []
    assert list(mismatches(policy, changed(workflow=f"{URL}acme/demo/.github/workflows/Release.yml@refs/tags/v1")))
    assert list(mismatches(policy, changed(repository=f"{URL}acme/demo\u212a")))


@pytest.mark.parametrize(
    ("signer", "what"),
    [
        (changed(workflow=f"{URL}acme/demo/.github/workflows/stale-bot.yml@refs/tags/v1"), "workflow"),
        (changed(ref="refs/heads/main"), "ref"),
        (changed(ref="refs/pull/7/merge"), "ref"),
        (changed(ref=""), "ref"),
    ],
)
def test_a_repository_alone_means_its_release_workflow_on_a_tag(signer: Signer, what: str) -> None:
    assert [mismatch.what for mismatch in mismatches(implied(None), signer)] == [what]
    assert list(mismatches(implied(None), GOOD)) == []


@pytest.mark.parametrize("line", ['ref = "refs/heads/main"', f'commit = "{"a" * 40}"'])
def test_a_policy_file_may_name_a_branch_or_a_commit_instead(line: str, tmp_path: Path) -> None:
    policy = load_policy(write(tmp_path, f'repository = "acme/demo"\n{line}\n'))
    assert list(mismatches(policy, changed(ref="refs/heads/main"))) == []


@pytest.mark.parametrize("name", ["a", "a/b/c", "/b", "a/", "https://github.com/a/b", "a/b\n", "a b/c"])
def test_what_is_no_repository_is_a_mistake_and_no_verdict(name: str) -> None:
    with pytest.raises(ConfigurationError, match="is not a repository"):
        choose(None, repository=name, tag=None, identity=None, issuer=None)


def test_a_named_workflow_excludes_the_others() -> None:
    policy = Policy(repository="acme/demo", workflows=("acme/demo/.github/workflows/release.yml@refs/tags/v1",), issuer=GITHUB_ISSUER)
    assert list(mismatches(policy, GOOD)) == []
    assert list(mismatches(policy, changed(workflow=f"{URL}acme/demo/.github/workflows/test.yml@refs/tags/v1")))
    assert list(mismatches(policy, changed(workflow=f"{URL}acme/demo/.github/workflows/release.yml@refs/heads/main")))


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "policy.toml"
    path.write_text(text)
    return path


def test_a_file_is_completed_by_what_its_repository_implies(tmp_path: Path) -> None:
    policy = load_policy(write(tmp_path, 'repository = "acme/demo"\ntrigger = "push"\n'))
    assert (policy.issuer, policy.runner, policy.trigger) == (GITHUB_ISSUER, "github-hosted", "push")
    assert list(mismatches(policy, GOOD)) == []


@pytest.mark.parametrize(
    "text", ["", 'identity = "a@b.c"', 'issuer = "x"', "repository = 3", 'repositry = "a/b"', "not toml", 'repository = "a"']
)
def test_a_policy_that_would_let_anybody_through_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        load_policy(write(tmp_path, text))


@pytest.mark.parametrize(("line", "runner"), [("", None), ('runner = "github-hosted"', "github-hosted"), ('runner = ""', "")])
def test_a_runner_that_is_demanded_of_an_identity_is_not_dropped(line: str, runner: str | None, tmp_path: Path) -> None:
    named = load_policy(write(tmp_path, f'identity = "{GOOD.identity}"\nissuer = "{GITHUB_ISSUER}"\n{line}\n'))
    assert named.runner == runner
    assert list(mismatches(named, GOOD)) == []
    assert [wrong.what for wrong in mismatches(named, changed(runner="self-hosted"))] == (["runner"] if runner else [])


def test_either_kind_of_runner_may_be_accepted_of_a_repository(tmp_path: Path) -> None:
    either = load_policy(write(tmp_path, 'repository = "acme/demo"\nrunner = ""\n'))
    assert list(mismatches(either, changed(runner="self-hosted"))) == []


def test_an_identity_narrowed_by_a_repository_must_have_run_on_its_runners(tmp_path: Path) -> None:
    path = write(tmp_path, f'identity = "{GOOD.identity}"\nissuer = "{GITHUB_ISSUER}"\n')
    narrowed = choose(path, repository="acme/demo", tag=None, identity=None, issuer=None)
    assert narrowed is not None
    assert [wrong.what for wrong in mismatches(narrowed, changed(runner="self-hosted"))] == ["runner"]


def test_options_narrow_a_file_and_never_widen_it(tmp_path: Path) -> None:
    path = write(tmp_path, 'repository = "acme/demo"\n')
    narrowed = choose(path, repository=None, tag="v1", identity=None, issuer=None)
    assert narrowed is not None
    assert narrowed.ref == "refs/tags/v1"
    assert choose(path, repository="Acme/Demo", tag=None, identity=None, issuer=None) is not None
    with pytest.raises(ConfigurationError, match="demands repository"):
        choose(path, repository="evil/demo", tag=None, identity=None, issuer=None)


def test_nothing_said_is_no_policy_and_a_tag_alone_is_no_use() -> None:
    assert choose(None, repository=None, tag=None, identity=None, issuer=None) is None
    with pytest.raises(ConfigurationError):
        choose(None, repository=None, tag="v1", identity=None, issuer=None)


@pytest.mark.parametrize(
    ("ref", "got", "good"),
    [
        ("refs/tags/v*", "refs/tags/v1.2.0", True),
        ("refs/tags/v*", "refs/tags/x/v1", False),
        ("refs/tags/v*", "refs/tags/v1/x", False),
        ("refs/tags/v*", "xrefs/tags/v1", False),
        ("refs/tags/v1", "refs/tags/v1.2.0", False),
        ("refs/tags/v1.2", "refs/tags/v1x2", False),
    ],
)
def test_a_ref_is_a_pattern_from_end_to_end(ref: str, got: str, good: bool) -> None:
    policy = Policy(repository="acme/demo", ref=ref)
    assert (list(mismatches(policy, changed(ref=got))) == []) is good


@pytest.mark.parametrize(
    ("file", "good"),
    [("release.yml", True), ("release.yml.attacker", False), ("release-.yml", True), ("release-a/b.yml", False), ("a-release.yml", False)],
)
def test_a_workflow_is_a_pattern_from_end_to_end(file: str, good: bool) -> None:
    policy = Policy(repository="acme/demo", workflows=("acme/demo/.github/workflows/release*.yml",))
    workflow = f"{URL}acme/demo/.github/workflows/{file}@refs/tags/v1"
    named = [mismatch.what for mismatch in mismatches(policy, changed(workflow=workflow))]
    assert named == ([] if good else ["workflow"])


@pytest.mark.parametrize(
    ("fields", "level"),
    [
        ({}, 2),
        ({"runner": "self-hosted"}, 1),
        ({"issuer": "https://accounts.example.org"}, 1),
        ({"workflow": f"{URL}coldforge/coldforge/.github/workflows/release.yml@refs/tags/v1"}, 3),
        ({"workflow": f"{URL}coldforge/coldforge/.github/workflows/release.yml@refs/heads/main"}, 2),
        ({"workflow": f"{URL}coldforge/coldforge/.github/workflows/release.yml@refs/pull/7/merge"}, 2),
        ({"workflow": f"{URL}coldforge/coldforge/.github/workflows/release.yml@{'c' * 40}"}, 2),
        ({"workflow": f"{URL}evil/coldforge/.github/workflows/release.yml@refs/tags/v1"}, 2),
    ],
)
def test_a_level_is_what_the_certificate_shows(fields: dict[str, str], level: int) -> None:
    signer = changed(**fields)
    assert slsa_level(signer) == level
    policy = Policy(repository="acme/demo", runner="", level=level)
    assert [each.what for each in mismatches(policy, signer)] == []
    if level < 3:
        policy = Policy(repository="acme/demo", runner="", level=level + 1)
        assert [each.what for each in mismatches(policy, signer)] == ["level"]


def test_a_commit_of_our_workflow_is_of_the_highest_level_when_the_policy_names_it() -> None:
    pinned = changed(workflow=f"{URL}coldforge/coldforge/.github/workflows/release.yml@{'c' * 40}", workflow_digest="c" * 40)
    known = msgspec.structs.replace(implied(), level=3, workflow_digest="c" * 40)
    assert list(mismatches(known, pinned)) == []
    unknown = msgspec.structs.replace(known, workflow_digest="d" * 40)
    assert [wrong.what for wrong in mismatches(unknown, pinned)] == ["workflow-digest", "level"]


def test_a_policy_made_from_a_signer_is_strict(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(as_toml(implied_by(GOOD, {"deb": ("ABC",)})))
    policy = load_policy(path)
    assert (policy.repository, policy.ref, policy.trigger, policy.level) == ("acme/demo", "refs/tags/v*", "push", 2)
    assert policy.workflows == ("acme/demo/.github/workflows/release.yml",)
    assert policy.signed == {"deb": ("ABC",)}
    assert list(mismatches(policy, GOOD)) == []
    for field in ("repository", "workflow", "trigger", "ref", "runner", "issuer"):
        assert list(mismatches(policy, changed(**{field: "x"}))) != []


@pytest.mark.parametrize(
    ("ref", "wanted"),
    [
        ("refs/tags/v1.2.0", {"refs/tags/v2": True, "refs/heads/main": False, "refs/pull/7/merge": False, "c" * 40: False}),
        ("a" * 40, {"c" * 40: True, "refs/heads/main": False, "refs/tags/v2": False}),
        ("refs/heads/main", {"refs/heads/main": True, "refs/heads/other": False, "refs/tags/v2": False}),
    ],
)
def test_a_workflow_of_others_is_demanded_at_the_kind_of_ref_that_it_was_at(ref: str, wanted: dict[str, bool]) -> None:
    used = f"{URL}coldforge/coldforge/.github/workflows/release.yml"
    policy = implied_by(changed(workflow=f"{used}@{ref}"), {})
    assert list(mismatches(policy, changed(workflow=f"{used}@{ref}"))) == []
    assert {
        other: not list(mismatches(msgspec.structs.replace(policy, level=0), changed(workflow=f"{used}@{other}"))) for other in wanted
    } == wanted


def test_a_target_that_is_none_is_not_spared_silently(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text('repository = "acme/demo"\nunrebuilt = ["macos-arm64"]\n')
    assert load_policy(path).unrebuilt == ("macos-aarch64",)
    path.write_text('repository = "acme/demo"\nunrebuilt = ["macos-arm65"]\n')
    with pytest.raises(ConfigurationError, match="about no target") as caught:
        load_policy(path)
    assert "did you mean macos-aarch64" in caught.value.hint


def test_a_policy_made_from_a_person_names_them(tmp_path: Path) -> None:
    person = Signer(identity="dev@example.org", issuer="https://accounts.example.org")
    path = tmp_path / "policy.toml"
    path.write_text(as_toml(implied_by(person, {})))
    assert list(mismatches(load_policy(path), person)) == []
    assert [each.what for each in mismatches(load_policy(path), Signer(identity="eve@example.org", issuer=person.issuer))] == ["identity"]


@pytest.mark.parametrize("with_it", [{"trigger": "push"}, {"issuer": "https://x.example"}, {"level": "2"}, {"runner": "self-hosted"}])
def test_a_key_stands_alone(with_it: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    said = "".join(f"{name} = {value if value.isdigit() else repr(value)}\n" for name, value in with_it.items())
    path.write_text(f"key = 'x'\n{said}")
    with pytest.raises(ConfigurationError, match="a key alone"):
        load_policy(path)


def test_a_key_and_a_certificate_are_not_taken_for_each_other() -> None:
    assert [each.what for each in mismatches(Policy(key="x"), GOOD)] == ["key"]
    assert [each.what for each in mismatches(implied(), Signer(key="sha256:x"))] == ["key"]
    assert list(mismatches(Policy(key="x"), Signer(key="sha256:x"))) == []


@pytest.mark.parametrize("field", ["commit", "workflow_digest"])
def test_what_is_revoked_is_not_accepted_any_more(field: str) -> None:
    strict = msgspec.structs.replace(implied(), revoked=("c" * 40,))
    (wrong,) = mismatches(strict, changed(**{field: "c" * 40}))
    assert (wrong.what, wrong.got) == (field.replace("_", "-"), "c" * 40)
    assert list(mismatches(strict, GOOD)) == []


@pytest.mark.parametrize("commit", ["c" * 7, "C" * 40, "v1.0.0", "", "c" * 40 + "\\n"])
def test_only_a_whole_commit_can_be_revoked(commit: str, tmp_path: Path) -> None:
    path = write(tmp_path, f'repository = "acme/demo"\nrevoked = ["{commit}"]\n')
    with pytest.raises(ConfigurationError, match="cannot be used") as caught:
        load_policy(path)
    assert "A whole commit" in str(caught.value.problems[0])


@pytest.mark.parametrize("field", ["commit", "workflow-digest"])
@pytest.mark.parametrize("commit", ["c" * 7, "C" * 40, "v1.0.0", "c" * 40 + "\\n"])
def test_only_a_whole_commit_can_be_demanded(field: str, commit: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be used"):
        load_policy(write(tmp_path, f'repository = "acme/demo"\n{field} = "{commit}"\n'))
    for good in ("c" * 40, "c" * 64, ""):
        load_policy(write(tmp_path, f'repository = "acme/demo"\n{field} = "{good}"\n'))


def test_the_name_of_a_workflow_that_others_may_use_names_no_repository() -> None:
    shared = f"{URL}coldforge/coldforge/.github/workflows/release.yml@refs/tags/v1"
    named = choose(None, repository=None, tag=None, identity=shared, issuer=GITHUB_ISSUER)
    assert named is not None
    theirs = changed(identity=shared, workflow=shared, repository=f"{URL}evil/app")
    assert [wrong.what for wrong in mismatches(named, theirs)] == ["repository"]
    assert list(mismatches(named, msgspec.structs.replace(theirs, repository=f"{URL}coldforge/coldforge"))) == []
    with_it = choose(None, repository="evil/app", tag=None, identity=shared, issuer=GITHUB_ISSUER)
    assert with_it is not None
    assert list(mismatches(with_it, theirs)) == []


@pytest.mark.parametrize(("signed", "words"), [('dep = ["AB12"]', "'dep', which is no format"), ("deb = []", "no key for deb")])
def test_a_demand_on_packages_that_would_never_be_made_is_refused(signed: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=words):
        load_policy(write(tmp_path, f'repository = "acme/demo"\n[signed]\n{signed}\n'))


@pytest.mark.parametrize("key", ["apple-root", "code-root"])
def test_a_root_that_is_no_certificate_is_told_when_the_policy_is_read(key: str, tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(f'repository = "demo/app"\n{key} = "Apple"\n')
    with pytest.raises(ConfigurationError, match=f"{key} is no certificate") as caught:
        load_policy(file)
    assert "BEGIN CERTIFICATE" in caught.value.hint


def test_a_name_for_which_nobody_vouches_is_refused_when_the_policy_is_read(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text('repository = "demo/app"\ncode-signer = "Demo Ltd"\n')
    with pytest.raises(ConfigurationError, match="a code-signer and no code-root") as caught:
        load_policy(file)
    assert "the signer's own" in caught.value.hint
