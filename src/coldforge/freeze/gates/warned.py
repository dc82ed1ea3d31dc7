"""What PyInstaller only warns of: missing libraries and modules, packages and toolkits that it could not collect.

It exits 0 all the same. Its warnings come as data: the template of the message, and the values.
Source: PyInstaller 6.22 (depend/bindepend.py, depend/analysis.py, depend/utils.py, building/, utils/hooks/).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final

from coldforge.freeze.gates import Known, found
from coldforge.project.pyinstaller import PyInstallerConfig
from coldforge.records import Finding

Warnings = Sequence[Mapping[str, Any]]
ASKED: Final = ("collect", "ctypes", "entry-import", "hidden-import", "missing-library", "strip", "toolkit")
# Qt goes on without the first (build/freezing/plugins.py); the second no library of Qt's has, where it is installed as where it is frozen:
# wheels of PySide6 carry descriptions of modules that they do not carry.
_ALWAYS_WARNINGS: Final = ("Qt plugin", "%s: QML plugin binary")
_IMPORTING: Final = re.compile(r'  File "(<string>|<frozen importlib[\w.]*>|.*[/\\]importlib[/\\]__init__\.py)"')
_ABSENT: Final = re.compile(r"(lib[\w.+-]*?\.so(?:\.\w+)*): cannot open shared object file")
_TABLE: Final = "[tool.coldforge.pyinstaller]"
_NAMESPACE: Final = "Failed to query GI module"
_NO_TYPELIB: Final = re.compile(r"Typelib file for namespace '[^']*', version '[^']*' not found")
_CTYPES: Final = "Library %s required via ctypes not found"
# Templates whose own words say it all, by how they begin, with the gate that they belong to.
_PLAIN: Final = {
    "Ignoring non-existent resource": "collect",
    "Failed to run strip on": "strip",
    "tkinter installation is broken": "toolkit",
    "%s: failed to obtain Tcl/Tk info": "toolkit",
    "%s: failed to determine Tcl and Tk shared library": "toolkit",
    "%s: Tcl library/data directory": "toolkit",
    "%s: Tk library/data directory": "toolkit",
    "%s: failed to obtain Qt library info": "toolkit",
    "%s: QML directory": "toolkit",
    "%s: QML plugin binary": "toolkit",
    "%s: failed to process QML plugin directory": "toolkit",
    _NAMESPACE: "toolkit",
    "Qt plugin": "toolkit",
}


def from_imports(failures: Sequence[Mapping[str, str]], packages: Mapping[str, str]) -> Iterator[Finding]:
    """`entry-import`: an entry point that cannot be imported in the frozen environment, with the last frames of its own error.

    `packages` are Debian's by soname.
    """
    for failure in failures:
        *frames, error = _frames(failure["error"]) or [""]
        absent = _ABSENT.search(error)
        brought = _brought(absent[1], packages) if absent else ""
        yield found("entry-import", "\n".join([f"{failure['entry']} cannot be imported: {error}{brought}", *frames]))


def _frames(traceback: str) -> list[str]:
    """A traceback's lines without its headline, which would look like a crash of coldforge, and without the frames of the import itself."""
    kept, own = [], False
    for line in traceback.splitlines():
        if line.startswith("  File "):
            own = not _IMPORTING.match(line)
        elif not line.startswith("    "):
            own = not line.startswith("Traceback ")
        if own:
            kept.append(line)
    return kept


def from_warnings(
    warnings: Warnings, options: PyInstallerConfig, known: Known, packages: Mapping[str, str], *, windowed: bool
) -> Iterator[Finding]:
    """The findings in PyInstaller's warnings. `windowed` tells whether an executable has windows: then toolkits must work.

    `packages` are Debian's by soname.
    """
    for warning in warnings:
        template, values = warning["template"], warning["values"]
        if template.startswith("Library not found: could not resolve"):
            library, needing = values
            where = f"{known.told(needing)}{_brought(library, packages)}"
            yield found("missing-library", f"{library} is nowhere, and is needed by {where}", path=needing)
        elif template.startswith("Hidden import %r") and values[0] in options.hidden_imports:
            yield found("hidden-import", _not_there(values[0], options.spec or f"{_TABLE} hidden-imports", known))
        elif template.startswith(_NAMESPACE) and _NO_TYPELIB.search(values[2]):
            yield from _no_namespace(values[0], values[1], known)
        elif gate := next((gate for start, gate in _PLAIN.items() if template.startswith(start)), ""):
            mild = gate == "toolkit" and (not windowed or template.startswith(_ALWAYS_WARNINGS))
            yield found(gate, template % tuple(values), level="warning" if mild else None)
    yield from _not_collected(warnings, options, known)
    names = sorted({warning["values"][0] for warning in warnings if warning["template"] == _CTYPES and ".so" in warning["values"][0]})
    if names:
        yield found("ctypes", f"loaded by name through ctypes, and not found where it was frozen: {', '.join(names)}")


def _no_namespace(name: str, version: str, known: Known) -> Iterator[Finding]:
    """A namespace of GObject that the system does not have; most that are looked for are of other systems, or wanted by nobody."""
    if importers := known.importers.get(f"gi.repository.{name}", ()):
        what = f"there is no typelib of {name} {version} where it was frozen, and {', '.join(importers)} imports it"
        yield found("toolkit", f"{what} (Debian's packages for typelibs are called gir1.2-…)")


def _not_collected(warnings: Warnings, options: PyInstallerConfig, known: Known) -> Iterator[Finding]:
    """Packages that the user named and that could not be collected; a module that is no package has nothing more to collect."""
    told = {"collect-all": options.collect_all, "collect-data": options.collect_data, "collect-submodules": options.collect_submodules}
    told["collect-binaries"] = options.collect_binaries
    failed = dict(_uncollected(warnings))
    for key, names in told.items():
        for name in names:
            if name in failed and (failed[name] or name not in known.modules):
                why = f"{name}, which {key} names, could not be collected: importing it raised {failed[name]}"
                yield found("collect", why if failed[name] else _not_there(name, f"{_TABLE} {key}", known))


def _uncollected(warnings: Warnings) -> Iterator[tuple[str, str]]:
    """Packages that were not collected, with the error when importing one failed."""
    for warning in warnings:
        if match := re.match(r"Failed to collect submodules for '(.+?)' because importing '.+?' raised: (.*)", warning["template"]):
            yield match[1], match[2]
        elif warning["template"].startswith(("collect_data_files - skipping", "collect_dynamic_libs - skipping")):
            yield warning["values"][0], ""


def _brought(soname: str, packages: Mapping[str, str]) -> str:
    """What to install for a library, for the end of a message."""
    package = packages.get(soname, "")
    return f" (Debian's package for it: {package})" if package else ""


def _not_there(name: str, where: str, known: Known) -> str:
    near = get_close_matches(name, sorted(known.modules), n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"there is no module {name}, which {where} names{hint}"
