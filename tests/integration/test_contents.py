"""What is inside: told by the bill of materials of a real build, and the same by everything that is handed out."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from coldforge.records import Artifact, Manifest, Payload, read
from support import explained
from support.program import coldforge
from support.repository import write
from support.require import tool
from support.vault import VAULT

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def dist(host_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build of five formats."""
    folder = tmp_path_factory.mktemp("vault")
    matrix = {"matrix.yml": "targets: {linux-x86_64: {formats: [tar.gz, onefile, deb, rpm, sbom]}}\n"}
    coldforge("build", write(folder / "source", {**VAULT, **matrix}), "--host", "--out", folder / "dist", env=host_env).succeeded()
    return folder / "dist"


@pytest.fixture(scope="module")
def payload(dist: Path) -> Payload:
    """The index of its payload."""
    return read(dist / "linux-x86_64" / "payload.json", Payload)


def artifact(dist: Path, form: str) -> Artifact:
    """The first artifact of a format."""
    return next(made for made in read(dist / "manifest.json", Manifest).artifacts if made.format == form)


@pytest.fixture(scope="module")
def bill(dist: Path) -> Mapping[str, Any]:
    """The bill of materials, which CycloneDX's own schema accepts."""
    text = (dist / artifact(dist, "sbom").path).read_text(encoding="utf-8")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    document: Mapping[str, Any] = json.loads(text)
    return document


