"""Statements: what they say follows from the manifest and the claims alone."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
import pytest

from coldforge.attest.signer import claims_of
from coldforge.attest.statement import DESK, WORKFLOW, check_source, inputs_of, same_build, statement
from coldforge.errors import ConfigurationError, Refused
from coldforge.project.images import WINE, find_image
from coldforge.records import Manifest
from support.fake_sigstore import github_claims, mail_claims
from support.releases import PAYLOAD, make_release

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


def test_all_that_was_taken_is_named_by_its_digest_where_there_is_one(manifest: Manifest) -> None:
    replace = msgspec.structs.replace
    (target,) = manifest.targets
    environment = replace(target.environment, build_lock="build.txt", build_lock_sha256="4" * 64, recipes={"freeze.py": "5" * 64})
    artifacts = tuple(replace(artifact, tool=f"maker of {artifact.format}") for artifact in target.artifacts)
    made = replace(target, environment=environment, artifacts=artifacts, toolbox=f"debian:stable@sha256:{'6' * 64}+sha256:{'7' * 64}")
    document = json.loads(statement(DEB, "0" * 64, replace(manifest, targets=(made,)), github_claims()))
    _, *rest = document["predicate"]["buildDefinition"]["resolvedDependencies"]
    told = {dependency.pop("name").partition("/")[2]: dependency for dependency in rest}
    assert {name: dependency["digest"]["sha256"][0] for name, dependency in told.items() if "digest" in dependency} == {
        "interpreter": "1", "lock": "2", "image": "3", "build-lock": "4", "recipe": "5", "toolbox": "6",
    }  # fmt: skip
    assert told["toolbox"]["annotations"] == {"recipe": f"sha256:{'7' * 64}"}
    assert told["recipe"]["annotations"] == {"file": "freeze.py"}
    assert told["bundler"] == {"annotations": {"format": "deb", "version": "maker of deb"}}


def test_programs_of_the_machine_are_named_by_their_digests_once(manifest: Manifest) -> None:
    replace = msgspec.structs.replace
    (target,) = manifest.targets
    artifacts = tuple(replace(artifact, programs={"maker 1.0": "6" * 64}) for artifact in target.artifacts)
    made = replace(target, environment=replace(target.environment, programs={"go": "5" * 64}), artifacts=artifacts)
    document = json.loads(statement("manifest.json", "0" * 64, replace(manifest, targets=(made,)), github_claims()))
    told = [each for each in document["predicate"]["buildDefinition"]["resolvedDependencies"] if each.get("name") == "linux-x86_64/program"]
    assert [(each["annotations"]["program"], each["digest"]["sha256"][0]) for each in told] == [("go", "5"), ("maker 1.0", "6")]


def test_images_are_told_as_they_are_recorded(manifest: Manifest, tmp_path: Path) -> None:
    """With a base and a recipe, as those that are shipped have."""
    (target,) = manifest.targets
    toolbox, wine = find_image("toolbox", tmp_path, "toolbox"), find_image(WINE, tmp_path)
    environment = msgspec.structs.replace(target.environment, workshop=wine.identity)
    made = msgspec.structs.replace(target, environment=environment, toolbox=toolbox.recorded)
    document = json.loads(statement(DEB, "0" * 64, msgspec.structs.replace(manifest, targets=(made,)), github_claims()))
    _, *rest = document["predicate"]["buildDefinition"]["resolvedDependencies"]
    told = {each["name"]: each for each in rest}
    for name, image in (("image", wine), ("toolbox", toolbox)):
        found = told[f"linux-x86_64/{name}"]
        assert re.fullmatch("[0-9a-f]{64}", found["digest"]["sha256"])
        assert f"sha256:{found['digest']['sha256']}+{found['annotations']['recipe']}" == image.identity


def test_fields_are_where_verifiers_look_and_nowhere_else(manifest: Manifest) -> None:
    predicate = json.loads(statement(DEB, "0" * 64, manifest, github_claims()))["predicate"]
    build, run = predicate["buildDefinition"], predicate["runDetails"]
    assert set(build["externalParameters"]) == {"workflow", "inputs"}
    assert build["externalParameters"]["inputs"] == {"target": ["linux-x86_64"], "format": ["deb"], "host": False}
    ours = build["internalParameters"]["coldforge"]
    assert {"version", "epoch", "plan", "targets", "payloads"} <= set(ours)
    assert ours["plan"] == {"product": "demo", "version": "1.0.0", "artifacts": {"linux-x86_64": [DEB]}}
    made = next(artifact for artifact in manifest.artifacts if artifact.name == DEB)
    assert ours["payloads"] == {DEB: {"alg": "sha256", "digest": made.sha256, "unsigned": made.sha256}}
    assert set(run) == {"builder", "metadata", "byproducts"}
    assert [(item["name"], item["digest"]) for item in run["byproducts"]] == [("linux-x86_64/payload", {"sha256": PAYLOAD.digest})]


def test_the_manifests_statement_is_about_everything(manifest: Manifest) -> None:
    build = json.loads(statement("manifest.json", "0" * 64, manifest, mail_claims("dev@example.org")))["predicate"]["buildDefinition"]
    assert build["externalParameters"] == {"inputs": {"target": ["linux-x86_64"], "format": ["deb", "tar.gz"], "host": False}}
    assert set(build["internalParameters"]["coldforge"]["payloads"]) == {artifact.name for artifact in manifest.artifacts}


def test_what_a_workflow_was_called_with_is_told_and_never_another_target_or_format(manifest: Manifest) -> None:
    given = inputs_of('{"tools": "nsis wixl", "sign": true, "target": "windows-x86_64"}')
    build = json.loads(statement(DEB, "0" * 64, manifest, github_claims(), given))["predicate"]["buildDefinition"]
    told = {"tools": "nsis wixl", "sign": True, "target": ["linux-x86_64"], "format": ["deb"], "host": False}
    assert build["externalParameters"]["inputs"] == told


@pytest.mark.parametrize("text", ["", "tools", "[]", '{"tools": ["nsis"]}', '{"tools": null}', '"\ud800"'])
def test_what_are_no_inputs_of_a_workflow(text: str) -> None:
    with pytest.raises(ConfigurationError, match="inputs"):
        inputs_of(text)


@pytest.mark.parametrize(
    "source",
    [{"commit": "b" * 40}, {"commit": ""}, {"tag": "v0.9.0"}],
)
def test_a_workflow_speaks_for_its_own_commit_and_tag_only(source: dict[str, str], manifest: Manifest) -> None:
    other = msgspec.structs.replace(manifest, source=msgspec.structs.replace(manifest.source, **source))
    with pytest.raises(Refused, match="not built from"):
        check_source(other, github_claims())
    check_source(other, mail_claims("dev@example.org"))


@pytest.mark.parametrize(("tag", "ref"), [("v1.0.0", "refs/tags/v1.0.0"), ("", "refs/tags/v1.0.0"), ("v1.0.0", "refs/heads/main")])
def test_a_tag_that_is_not_known_is_no_other_tag(tag: str, ref: str, manifest: Manifest) -> None:
    check_source(msgspec.structs.replace(manifest, source=msgspec.structs.replace(manifest.source, tag=tag)), github_claims(ref=ref))


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
