"""Statements: what they say follows from the manifest and the claims alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from coldforge.attest.signer import claims_of
from coldforge.attest.statement import DESK, WORKFLOW, same_build, statement
from coldforge.errors import ConfigurationError
from coldforge.records import Manifest
from support.fake_sigstore import github_claims, mail_claims
from support.releases import make_release

DEB = "demo_1.0.0_amd64.deb"


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    return make_release(tmp_path)


def test_the_subject_has_name_and_digest(manifest: Manifest) -> None:
    document = json.loads(statement(DEB, "0" * 64, manifest, github_claims()))
    assert document["subject"] == [{"name": DEB, "digest": {"sha256": "0" * 64}}]


def test_the_source_comes_first_and_the_inputs_follow(manifest: Manifest) -> None:
    build = json.loads(statement(DEB, "0" * 64, manifest, github_claims()))["predicate"]["buildDefinition"]
    first, *rest = build["resolvedDependencies"]
    assert first == {"uri": "git+https://github.com/acme/demo@refs/tags/v1.0.0", "digest": {"gitCommit": "a" * 40}}
    assert {dependency["name"].partition("/")[2] for dependency in rest} == {"lock", "interpreter", "image"}
    assert build["buildType"] == WORKFLOW
    assert build["internalParameters"]["coldforge"]["targets"]["linux-x86_64"]["network"] == "off"


def test_a_person_is_the_builder_on_a_desk(manifest: Manifest) -> None:
    predicate = json.loads(statement(DEB, "0" * 64, manifest, mail_claims("dev@example.org")))["predicate"]
    assert predicate["buildDefinition"]["buildType"] == DESK
    assert predicate["runDetails"]["builder"]["id"].endswith("#dev@example.org")


def test_only_the_attempt_may_differ(manifest: Manifest) -> None:
    first, again = (statement(DEB, "0" * 64, manifest, github_claims(attempt=number)) for number in ("1", "2"))
    other = statement(DEB, "1" * 64, manifest, github_claims())
    assert first != again
    assert same_build(first, again)
    assert not same_build(first, other)


@pytest.mark.parametrize("token", ["", "abc", "a.b.c", "a.bnVsbA.c"])
def test_what_is_no_token_is_told(token: str) -> None:
    with pytest.raises(ConfigurationError, match="identity token"):
        claims_of(token)