def tops(bill: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The product and its parts by what they are called in the document."""
    return {part["bom-ref"]: part for part in (bill["metadata"]["component"], *bill["components"])}


def inside(part: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Everything in a part, at any depth."""
    for inner in part.get("components", ()):
        yield inner
        yield from inside(inner)


def test_every_collected_file_belongs_to_a_component_that_the_environment_knows(bill: Mapping[str, Any], payload: Payload) -> None:
    owners = {place["location"]: ref for ref, part in tops(bill).items() for place in part.get("evidence", {}).get("occurrences", ())}
    own = {"application": "application"}
    expected = {entry.path: own.get(entry.origin.kind, f"{entry.origin.kind}/{entry.origin.name}") for entry in payload.files}
    assert owners == expected
    locked = {dist.name: dist.version for dist in payload.environment.distributions}
    told = {part["name"]: part["version"] for ref, part in tops(bill).items() if ref.startswith("distribution/")}
    assert told == {name: locked[name] for name in ("cffi", "cryptography")}, "pycparser was installed, and nothing of it is in there"


def test_what_the_wheels_say_of_themselves_is_part_of_it(bill: Mapping[str, Any]) -> None:
    cryptography = tops(bill)["distribution/cryptography"]
    found = {part["name"]: part for part in inside(cryptography)}
    assert found["openssl"]["purl"].startswith("pkg:generic/openssl@4.0.3")
    assert found["pyo3"]["purl"].startswith("pkg:cargo/pyo3@")
    needs = {dependency["ref"]: dependency.get("dependsOn", []) for dependency in bill["dependencies"]}
    crate = found["cryptography-rust"]["bom-ref"]
    assert {"distribution/cffi", crate} <= set(needs["distribution/cryptography"])
    assert found["pyo3"]["bom-ref"] in needs[crate]
    named = {reference["url"].rpartition("/")[2] for reference in cryptography["externalReferences"]}
    assert named == {"cryptography-rust.cyclonedx.json", "sbom.json"}


def test_the_digests_are_those_of_the_files_and_of_the_lock(bill: Mapping[str, Any], payload: Payload) -> None:
    digests = {part["name"]: part["hashes"][0]["content"] for top in tops(bill).values() for part in inside(top) if part["type"] == "file"}
    native = {entry.path: entry.sha256 for entry in payload.files if entry.kind in ("executable", "library", "extension")}
    assert digests == native
    (digest,) = tops(bill)["distribution/cryptography"]["hashes"]
    assert digest["content"] in VAULT["requirements.txt"]


def test_python_the_system_and_the_boot_loader_are_named(bill: Mapping[str, Any], payload: Payload) -> None:
    parts = tops(bill)
    interpreter = payload.environment.interpreter
    assert interpreter is not None
    assert parts["python/python"]["version"] == interpreter.version
    assert parts["freezer/pyinstaller"]["licenses"] == [
        {"expression": "GPL-2.0-or-later WITH Bootloader-exception", "acknowledgement": "declared"}
    ]
    system = {entry.origin.name for entry in payload.files if entry.origin.kind == "system"}
    assert {ref.partition("/")[2] for ref in parts if ref.startswith("system/")} == system
    assert all(parts[f"system/{name}"]["purl"].startswith(("pkg:deb/", "pkg:rpm/")) for name in system)


def test_the_sizes_add_up_to_the_payload(bill: Mapping[str, Any], payload: Payload) -> None:
    sizes = {
        ref: int(next(fact["value"] for fact in part["properties"] if fact["name"] == "coldforge:size")) for ref, part in tops(bill).items()
    }
    assert sum(sizes.values()) == payload.size
    assert sizes["distribution/cryptography"] > 10_000_000
    assert 10_000 < sizes["freezer/pyinstaller"] < 500_000, "two boot loaders and what holds an archive together"


def test_it_is_recorded_and_released_as_the_other_files_are(dist: Path) -> None:
    made = artifact(dist, "sbom")
    assert made.name == "vault-1.0.0-linux-x86_64.cdx.json"
    assert f"{made.sha256}  {made.name}" in (dist / "SHA256SUMS").read_text().splitlines()


@pytest.mark.parametrize("form", ["folder", "tar.gz", "deb", "onefile"])
def test_everything_that_is_handed_out_tells_the_same(form: str, dist: Path, payload: Payload, host_env: dict[str, str]) -> None:
    path = dist / ("linux-x86_64/payload" if form == "folder" else artifact(dist, form).path)
    told = json.loads(coldforge("inspect", "--json", path, env=host_env).succeeded().out)
    parts = {(part["kind"], part["name"], part.get("version", ""), part.get("license", "")) for part in told["parts"]}
    assert parts == {(part.kind, part.name, part.version, part.license) for part in payload.components}
    assert told["floor"] == payload.glibc_floor
    first = {"libz.so.1"} if form == "onefile" else set()
    assert set(told.get("libraries", ())) == {*payload.required, *first}, "the boot loader starts before anything is unpacked"
    digests = {item.get("sha256") for item in told["items"]}
    assert {entry.sha256 for entry in payload.files if entry.kind in ("library", "extension")} <= digests
    shown = coldforge("inspect", path, env=host_env).succeeded().err
    assert all(words in shown for words in (f"{len(parts)} parts", "cryptography", "Apache-2.0 OR BSD-3-Clause", payload.glibc_floor))


@pytest.mark.parametrize(
    ("form", "words", "seen"), [("deb", ("--allow-root", "--display-info"), "I: "), ("rpm", (), "unstripped-binary-or-object")]
)
def test_linters_have_nothing_to_say_of_a_frozen_program_that_is_not_explained(
    form: str, words: tuple[str, ...], seen: str, dist: Path
) -> None:
    linter = {"deb": "lintian", "rpm": "rpmlint"}[form]
    command: list[str | Path] = [tool(linter, f"apt-get install {linter}"), *words, dist / artifact(dist, form).path]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    assert seen in said, "it looked into the tree"
    assert set(re.findall(r"(?:^|: )[EW]: (?:vault: )?([a-z0-9-]+)", said, re.MULTILINE)) <= explained.remarks(linter), said


def test_the_bill_and_the_index_tell_the_same_sizes(dist: Path, payload: Payload, host_env: dict[str, str]) -> None:
    files = (dist / artifact(dist, "sbom").path, dist / "linux-x86_64" / "payload.json")
    bill, index = (json.loads(coldforge("inspect", "--json", path, env=host_env).succeeded().out) for path in files)
    assert (bill["kind"], bill["floor"], bill.get("libraries")) == ("CycloneDX", payload.glibc_floor, index.get("libraries"))
    told = [{part["name"]: (part["kind"], part["version"], part["size"]) for part in document["parts"]} for document in (bill, index)]
    assert told[0] == told[1]
    assert sum(size for _, _, size in told[0].values()) == payload.size


def test_the_report_is_one_static_page_about_all_of_it(dist: Path, payload: Payload) -> None:
    text = (dist / "report.html").read_text(encoding="utf-8")
    assert "<script" not in text
    assert not re.search(r"(?:src|href)=", text)
    for name in (*(part.name for part in payload.components), *(made.name for made in read(dist / "manifest.json", Manifest).artifacts)):
        assert f"<td>{name}</td>" in text
    assert "modules in vault-check" in text
    assert str(dist.parent) not in text
