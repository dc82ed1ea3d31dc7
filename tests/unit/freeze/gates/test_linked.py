"""What ELF files need from the systems that they run on."""

from __future__ import annotations

import pytest

from coldforge.freeze.binaries import Elf, version
from coldforge.freeze.gates import Known
from coldforge.freeze.gates.linked import from_c_library, from_floor, from_runpath, from_system
from coldforge.records import Origin
from coldforge.target import Target

KNOWN = Known(origins={"_internal/a.so": Origin(kind="distribution", name="wheel", version="1.2")})


def elf(
    path: str = "_internal/a.so", *, glibc: tuple[int, ...] = (), runpath: str = "", needed: tuple[str, ...] = (), loader: str = ""
) -> Elf:
    return Elf(path=path, needed=needed, glibc=glibc, runpath=runpath, loader=loader)


@pytest.mark.parametrize(("needs", "refused"), [((2, 28), False), ((2, 4), False), ((2, 29), True), ((3,), True), ((), False)])
def test_the_floor_compares_numbers(needs: tuple[int, ...], *, refused: bool) -> None:
    found = list(from_floor("glibc-2.28", [elf(glibc=needs)], KNOWN))
    assert bool(found) is refused
    assert all(
        "_internal/a.so (from wheel 1.2) needs" in finding.message and "glibc-2.28 is promised" in finding.message for finding in found
    )


def test_without_a_promise_there_is_no_floor() -> None:
    assert list(from_floor("", [elf(glibc=(9, 9))], KNOWN)) == []


MADE_FOR = {
    "glibc": (elf(glibc=(2, 17)), elf(needed=("libc.so.6",)), elf(loader="/lib64/ld-linux-x86-64.so.2")),
    "musl": (elf(needed=("libc.musl-x86_64.so.1",)), elf(needed=("libc.so",)), elf(loader="/lib/ld-musl-x86_64.so.1")),
    "": (elf(), elf(needed=("libz.so.1",)), elf(needed=("libc.so.7",))),
}


@pytest.mark.parametrize(("target", "other"), [("linux-x86_64-musl", "glibc"), ("linux-x86_64", "musl")])
def test_a_file_for_another_c_library_does_not_load(target: str, other: str) -> None:
    for library, files in MADE_FOR.items():
        for one in files:
            assert one.c_library == library
            found = list(from_c_library(Target.parse(target), [one], KNOWN))
            assert [finding.gate for finding in found] == (["floor"] if library == other else [])
            assert all(f"_internal/a.so (from wheel 1.2) is made for {other}" in finding.message for finding in found)
            assert all(one.loader in finding.message for finding in found)


def test_other_systems_have_no_c_library_to_compare() -> None:
    assert list(from_c_library(Target.parse("windows-x86_64"), [file for files in MADE_FOR.values() for file in files], KNOWN)) == []


def test_search_paths_outside_of_the_tree_are_told_once_each() -> None:
    found = list(from_runpath([elf("b", runpath="/opt/py/lib"), elf("a", runpath="$ORIGIN/x:/opt/py/lib"), elf("c", runpath="$ORIGIN")]))
    assert [(finding.gate, finding.level, finding.path) for finding in found] == [("runpath", "error", "a")]
    assert "a and 1 more search for libraries" in found[0].message
    assert "/opt/py" not in found[0].message, "findings are published"


def test_versions() -> None:
    assert version("glibc-2.36") == version("2.36") == (2, 36)


LIBRARIES = [
    elf("_internal/python3.11/lib-dynload/_ssl.so", needed=("libssl.so.3",)),
    elf("_internal/libssl.so.3", needed=("libcrypto.so.3",)),
    elf("_internal/libcrypto.so.3", needed=("libc.so.6",)),
    elf("_internal/wheel/_x.so", needed=("libstdc++.so.6", "libX11.so.6", "libxcb-cursor.so.0", "libssl.so.3")),
    elf("_internal/libstdc++.so.6"),
    elf("_internal/libX11.so.6", needed=("libxcb.so.1",)),
    elf("_internal/libxcb.so.1"),
    elf("_internal/libxcb-cursor.so.0", needed=("libxcb.so.1", "libxcb-image.so.0")),
    elf("_internal/libxcb-image.so.0"),
    elf("_internal/libpam.so.0", needed=("libaudit.so.1",)),
    elf("_internal/libaudit.so.1"),
    elf("_internal/libgtk-3.so.0"),
]
MACHINE = Known(
    origins={
        each.path: Origin(kind="python", name="python")
        if "lib-dynload" in each.path
        else Origin(kind="distribution", name="wheel", version="1.2")
        if "wheel" in each.path
        else Origin(kind="system", name=each.path.rpartition("/")[2].partition(".")[0], version="3")
        for each in LIBRARIES
    },
    importers={"_internal/libpam.so.0": ("demo.login",), "_internal/wheel/_x.so": ("wheel",)},
)
MACHINE_SAYS = {
    "_internal/wheel/_x.so": "_internal/wheel/_x.so (from wheel 1.2, imported by wheel) brings "
    "_internal/libxcb-cursor.so.0 (from libxcb-cursor 3), _internal/libxcb-image.so.0 (from libxcb-image 3)",
    "_internal/libpam.so.0": "_internal/libpam.so.0 (from libpam 3, imported by demo.login) brings "
    "_internal/libaudit.so.1 (from libaudit 3)",
    "_internal/libgtk-3.so.0": "_internal/libgtk-3.so.0 (from libgtk-3 3) was collected",
}


@pytest.mark.parametrize(("pinned", "level"), [(False, "error"), (True, "warning")])
def test_libraries_of_the_machine_are_told_with_what_brought_them(pinned: bool, level: str) -> None:
    found = list(from_system(LIBRARIES, MACHINE, pinned=pinned))
    assert {finding.path: finding.message for finding in found} == {
        path: f"{says}, of the machine that it was frozen on" for path, says in MACHINE_SAYS.items()
    }
    assert {(finding.gate, finding.level) for finding in found} == {("system-library", level)}


def test_what_python_needs_and_every_wheel_may_expect_is_no_finding() -> None:
    rest = [each for each in LIBRARIES if each.path.rpartition("/")[2].partition(".")[0] not in ("libxcb-cursor", "libpam", "libgtk-3")]
    kept = [each for each in rest if "libxcb-image" not in each.path and "libaudit" not in each.path]
    assert list(from_system(kept, MACHINE, pinned=False)) == []
    assert len(kept) == 7
