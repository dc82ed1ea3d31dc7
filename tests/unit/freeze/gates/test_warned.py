"""What PyInstaller only warns of, and which of it means a broken program."""

from __future__ import annotations

from typing import Any

import pytest
from freezing.plugins import LEFT_OUT

from coldforge.freeze.gates import Known
from coldforge.freeze.gates.warned import from_imports, from_warnings
from coldforge.project.pyinstaller import PyInstallerConfig
from coldforge.records import Finding, Origin

LIBRARY = "Library not found: could not resolve %r, dependency of %r."
HIDDEN = "Hidden import %r not found"
HOOKED = 'Hidden import "%s" not found!'
CTYPES = "Library %s required via ctypes not found"
NO_PACKAGE = "collect_data_files - skipping data collection for module '%s' as it is not a package."
BAR = Origin(kind="distribution", name="bar", version="1.2")
KNOWN = Known(origins={"bar/_x.so": BAR}, modules={"bar.native": BAR, "bar": BAR, "single": BAR}, importers={"bar/_x.so": ("bar.core",)})


def warning(template: str, *values: str) -> dict[str, Any]:
    return {"logger": "PyInstaller", "template": template, "values": list(values)}


def found(*warnings: dict[str, Any], windowed: bool = False, **options: Any) -> list[Finding]:
    return list(from_warnings(warnings, PyInstallerConfig(**options), KNOWN, {"libcups.so.2": "libcups2t64 | libcups2"}, windowed=windowed))


def test_a_library_that_is_nowhere_names_the_file_its_distribution_and_who_imports_it() -> None:
    (finding,) = found(warning(LIBRARY, "libfoo.so.1", "bar/_x.so"))
    assert (finding.gate, finding.level, finding.path) == ("missing-library", "error", "bar/_x.so")
    assert finding.message == "libfoo.so.1 is nowhere, and is needed by bar/_x.so (from bar 1.2, imported by bar.core)"


def test_a_library_that_is_nowhere_is_told_with_the_package_that_brings_it() -> None:
    (finding,) = found(warning(LIBRARY, "libcups.so.2", "absent.so"))
    assert finding.message == "libcups.so.2 is nowhere, and is needed by absent.so (Debian's package for it: libcups2t64 | libcups2)"


def test_a_plugin_that_qt_does_without_is_a_warning_of_windowed_programs_too() -> None:
    (finding,) = found(warning(LEFT_OUT, "printsupport/libcups.so", "libcups.so.2"), windowed=True)
    assert (finding.gate, finding.level) == ("toolkit", "warning")
    assert finding.message.startswith("Qt plugin printsupport/libcups.so is left out: it needs libcups.so.2")


def test_a_hidden_import_counts_when_the_user_named_it() -> None:
    (finding,) = found(warning(HIDDEN, "bar.naive"), warning(HIDDEN, "other"), warning(HOOKED, "bar.hooked"), hidden_imports=("bar.naive",))
    assert (finding.gate, finding.level) == ("hidden-import", "error")
    assert finding.message == (
        "there is no module bar.naive, which [tool.coldforge.pyinstaller] hidden-imports names; did you mean bar.native?"
    )


def test_a_named_package_that_does_not_exist_or_cannot_be_imported_is_not_collected() -> None:
    failed = "Failed to collect submodules for 'bar' because importing 'bar' raised: ImportError: no GPU"
    nothing, broken = found(warning(NO_PACKAGE, "baar"), warning(failed), collect_data=("baar",), collect_all=("bar",))
    assert (nothing.gate, nothing.level, broken.gate, broken.level) == ("collect", "error", "collect", "error")
    assert "there is no module baar, which [tool.coldforge.pyinstaller] collect-data names; did you mean bar?" in {
        nothing.message,
        broken.message,
    }
    assert "bar, which collect-all names, could not be collected: importing it raised ImportError: no GPU" in {
        nothing.message,
        broken.message,
    }


def test_what_hooks_could_not_collect_and_single_modules_are_no_errors() -> None:
    failed = "Failed to collect submodules for 'bar.optional' because importing 'bar.optional' raised: ImportError: x"
    assert found(warning(failed), warning(NO_PACKAGE, "single"), collect_all=("bar", "single")) == []


