"""What a signed statement has against itself, whatever is in it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from coldforge.predicate import COLDFORGE, CYCLONEDX, predicate_of
from coldforge.records import Artifact, FileEntry, Manifest, SourceRecord, TargetRecord
from coldforge.verify.claims import demanded, fault
from coldforge.verify.evidence import Statement
from coldforge.verify.policy import Policy, Signer
from support.releases import ENVIRONMENT, OWN

TARGET = "linux-x86_64"
ARTIFACT = Artifact(name="demo.deb", path=f"{TARGET}/demo.deb", target=TARGET, format="deb", size=1, sha256="0" * 64)
RECORD = TargetRecord(target=TARGET, freezer="p", payload_digest="1" * 64, payload_size=1, environment=ENVIRONMENT, artifacts=(ARTIFACT,))
MANIFEST = Manifest(coldforge="0", product="demo", version="1", source=SourceRecord(epoch=0), targets=(RECORD,))


def statement(kind: str, predicate: object) -> Statement:
    return Statement(subjects={ARTIFACT.name: ARTIFACT.sha256}, predicate_type=kind, commit="", signer=Signer(), predicate=predicate)


@pytest.mark.parametrize("text", ["no JSON", "[" * 100_000, "{}"])
def test_a_bill_that_is_another_document_or_none_contradicts(text: str, tmp_path: Path) -> None:
    (tmp_path / "bill").write_text(text)
    found = fault(statement(CYCLONEDX, None), MANIFEST, {TARGET: tmp_path / "bill"})
    assert found is not None
    assert found.word == "contradicted"


def test_a_name_that_is_no_text_contradicts() -> None:
    entry = FileEntry(path="x\ud800", mode=0o644, kind="data", size=0, sha256="0" * 64, origin=OWN)
    found = fault(statement(COLDFORGE, msgspec.to_builtins(predicate_of(MANIFEST, RECORD, (entry,), ()))), MANIFEST, {})
    assert found is not None
    assert found.word == "contradicted"


@pytest.mark.parametrize(
    ("field", "value"),
    [("product", "\ud800"), ("gates", {"passed": ["\ud800"]}), ("artifacts", {"\ud800": {"format": "x", "sha256": "", "unsigned": ""}})],
)
def test_a_text_that_is_none_contradicts_wherever_it_stands(field: str, value: object) -> None:
    said = {**msgspec.to_builtins(predicate_of(MANIFEST, RECORD, (), ())), field: value}
    found = fault(statement(COLDFORGE, said), MANIFEST, {})
    assert found is not None
    assert (found.word, f"`{field}`" in found.why) == ("contradicted", True)


def test_an_artifact_of_no_target_demands_what_every_one_does() -> None:
    stray = msgspec.structs.replace(ARTIFACT, target="windows-x86_64")
    assert demanded(stray, MANIFEST, Policy()) == ("coldforge",)
