"""What ELF files need from the systems that they run on."""

from __future__ import annotations

import pytest

from coldforge.freeze.binaries import Elf, version
from coldforge.freeze.gates import Known
from coldforge.freeze.gates.linked import from_floor, from_runpath
from coldforge.records import Origin

KNOWN = Known(origins={"_internal/a.so": Origin(kind="distribution", name="wheel", version="1.2")})


def elf(path: str = "_internal/a.so", *, glibc: tuple[int, ...] = (), runpath: str = "", needed: tuple[str, ...] = ()) -> Elf:
    return Elf(path=path, needed=needed, glibc=glibc, runpath=runpath)


@pytest.mark.parametrize(("needs", "refused"), [((2, 28), False), ((2, 4), False), ((2, 29), True), ((3,), True), ((), False)])
def test_the_floor_compares_numbers(needs: tuple[int, ...], *, refused: bool) -> None:
    found = list(from_floor("glibc-2.28", [elf(glibc=needs)], KNOWN))
    assert bool(found) is refused
    assert all(
        "_internal/a.so (from wheel 1.2) needs" in finding.message and "glibc-2.28 is promised" in finding.message for finding in found
    )


def test_without_a_promise_there_is_no_floor() -> None:
    assert list(from_floor("", [elf(glibc=(9, 9))], KNOWN)) == []


def test_search_paths_outside_of_the_tree_are_told_once_each() -> None:
    found = list(from_runpath([elf("b", runpath="/opt/py/lib"), elf("a", runpath="$ORIGIN/x:/opt/py/lib"), elf("c", runpath="$ORIGIN")]))
    assert [(finding.gate, finding.level, finding.path) for finding in found] == [("runpath", "warning", "a")]
    assert "a and 1 more search for libraries" in found[0].message
    assert "/opt/py" not in found[0].message, "findings are published"


def test_versions() -> None:
    assert version("glibc-2.36") == version("2.36") == (2, 36)
