"""The bill of materials: valid by CycloneDX's own schema, the same for the same payload, and about every file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from msgspec.structs import replace

from coldforge.bundle.identity import licences, purl
from coldforge.bundle.sbom import Sbom, in_order
from coldforge.bundle.tree import load
from coldforge.records import Component, Distribution
from coldforge.target import Target
from support import payloads
from support.releases import ENVIRONMENT

VALIDATOR = JsonStrictValidator(SchemaVersion.V1_6)
CLICK = Component(kind="distribution", name="click", version="8.1.0", license="BSD-3-Clause", texts=("click/LICENSE",), requires=("zlib",))
PARTS = (
    Component(kind="application", name="demo", version="1.2.0rc1", requires=("click", "python")),
    CLICK,
    Component(kind="python", name="python", version="3.13.1", license="Python-2.0.1"),
    Component(kind="system", name="zlib1g", version="1:1.2.13.dfsg-1", license="Zlib"),
)
ONE = Distribution(name="click", version="8.1.0", hashes=(f"sha256:{'c' * 64}",))
WHEEL = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.5",
    "components": [
        {"type": "library", "name": "openssl", "version": "4.0.3", "purl": "pkg:generic/openssl@4.0.3"},
        {"type": "library", "name": "a"},
    ],
}


def written(folder: Path, *, bill: str = "", **changes: Any) -> Mapping[str, Any]:
    """The document of a payload made by hand, with changes to its index; `bill` is what click says of itself."""
    job = payloads.job(folder, "sbom", components=PARTS)
    if bill:
        path = job.folder / "payload" / "_internal" / "click-8.1.0.dist-info" / "sboms" / "click.json"
        path.parent.mkdir()
        path.write_text(bill)
        job = payloads.replaced(job, files=payloads.payload_of(job.folder / "payload").files)
    job = payloads.replaced(job, **changes)
    out = folder / "out.json"
    Sbom().bundle(job, load(job.payload, job.folder / "payload", payloads.EPOCH), out)
    text = out.read_text(encoding="utf-8")
    assert VALIDATOR.validate_str(text) is None
    document: Mapping[str, Any] = json.loads(text)
    return document


def parts(component: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A component and all in it."""
    yield component
    for inner in component.get("components", ()):
        yield from parts(inner)


def named(document: Mapping[str, Any], ref: str) -> Mapping[str, Any]:
    """The component of this name, wherever it stands."""
    tops = [document["metadata"]["component"], *document["components"]]
    return next(part for top in tops for part in parts(top) if part["bom-ref"] == ref)


def places(document: Mapping[str, Any]) -> list[str]:
    """The files that the components were found in."""
    tops = [document["metadata"]["component"], *document["components"]]
    return sorted(place["location"] for top in tops for place in top.get("evidence", {}).get("occurrences", ()))


def test_every_file_of_the_payload_is_somewhere_and_no_other(tmp_path: Path) -> None:
    document = written(tmp_path)
    _, payload = payloads.make(tmp_path / "again")
    assert places(document) == sorted(entry.path for entry in payload.files)


def test_what_the_system_loads_is_there_with_its_digest(tmp_path: Path) -> None:
    _, payload = payloads.make(tmp_path / "again")
    entry = next(entry for entry in payload.files if entry.path == "demo")
    assert named(written(tmp_path), "file/demo")["hashes"] == [{"alg": "SHA-256", "content": entry.sha256}]


def test_the_parts_have_names_that_others_know(tmp_path: Path) -> None:
    document = written(tmp_path)
    product, click, python, zlib = (named(document, ref) for ref in ("application", "distribution/click", "python/python", "system/zlib1g"))
    assert (product["name"], product["version"], product["licenses"][0]["license"]["id"]) == ("demo", "1.2.0rc1", "MIT")
    assert click["purl"] == "pkg:pypi/click@8.1.0"
    assert python["cpe"].startswith("cpe:2.3:a:python:python:3.13.1:")
    assert python["hashes"] == [{"alg": "SHA-256", "content": "1" * 64}]
    assert zlib["purl"].startswith("pkg:deb/debian/zlib1g@1:1.2.13.dfsg-1?arch=amd64&distro=debian-12")
    assert {"name": "coldforge:license-text", "value": "licenses/click/LICENSE"} in click["properties"]


def test_the_digest_of_a_distribution_is_that_of_the_lock(tmp_path: Path) -> None:
    one = written(tmp_path / "one", environment=replace(ENVIRONMENT, distributions=(ONE,)))
    assert named(one, "distribution/click")["hashes"] == [{"alg": "SHA-256", "content": "c" * 64}]
    several = replace(ONE, hashes=(*ONE.hashes, f"sha256:{'d' * 64}"))
    click = named(written(tmp_path / "two", environment=replace(ENVIRONMENT, distributions=(several,))), "distribution/click")
    assert "hashes" not in click, "nobody knows which of the files it was"
    assert [fact["value"][:8] for fact in click["properties"] if fact["name"] == "coldforge:locked"] == ["sha256:c", "sha256:d"]


