"""What programs for Windows ask of it, and what is no part of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from coldforge.freeze.gates import Known
from coldforge.freeze.gates.windows import from_programs, own
from coldforge.freeze.programs import Pe, read_pe
from coldforge.records import Finding, Origin
from coldforge.target import Target

KNOWN = Known(
    origins={
        "_internal/a.pyd": Origin(kind="distribution", name="wheel", version="1.2"),
        "_internal/gdi32.dll": Origin(kind="system", name="Windows", version="10.0"),
    }
)
TARGET = Target("windows", "x86_64")
PE = Pe(path="_internal/a.pyd", machine="x86_64", needed=("kernel32.dll",))


def judged(*pes: Pe) -> list[Finding]:
    return list(from_programs(TARGET, pes, own(Path("/nowhere")), KNOWN))


def test_what_windows_and_the_tree_have_is_there() -> None:
    needed = ("kernel32.dll", "ucrtbase.dll", "api-ms-win-core-path-l1-1-0.dll", "ext-ms-win-x-l1.dll", "python313.dll")
    assert judged(replace(PE, needed=needed), replace(PE, path="_internal/Python313.dll")) == []


def test_a_library_that_is_nowhere_is_an_error_and_a_warning_where_it_may_never_be_loaded() -> None:
    first, second = judged(replace(PE, needed=("vcruntime140.dll",), later=("magic.dll",)))
    assert (first.gate, first.level, second.gate, second.level) == ("missing-library", "error", "missing-library", "warning")
    assert first.message == "vcruntime140.dll is neither in the tree nor part of Windows, and is needed by _internal/a.pyd (from wheel 1.2)"
    assert "magic.dll" in second.message


@pytest.mark.parametrize("name", ["msvcp140.dll", "vcruntime140.dll", "vcruntime140_1.dll", "mfc140u.dll", "zlib1.dll", "d3dx9_43.dll"])
def test_what_microsoft_gives_out_apart_is_no_part_of_windows(name: str) -> None:
    assert name not in own(Path("/nowhere"))


def test_nothing_of_wine_and_nothing_of_windows_is_taken_along() -> None:
    first, second = judged(replace(PE, path="_internal/ucrtbase.dll", of_wine=True), replace(PE, path="_internal/gdi32.dll"))
    assert (first.gate, first.level) == (second.gate, second.level) == ("system-library", "error")
    assert "a part of Wine" in first.message
    assert "a part of the Windows that it was frozen on" in second.message


def test_another_machines_code_is_an_error() -> None:
    (finding,) = judged(replace(PE, machine="i686"))
    assert (finding.gate, finding.level) == ("floor", "error")
    assert "_internal/a.pyd (from wheel 1.2) is made for i686" in finding.message


def test_files_without_protection_are_told_together() -> None:
    lacking = ("random addresses (ASLR)",)
    (finding,) = judged(*(replace(PE, path=f"_internal/{name}.dll", unprotected=lacking) for name in "bcdef"))
    assert (finding.gate, finding.level) == ("protection", "warning")
    assert finding.message.endswith("_internal/d.dll and 2 more do without random addresses (ASLR)")


def test_what_is_damaged_has_no_facts(tmp_path: Path) -> None:
    (tmp_path / "a.dll").write_bytes(b"MZ" + bytes(100))
    assert read_pe(tmp_path / "a.dll", "a.dll") is None