@pytest.mark.parametrize(("windowed", "level"), [(True, "error"), (False, "warning")])
def test_a_toolkit_that_was_not_found_stops_programs_with_windows_only(*, windowed: bool, level: str) -> None:
    (finding,) = found(warning("%s: failed to obtain Qt library info: %s", "PySide6", "libEGL.so.1 is missing"), windowed=windowed)
    assert (finding.gate, finding.level) == ("toolkit", level)
    assert finding.message == "PySide6: failed to obtain Qt library info: libEGL.so.1 is missing"


NO_TYPELIB = "Typelib file for namespace 'Rsvg', version '2.0' not found (0)"


@pytest.mark.parametrize("windowed", [True, False])
def test_a_namespace_of_gobject_that_the_system_lacks_is_told_when_somebody_imports_it(*, windowed: bool) -> None:
    lacking = warning("Failed to query GI module %s %s: %s", "Rsvg", "2.0", NO_TYPELIB)
    assert found(lacking, windowed=windowed) == []
    known = Known(importers={"gi.repository.Rsvg": ("bar.drawing",)})
    (finding,) = from_warnings([lacking], PyInstallerConfig(), known, {}, windowed=windowed)
    assert (finding.gate, finding.level) == ("toolkit", "error")
    assert finding.message.startswith("there is no typelib of Rsvg 2.0 where it was frozen, and bar.drawing imports it")


def test_a_namespace_that_cannot_be_read_is_an_error_whoever_imports_it() -> None:
    (finding,) = found(warning("Failed to query GI module %s %s: %s", "Gtk", "3.0", "No module named 'gi._gi'"), windowed=True)
    assert (finding.gate, finding.level) == ("toolkit", "error")


def test_libraries_loaded_by_name_are_told_once() -> None:
    (finding,) = found(warning(CTYPES, "libb.so"), warning(CTYPES, "liba.so"), warning(CTYPES, "libb.so"), warning(CTYPES, "ole32"))
    assert (finding.gate, finding.level) == ("ctypes", "warning")
    assert finding.message.endswith("liba.so, libb.so")


def test_a_file_that_vanished_and_a_strip_that_failed() -> None:
    gone = warning("Ignoring non-existent resource %s, meant to be collected as %s", "words.txt", "data/words.txt")
    assert [(finding.gate, finding.level) for finding in found(gone, warning("Failed to run strip on %r!", "a.so"))] == [
        ("collect", "error"),
        ("strip", "error"),
    ]


def test_other_warnings_are_nothing() -> None:
    assert found(warning("Something %s", "else"), warning("Some f-string of 50 %")) == []


def test_an_entry_that_does_not_import_shows_its_own_error() -> None:
    error = "Traceback (most recent call last):\n  File …\nModuleNotFoundError: No module named 'x'"
    (finding,) = from_imports([{"entry": "demo:main", "error": error}], {})
    assert (finding.gate, finding.level) == ("entry-import", "error")
    assert finding.message.splitlines() == ["demo:main cannot be imported: ModuleNotFoundError: No module named 'x'", "  File …"]


def test_the_frames_of_the_import_itself_are_left_out() -> None:
    own = ['  File "/work/demo/cli.py", line 3, in <module>', "    import x", "    ^^^^^^^^"]
    frames = ['  File "<string>", line 1, in <module>']
    frames += ['  File "/usr/lib/python3.12/importlib/__init__.py", line 90, in import_module']
    frames += [
        "    return _bootstrap._gcd_import(name[level:], package, level)",
        '  File "<frozen importlib._bootstrap>", line 1, in _load',
    ]
    error = "\n".join(["    a line of a frame that was cut off", *frames, *own, *frames[-1:], "ModuleNotFoundError: No module named 'x'"])
    (finding,) = from_imports([{"entry": "demo:main", "error": error}], {})
    assert finding.message.splitlines()[1:] == own


def test_an_entry_that_lacks_a_library_is_told_with_the_package_that_brings_it() -> None:
    error = "ImportError: libEGL.so.1: cannot open shared object file: No such file or directory"
    (finding,) = from_imports([{"entry": "demo:main", "error": error}], {"libEGL.so.1": "libegl1"})
    assert finding.message == f"demo:main cannot be imported: {error} (Debian's package for it: libegl1)"