def test_who_needs_whom(tmp_path: Path) -> None:
    needs = {found["ref"]: found.get("dependsOn", []) for found in written(tmp_path)["dependencies"]}
    assert needs["application"] == ["distribution/click", "python/python", "system/zlib1g"], "what nobody asks for is still in there"
    assert needs["distribution/click"] == [], "a system package that is called like a distribution is none"


def test_what_a_wheel_says_of_itself_is_taken_over_and_named(tmp_path: Path) -> None:
    document = written(tmp_path, bill=json.dumps(WHEEL))
    click = named(document, "distribution/click")
    assert {part["name"] for part in parts(click)} == {"click", "openssl", "a"}
    (reference,) = click["externalReferences"]
    assert (reference["type"], reference["url"]) == ("bom", "_internal/click-8.1.0.dist-info/sboms/click.json")


def test_what_is_no_bill_is_named_only(tmp_path: Path) -> None:
    click = named(written(tmp_path, bill='{"spdxVersion": "SPDX-2.3"}'), "distribution/click")
    assert "components" not in click
    assert [reference["type"] for reference in click["externalReferences"]] == ["bom"]


def test_the_same_payload_gives_the_same_document_and_another_one_another_number(tmp_path: Path) -> None:
    one, two = (written(tmp_path / name, bill=json.dumps(WHEEL)) for name in ("one", "two"))
    assert one == two
    assert one["metadata"]["timestamp"] == "2023-11-14T22:13:20+00:00"
    other = written(tmp_path / "three", components=(*PARTS[:-1], replace(PARTS[-1], version="2")))
    assert other["serialNumber"] != one["serialNumber"]


def test_what_is_frozen_from_no_python_names_its_tools(tmp_path: Path) -> None:
    made = replace(ENVIRONMENT, interpreter=None, tools={"go version": "go version go1.25 linux/amd64"})
    document = written(tmp_path, environment=made, components=PARTS[:1])
    assert {"name": "coldforge:tool", "value": "go version: go version go1.25 linux/amd64"} in document["metadata"]["properties"]


def test_lists_are_in_an_order_of_their_own() -> None:
    assert in_order({"b": [{"y": 2}, {"x": [3, 1]}], "a": "text"}) == {"a": "text", "b": [{"x": [1, 3]}, {"y": 2}]}


def test_a_payload_of_which_nothing_but_the_files_is_known(tmp_path: Path) -> None:
    document = written(tmp_path, components=())
    assert named(document, "distribution/click")["version"] == "8.1.0"


def test_an_empty_payload_is_still_the_product(tmp_path: Path) -> None:
    job = payloads.job(tmp_path, "sbom", components=(), files=())
    out = tmp_path / "out.json"
    Sbom().bundle(job, load(replace(job.payload, files=()), tmp_path / "empty", payloads.EPOCH), out)
    assert json.loads(out.read_text())["metadata"]["component"]["name"] == "demo"


@pytest.mark.parametrize(
    ("system", "expected"),
    [
        ("Ubuntu 24.04.1 LTS", "pkg:deb/ubuntu/x@1?arch=amd64&distro=ubuntu-24.04"),
        ("AlmaLinux 8.10 (Cerulean Leopard)", "pkg:rpm/almalinux/x@1?arch=x86_64&distro=almalinux-8.10"),
        ("Debian GNU/Linux trixie/sid", "pkg:deb/debian/x@1?arch=amd64"),
        ("Windows", "pkg:generic/x@1"),
        ("", "pkg:generic/x@1"),
    ],
)
def test_the_system_says_whose_package_it_is(system: str, expected: str) -> None:
    part = Component(kind="system", name="x", version="1")
    assert str(purl(part, replace(ENVIRONMENT, system=system), Target("linux", "x86_64"))) == expected


@pytest.mark.parametrize(
    ("text", "field", "expected"),
    [
        ("MIT", "id", "MIT"),
        ("Apache-2.0 OR MIT", "value", "Apache-2.0 OR MIT"),
        ("BSD License", "name", "BSD License"),
        ("(c) me\nand you", "name", "(c) me and you"),
    ],
)
def test_a_licence_is_an_expression_when_spdx_can_read_it(text: str, field: str, expected: str) -> None:
    (found,) = licences(text)
    assert getattr(found, field) == expected


def test_no_licence_and_a_whole_text_are_none() -> None:
    assert list(licences("")) == list(licences("word " * 100)) == []
