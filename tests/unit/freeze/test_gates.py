"""Every gate: what it sees, what it does not, and how it is relaxed."""

from __future__ import annotations

import pytest

from coldforge.errors import Refused
from coldforge.freeze import gates
from coldforge.freeze.binaries import Elf, external, version
from coldforge.records import FileEntry, Finding, Origin

LIBRARY = "Library not found: could not resolve %r, dependency of %r."
HIDDEN = "Hidden import %r not found"
HOOKED = 'Hidden import "%s" not found!'


def warning(template: str, *values: str) -> dict[str, str]:
    return {"logger": "PyInstaller", "level": "WARNING", "template": template, "message": template % values}


def elf(path: str = "_internal/a.so", *, glibc: tuple[int, ...] = (), runpath: str = "", needed: tuple[str, ...] = ()) -> Elf:
    return Elf(path=path, needed=needed, glibc=glibc, runpath=runpath)


def entry(path: str, **origin: str) -> FileEntry:
    return FileEntry(path=path, kind="library", origin=Origin(kind="distribution", **origin))


def test_a_library_that_is_nowhere() -> None:
    (finding,) = gates.from_warnings([warning(LIBRARY, "libfoo.so.1", "bar.so")], [])
    assert (finding.gate, finding.level) == ("missing-library", "error")
    assert "libfoo.so.1" in finding.message


def test_a_hidden_import_counts_when_the_user_named_it() -> None:
    (finding,) = gates.from_warnings([warning(HIDDEN, "a.typo"), warning(HOOKED, "of_a_hook")], ["a.typo"])
    assert (finding.gate, finding.level) == ("hidden-import", "error")
    assert "a.typo" in finding.message


def test_other_warnings_are_no_errors() -> None:
    assert list(gates.from_warnings([warning("Something %s", "else")], [])) == []


@pytest.mark.parametrize(("needs", "refused"), [((2, 28), False), ((2, 4), False), ((2, 29), True), ((3,), True), ((), False)])
def test_the_floor_compares_numbers(needs: tuple[int, ...], *, refused: bool) -> None:
    found = list(gates.from_floor("glibc-2.28", [elf(glibc=needs)], [entry("_internal/a.so", name="wheel", version="1.2")]))
    assert bool(found) is refused
    assert all("_internal/a.so (from wheel 1.2)" in finding.message and "glibc-2.28 is promised" in finding.message for finding in found)


def test_without_a_promise_there_is_no_floor() -> None:
    assert list(gates.from_floor("", [elf(glibc=(9, 9))], [])) == []


def test_search_paths_outside_of_the_tree_are_told_once_each() -> None:
    found = list(
        gates.from_runpath([elf("b", runpath="/opt/py/lib"), elf("a", runpath="$ORIGIN/x:/opt/py/lib"), elf("c", runpath="$ORIGIN")])
    )
    assert [(finding.gate, finding.level, finding.path) for finding in found] == [("runpath", "warning", "a")]
    assert "a and 1 more search for libraries" in found[0].message
    assert "/opt/py" not in found[0].message, "findings are published"


def test_an_entry_that_does_not_import_shows_its_own_error() -> None:
    error = "Traceback (most recent call last):\n  File …\nModuleNotFoundError: No module named 'x'"
    (finding,) = gates.from_imports([{"entry": "demo:main", "error": error}])
    assert (finding.gate, finding.level) == ("entry-import", "error")
    assert "demo:main" in finding.message
    assert "No module named 'x'" in finding.message
    assert "Traceback" not in finding.message


def test_errors_stop_and_name_their_gate() -> None:
    found = [Finding(gate="floor", level="error", message="too new"), Finding(gate="runpath", level="warning", message="elsewhere")]
    with pytest.raises(Refused) as caught:
        gates.judge(found, {})
    assert [problem.what for problem in caught.value.problems] == ["[floor] too new"]


def test_a_relaxed_gate_keeps_its_finding_with_the_reason_and_relaxes_no_other() -> None:
    found = [Finding(gate="floor", level="error", message="too new"), Finding(gate="missing-library", level="error", message="none")]
    with pytest.raises(Refused) as caught:
        gates.judge(found, {"floor": "only on new systems"})
    assert [problem.what for problem in caught.value.problems] == ["[missing-library] none"]
    (kept,) = gates.judge(found[:1], {"floor": "only on new systems"})
    assert (kept.level, kept.reason, kept.message) == ("relaxed", "only on new systems", "too new")


def test_external_libraries_are_those_that_neither_the_tree_nor_glibc_has() -> None:
    found = [elf("b", needed=("libc.so.6", "libGL.so.1")), elf("a", needed=("liba.so", "libGL.so.1"))]
    assert external(found, ["_internal/liba.so", "b"]) == {"libGL.so.1": "b"}


def test_versions() -> None:
    assert version("glibc-2.36") == version("2.36") == (2, 36)
