"""Policies: exact, or anchored at both ends; nobody gets through unnamed."""

from __future__ import annotations

from pathlib import Path

import pytest

from coldforge.errors import ConfigurationError
from coldforge.verify.policy import GITHUB_ISSUER, Policy, Signer, choose, load_policy, mismatches

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
    import msgspec

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
        Signer(),
    ],
)
def test_anything_else_is_not(signer: Signer) -> None:
    assert list(mismatches(implied(), signer))


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
