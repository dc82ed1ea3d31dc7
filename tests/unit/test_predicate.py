"""The coldforge predicate: made from the manifest, and compared with it field by field."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from coldforge.predicate import Predicate, differences, predicate_of, unsigned
from coldforge.records import Finding, Manifest, Signature, Smoke, TargetRecord
from support.releases import PAYLOAD, make_release


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    return make_release(tmp_path)


def said_of(manifest: Manifest) -> tuple[Predicate, TargetRecord]:
    (record,) = manifest.targets
    return predicate_of(manifest, record, PAYLOAD.files, PAYLOAD.singles), record


def test_what_is_said_is_what_is_recorded(manifest: Manifest) -> None:
    said, record = said_of(manifest)
    assert list(differences(said, manifest, record)) == []
    assert msgspec.convert(msgspec.to_builtins(said), Predicate) == said


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"coldforge": "9"}, "coldforge"),
        ({"version": "9"}, "version"),
        ({"freezer": "portable"}, "freezer"),
        ({"artifacts": {}}, "artifacts"),
        ({"smoke": Smoke(unproven=("all",))}, "smoke"),
    ],
)
def test_every_field_counts(fields: dict[str, object], field: str, manifest: Manifest) -> None:
    said, record = said_of(manifest)
    ((what, expected, got),) = differences(msgspec.structs.replace(said, **fields), manifest, record)
    assert what == field
    assert expected != got


def test_the_files_are_those_of_the_digest(manifest: Manifest) -> None:
    said, record = said_of(manifest)
    fewer = msgspec.structs.replace(said, payload=msgspec.structs.replace(said.payload, files=PAYLOAD.files[1:]))
    assert [what for what, _, _ in differences(fewer, manifest, record)] == ["payload.files"]


def test_a_gate_that_found_something_has_not_passed(manifest: Manifest) -> None:
    (record,) = manifest.targets
    found = (Finding(gate="leak", level="warning", message="a folder"), *record.findings)
    gates = predicate_of(manifest, msgspec.structs.replace(record, findings=found), (), ()).gates
    assert (gates.passed, [one.gate for one in gates.relaxed], [one.gate for one in gates.warned]) == (("floor",), ["license"], ["leak"])


def test_what_somebody_without_a_key_arrives_at(manifest: Manifest) -> None:
    artifact = manifest.artifacts[0]
    assert unsigned(artifact) == artifact.sha256
    assert unsigned(msgspec.structs.replace(artifact, signature=Signature(key="k", size=1, sha256="5" * 64, data=""))) == "5" * 64
