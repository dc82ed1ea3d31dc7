"""What wheels say of themselves, taken over: names stay apart, what is no CycloneDX document is left alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cyclonedx.model.bom import Bom
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from hypothesis import given, settings
from hypothesis import strategies as st

from coldforge.bundle import embedded
from coldforge.bundle.embedded import Embedded
from coldforge.records import FileEntry, Origin

VALIDATOR = JsonStrictValidator(SchemaVersion.V1_6)
ENTRY = FileEntry(path="_internal/x-1.dist-info/sboms/x.json", kind="data", origin=Origin(kind="distribution", name="x"))
CRATE = {"type": "library", "name": "a", "version": "1", "bom-ref": "a#1", "licenses": [{"expression": "MIT OR Apache-2.0"}]}
DOCUMENT: dict[str, Any] = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.5",
    "version": 1,
    "metadata": {"component": {"type": "library", "name": "x", "bom-ref": "x"}},
    "components": [
        CRATE,
        {"type": "library", "name": "openssl", "version": "4"},
        {"type": "library", "name": "zlib", "components": [CRATE]},
    ],
    "dependencies": [{"ref": "x", "dependsOn": ["a#1", "gone"]}, {"ref": "gone", "dependsOn": ["x"]}],
}


def told(**changes: Any) -> Embedded:
    """The document with changes, as it is taken over."""
    return embedded.read(ENTRY, json.dumps({**DOCUMENT, **changes}).encode(), "distribution/x/x.json")


def test_every_component_has_one_name_below_that_of_the_distribution() -> None:
    found = told()
    inner = [*found.components, *(part for component in found.components for part in component.components)]
    names = [str(component.bom_ref.value) for component in inner]
    assert len(set(names)) == len(names) == 5
    assert all(name.startswith("distribution/x/x.json/") for name in names)
    assert str(found.root) == "distribution/x/x.json/x"
    assert {component.name for component in found.components} == {"x", "a", "openssl", "zlib"}


def test_dependencies_lead_to_what_is_there_only() -> None:
    (dependency,) = told().dependencies
    assert str(dependency.ref) == "distribution/x/x.json/x"
    assert [str(other.ref) for other in dependency.dependencies] == ["distribution/x/x.json/a#1"]


def test_a_document_about_nothing_has_no_root() -> None:
    assert told(metadata={}).root is None


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"null", b"\xff", b'{"spdxVersion": "SPDX-2.3"}', b'{"bomFormat": "CycloneDX", "components": 7}', b"[" * 100_000]
)
def test_anything_else_is_named_only(data: bytes) -> None:
    assert embedded.read(ENTRY, data, "p") == Embedded(entry=ENTRY)


@pytest.mark.parametrize(
    "wrong",
    [{"name": ""}, {"name": None}, {"name": False}, {"type": "thing"}, {"purl": "no"}, {"scope": "often"}, {"hashes": "x"}],
    ids=str,
)
def test_a_component_without_form_makes_the_document_none(wrong: dict[str, Any]) -> None:
    assert told(components=[{**CRATE, **wrong}]) == Embedded(entry=ENTRY)


def test_a_chain_of_components_without_end_is_none() -> None:
    inner: dict[str, Any] = CRATE
    for _ in range(100):
        inner = {**CRATE, "components": [inner]}
    assert told(components=[inner]) == Embedded(entry=ENTRY)


def test_what_tells_what_it_is_is_kept_and_nothing_else() -> None:
    digests = [{"alg": "SHA-256", "content": "a" * 64}, {"alg": "SHA-256", "content": "short"}, {"alg": "MD5", "content": "b" * 32}]
    licences = [{"license": {"id": "MIT"}}, {"expression": "MIT OR Apache-2.0"}, {"license": {"name": "Mine"}}]
    cpe = "cpe:2.3:a:openssl:openssl:4.0.3:*:*:*:*:*:*:*"
    more = {"hashes": digests, "licenses": licences, "cpe": cpe, "purl": "pkg:cargo/a@1", "properties": [{"name": "x", "value": "y"}]}
    found = next(component for component in told(components=[{**CRATE, **more}]).components if component.name == "a")
    assert [digest.content for digest in found.hashes] == ["a" * 64]
    assert {getattr(licence, "id", "") or getattr(licence, "name", "") for licence in found.licenses} == {
        "MIT",
        "MIT OR Apache-2.0",
        "Mine",
    }
    assert (found.cpe, str(found.purl), len(found.properties)) == (cpe, "pkg:cargo/a@1", 0)


KEYS = st.sampled_from(["name", "type", "bom-ref", "ref", "dependsOn", "licenses", "expression", "purl", "hashes", "components"])
PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from([CRATE, "a#1", "library", "MIT"])
VALUES = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=6)


@settings(max_examples=60)
@given(st.sampled_from(["components", "metadata", "dependencies", "serialNumber", "version"]), VALUES)
def test_what_is_taken_over_of_a_document_of_any_shape_can_be_written(key: str, value: Any) -> None:
    found = embedded.read(ENTRY, json.dumps({**DOCUMENT, key: value}).encode(), "p")
    text = JsonV1Dot6(Bom(components=found.components, dependencies=found.dependencies)).output_as_string()
    assert VALIDATOR.validate_str(text) is None
