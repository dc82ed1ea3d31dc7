"""Gates on real freezes: a project with something planted for each is refused with the evidence, and relaxed it is recorded."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from coldforge.project.gates import GATES
from coldforge.records import Finding, Payload, read
from coldforge.report.reporter import megabytes
from support.planted import GATES as GIVEN
from support.planted import PLANTED, RELAXED
from support.program import Outcome, coldforge
from support.repository import write

pytestmark = pytest.mark.integration


def freeze(folder: Path, env: dict[str, str], project: Mapping[str, str]) -> Outcome:
    return coldforge("freeze", write(folder / "source", project), "--host", "--out", folder / "dist", env=env)


@pytest.fixture(scope="module")
def refused(host_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """What is said of the project with everything planted."""
    folder = tmp_path_factory.mktemp("refused")
    outcome = freeze(folder, host_env, PLANTED)
    outcome.failed(1, "the frozen program would not be what it is promised to be")
    assert not (folder / "dist" / "linux-x86_64" / "payload").exists()
    return outcome.err


@pytest.fixture(scope="module")
def relaxed(host_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Payload:
    """The record of the same project with every gate relaxed."""
    folder = tmp_path_factory.mktemp("relaxed")
    freeze(folder, host_env, RELAXED).succeeded()
    return read(folder / "dist" / "linux-x86_64" / "payload.json", Payload)


def found(payload: Payload, gate: str) -> list[Finding]:
    return [finding for finding in payload.findings if finding.gate == gate]


@pytest.mark.parametrize("gate", GIVEN)
def test_the_fix_of_each_is_told(gate: str, refused: str) -> None:
    assert f"[{gate}] " in refused
    assert " ".join(GATES[gate].fix.split()[:4]) in " ".join(refused.split())


@pytest.mark.parametrize("gate", GIVEN)
def test_relaxed_it_is_recorded_with_the_reason(gate: str, relaxed: Payload) -> None:
    findings = found(relaxed, gate)
    assert findings
    assert {(finding.level, finding.reason) for finding in findings} == {("relaxed", f"{gate} is planted")}


def test_a_folder_of_the_build_in_a_packed_module_is_shown_and_not_recorded(refused: str, relaxed: Payload) -> None:
    assert "planted._made in planted (from planted 1.0) holds a folder of the freeze" in refused
    assert "/source/src/planted" in refused, "the text itself is shown"
    told = [finding for finding in found(relaxed, "leak") if "a folder of the freeze" in finding.message]
    assert told
    assert not [finding for finding in told if "/source" in finding.message or "coldforge-freeze" in finding.message]


def test_a_missing_library_is_told_with_the_file_that_needs_it_and_who_imports_that(relaxed: Payload) -> None:
    (finding,) = found(relaxed, "missing-library")
    assert finding.message.startswith("libq.so.6 is nowhere, and is needed by planted/_needy.cpython-")
    assert finding.message.endswith("(from planted 1.0, imported by planted)")


def test_names_of_the_configuration_that_are_wrong_are_told_with_the_key(relaxed: Payload) -> None:
    (module,), (package,) = found(relaxed, "hidden-import"), found(relaxed, "collect")
    assert "markdown_it.parse, which [tool.coldforge.pyinstaller] hidden-imports names" in module.message
    assert "planted_data, which [tool.coldforge.pyinstaller] collect-data names" in package.message


def test_a_library_that_is_loaded_by_name_and_not_found_is_a_warning(relaxed: Payload) -> None:
    (finding,) = found(relaxed, "ctypes")
    assert finding.level == "warning"
    assert "libnobody.so.3" in finding.message


def test_a_library_of_the_machine_is_named_with_its_package_and_the_module_that_loads_it(refused: str, relaxed: Payload) -> None:
    (finding,) = found(relaxed, "system-library")
    assert finding.path == "_internal/libpam.so.0"
    (package,) = {entry.origin for entry in relaxed.files if entry.path == finding.path}
    assert f"{finding.path} (from {package.name} {package.version}, imported by planted)" in finding.message
    assert finding.message in refused


def test_what_is_only_imported_where_it_is_there_is_unused_with_all_that_it_needs(relaxed: Payload) -> None:
    names = {finding.message.split()[0]: finding.message for finding in found(relaxed, "unused")}
    assert names.keys() == {"linkify-it-py", "uc-micro-py"}
    assert names["linkify-it-py"].endswith("; it is imported by markdown_it.main")


def test_what_is_locked_and_not_collected_is_told(refused: str) -> None:
    assert "in the lock and not in the tree: sniffio\n" in refused


def test_what_is_there_for_the_freezer_only_is_unlocked(relaxed: Payload) -> None:
    (finding,) = found(relaxed, "unlocked")
    assert finding.message.startswith("packaging ")
    assert finding.message.endswith("; it is imported by planted")


def test_the_largest_distributions_are_named_when_the_budget_is_exceeded(relaxed: Payload) -> None:
    (finding,) = found(relaxed, "budget")
    assert f"the tree has {megabytes(relaxed.size)}, 1.0 MB are allowed" in finding.message
    assert re.search(r"; Python and libraries of the system have \d+\.\d MB of it, the largest distributions: ", finding.message)
    assert re.search(r" markdown-it-py \d.*, linkify-it-py \d.*, mdurl \d", finding.message)


def test_every_part_under_a_denied_licence_is_named(relaxed: Payload) -> None:
    under = {part.name for part in relaxed.components if part.license == "MIT" and part.kind != "application"}
    assert {"markdown-it-py", "linkify-it-py"} <= under
    denied = {finding.message.split()[0] for finding in found(relaxed, "license") if " is under " in finding.message}
    assert denied >= under
