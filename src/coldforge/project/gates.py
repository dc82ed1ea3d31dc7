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
        "system happens to have the library. The file, its distribution or package, and the modules that import it are named. In a tree "
        "for Windows or macOS every file's own list is looked through: what it loads is in the tree, or part of the system. On macOS a "
        "library that is in the tree, and not where its loader looks, is a warning: it is found only when something has loaded it before.",
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
        "frozen without them and cannot show a window. A warning when no executable has windows. A plugin of Qt's whose own libraries "
        "are not there is left out, and told as a warning: Qt goes on without it. Those for X11 and Wayland are not left out.",
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
        "load on the oldest system that the floor promises; it is named with the distribution that it came from. So is one that is made "
        "for another C library: for glibc in a target of musl, or for musl in one of glibc. Mach-O files tell the oldest macOS that they "
        "run on, their architectures and their system; one for a newer macOS, another processor, an iPhone or Linux is named, and so is a "
        "damaged one.",
        fix="Freeze in an older image, choose an older wheel of the distribution, or raise the floor in matrix.yml; for another C library, "
        "choose the wheel for the target's (musllinux, manylinux).",
    ),
    Gate(
        name="leak",
        level="error",
        title="A file tells where, by whom or on which machine it was frozen",
        meaning="Every file of the tree and of the one-file programs is searched for folders of the freeze, of the project and of the "
        "Python, for the user's home and the machine's name; modules, archives in archives and compressed data too. Only what "
        "cannot be there by chance counts: a folder of two parts or more that is not the system's, a user that is not called "
        "like those of build services (root, runner), a machine whose name has a digit or a hyphen, or after an at sign. What "
        "files of Python itself hold is a warning: a Python that somebody built carries the folder that it was built for. The "
        "text is shown on the terminal and in no record.",
        fix="Compute paths when the program runs, not when it is built; a distribution built from source is better taken as a wheel"
        " or built with `strip`; freeze with a distribution's Python, or in a container, if it is Python's own.",
    ),
    Gate(
        name="system-library",
        level="error",
        title="A library of the machine was collected that Python does not need",
        meaning="Shared libraries that a collected file needs, or that a module loads by name, are taken from the machine where they are "
        "installed. Another machine, or the next update of this one, has others, so the same lock gives another program. Libraries "
        "that Python itself needs do not count, nor those that every wheel may expect of a system (PEP 600). The file that brought"
        " them is named, with the modules that load it. In a container it is a warning: there the image pins them.",
        fix="Freeze in a container; or use a wheel that brings its libraries, or leave the module that loads them out with "
        "`exclude-modules`.",
    ),
    Gate(
        name="unused",
        level="error",
        title="A distribution was collected that nothing asks for",
        meaning="It is in the lock and a collected module imports it where it is there (in a function, a condition or a `try`), but "
        "neither the project nor anything that it uses requires it or always imports it. So it makes the program larger, "
        "and adds code that nobody has chosen. What the project itself imports or names in its configuration is used.",
        fix="Take it out of the lock; name it in `[project] dependencies` if the program is better with it; or leave it out with "
        "`exclude-modules`.",
    ),
    Gate(
        name="unlocked",
        level="error",
        title="A distribution was collected that the lock does not name",
        meaning="PyInstaller and what it needs are installed beside the application, and a module that is imported from there works by "
        "chance: it fails where the project is installed otherwise, and its version is coldforge's choice. A warning when "
        "nothing that is used always imports it.",
        fix="Add it to `[project] dependencies` and to the lock, or leave it out with `exclude-modules`.",
    ),
    Gate(
        name="budget",
        level="error",
        title="The tree is larger than its target may be",
        meaning="matrix.yml gives a target a `budget`; the sizes of all files of the tree are added, as they are when it is installed. "
        "The ten largest distributions are named with their files and their modules in the programs' archives.",
        fix="Leave out what is not needed with `exclude-modules`, choose a smaller distribution, or raise the budget.",
    ),
    Gate(
        name="license",
        level="error",
        title="A part is under a licence that the project does not accept",
        meaning="`[tool.coldforge.licenses]` names the licences that are allowed, or those that are denied, for every distribution, "
        "Python, the boot loader and the system's libraries in the tree. One of those that `OR` joins is enough, all that `AND` joins "
        "count, "
        "and an exception only adds to what a licence permits. A licence that is not known is an error where some are allowed, "
        "and a warning where some are denied.",
        fix="Use another distribution; allow the licence; or name it in `[tool.coldforge.licenses.stated]` if the part says it in other "
        "words than SPDX's.",
    ),
    Gate(
        name="protection",
        level="warning",
        title="A file for Windows does without protection that the system offers",
        meaning="Windows loads programs and libraries to addresses that nobody can guess (ASLR, with high entropy) and runs no data (DEP), "
        "for files that were linked so. Every program and library of a tree for Windows is looked at; whoever built such a file "
        "left it out.",
        fix="Choose a newer wheel of the distribution, or tell those who build it: `/DYNAMICBASE /HIGHENTROPYVA /NXCOMPAT`.",
    ),
    Gate(
        name="unsigned",
        level="error",
        title="Code for Apple's processors has no signature",
        meaning="macOS ends a program at once that has code for these processors without a signature, or loads a library that has; one "
        "without anybody's name (ad hoc) is enough, and every linker makes it. Something took it out: `strip`, or a change of load paths.",
        fix="Sign it anew where it is made: `codesign --force --sign - FILE`.",
    ),
    Gate(
        name="runpath",
        level="error",
        title="A file searches for libraries outside of the tree",
        meaning="Search paths (RUNPATH, RPATH) that name folders of the machine that a file was built on are taken out of it when it is"
        " collected. This tells what could not be mended so: whoever can write into such a folder can change the program. For macOS, "
        "libraries count that are loaded from elsewhere than the tree, `/usr/lib` and `/System`, such as Homebrew's, too.",
        fix="Freeze with a distribution's Python, or in a container; for macOS, with python.org's or uv's, and delocate what is built.",
    ),
)

GATES: Final[Mapping[str, Gate]] = {gate.name: gate for gate in _ALL}
