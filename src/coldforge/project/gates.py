"""The gates by name: what each stands for, and what to do about what it finds.

The single source of the names that `[tool.coldforge.gates]` takes, of the advice in errors and of docs/reference/gates.md.
What looks for them is in the freeze room.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple


class Gate(NamedTuple):
    """One gate. `level` is what its findings usually are; `meaning` is one paragraph, `fix` one sentence or two."""

    name: str
    level: Literal["error", "warning"]
    title: str
    meaning: str
    fix: str


_ALL: Final = (
    Gate(
        name="missing-library",
        level="error",
        title="A library that a collected file needs is nowhere",
        meaning="PyInstaller reports such a library and exits 0; the program then dies where the file is loaded, unless the user's "
        "system happens to have the library. The file, its distribution or package, and the modules that import it are named.",
        fix="Install the library where the freeze runs, so that it is collected; if every user's system has it, relax the gate and "
        "name its package in `[tool.coldforge.deb] depends`.",
    ),
    Gate(
        name="hidden-import",
        level="error",
        title="A module that the configuration names does not exist",
        meaning="`[tool.coldforge.pyinstaller] hidden-imports` names modules that are imported in ways no analysis sees. One that "
        "cannot be found is missing in the frozen program. Modules that PyInstaller's own hooks ask for are often optional: "
        "those are only in the log.",
        fix="Correct the name, or add the distribution that has it to the project's dependencies and its lock.",
    ),
    Gate(
        name="entry-import",
        level="error",
        title="An entry point cannot be imported",
        meaning="What an executable starts is imported in the frozen environment before anything is frozen, and the import's own error "
        "is shown. An import that fails only where it is frozen (there is no display, say) is a reason to relax this.",
        fix="Usually a dependency is missing in `[project] dependencies` or in the lock.",
    ),
    Gate(
        name="collect",
        level="error",
        title="Something that the configuration names was not collected",
        meaning="A package of `collect-all`, `collect-data` or `collect-submodules` does not exist or cannot be imported, or a file of "
        "`add-data` is not there. PyInstaller goes on without it.",
        fix="Correct the name; if importing the package fails only where it is frozen, name its modules one by one in `hidden-imports`.",
    ),
    Gate(
        name="toolkit",
        level="error",
        title="A windowing toolkit's parts could not be found",
        meaning="PyInstaller asks Qt, Tcl/Tk or GObject for their plugins and data by importing them. When that fails the program is "
        "frozen without them and cannot show a window. A warning when no executable has windows.",
        fix="Make the toolkit importable where the freeze runs: the log shows its own error, usually a system library that the "
        "image lacks.",
    ),
    Gate(
        name="ctypes",
        level="warning",
        title="A library that is loaded by name was not found",
        meaning="Modules load libraries by name through `ctypes`, many of them optionally, so one that is not found is told, no more; "
        "names of other systems' libraries are not counted.",
        fix="If the program needs it, install it where the freeze runs.",
    ),
    Gate(
        name="strip",
        level="error",
        title="Symbols could not be stripped",
        meaning="`strip = true` was asked for and the `strip` program failed or is not there; PyInstaller then takes the file as it is.",
        fix="Install binutils where the freeze runs, or leave `strip` out.",
    ),
    Gate(
        name="floor",
        level="error",
        title="A file needs a newer system than is promised",
        meaning="The versioned symbols of every ELF file are read. One that asks for a newer glibc than the target's `floor` would not "
        "load on the oldest system that the floor promises; it is named with the distribution that it came from.",
        fix="Freeze in an older image, choose an older wheel of the distribution, or raise the floor in matrix.yml.",
    ),
    Gate(
        name="runpath",
        level="warning",
        title="A file searches for libraries outside of the tree",
        meaning="Search paths (RUNPATH, RPATH) that name folders of the machine that a file was built on are taken out of it when it is"
        " collected. This tells what could not be mended so: whoever can write into such a folder can change the program.",
        fix="Freeze with a distribution's Python, or in a container.",
    ),
)

GATES: Final[Mapping[str, Gate]] = {gate.name: gate for gate in _ALL}
