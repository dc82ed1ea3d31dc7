"""What types cannot say about a configuration: things that must exist, and must fit together."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from coldforge.errors import Location
from coldforge.project.config import Config
from coldforge.project.debian import check_description, check_section
from coldforge.project.desktop import check_desktop
from coldforge.project.discover import entries
from coldforge.project.dmg import check_dmg
from coldforge.project.freezers import check_freezer, line_problem
from coldforge.project.gates import GATES
from coldforge.project.icon import check_icons
from coldforge.project.images import images_of, is_pinned, known
from coldforge.project.licenses import canonical
from coldforge.project.linux import check_linux
from coldforge.project.macos import check_macos
from coldforge.project.metadata import ProjectTable, Text
from coldforge.project.options import check_options
from coldforge.project.pkg import check_pkg
from coldforge.project.read import Findings, Part
from coldforge.project.supply import check_indexes
from coldforge.project.walk import nearest
from coldforge.project.windows import check_windows

_SCRIPTS: Final = ("scripts", "gui-scripts")
# What every file system, shell and package manager takes as the name of a program.
_EXECUTABLE: Final = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9._+-]*$")
# The folders beside an executable while it is frozen: PyInstaller's, the tree's own (build/freezing/spec.py), the licence texts.
_TAKEN: Final = ("_internal", "coldforge-payload", "licenses")
_PYTHON: Final = re.compile(r"\d+(\.\d+){0,2}|cpython-.+|.*[/\\].*")
# One clause of a version specifier, without importing packaging: https://packaging.python.org/specifications/version-specifiers/
_PUBLIC: Final = r"v?(\d+!)?\d+(\.\d+)*([-_.]?(a|b|c|rc|alpha|beta|pre|preview)[-_.]?\d*)?(-\d+|[-_.]?(post|rev|r)[-_.]?\d*)?"
_DEV: Final = r"([-_.]?dev[-_.]?\d*)?"
_CLAUSE: Final = re.compile(
    rf"(==|!=)\s*(v?(\d+!)?\d+(\.\d+)*\.\*|{_PUBLIC}{_DEV}(\+[a-z0-9]+([-_.][a-z0-9]+)*)?)"
    rf"|~=\s*(?=v?(\d+!)?\d+\.\d){_PUBLIC}{_DEV}|(<=|>=|<|>)\s*{_PUBLIC}{_DEV}|===\s*[^\s;)]*",
    re.IGNORECASE | re.ASCII,
)


@dataclass(frozen=True, kw_only=True)
class Read:
    """Both tables of a project as they stand in its files, and as values."""

    root: Path
    table: ProjectTable
    project: Part
    config: Config
    tool: Part


def check(read: Read, findings: Findings) -> None:
    """Find everything that is wrong with a project as its files describe it."""
    _identity(read, findings)
    _requires(read, findings)
    _python(read, findings)
    check_freezer(read.config, read.tool, findings)
    _chosen(read, findings)
    _names(read, findings)
    if "scripts" not in read.table.dynamic and "gui-scripts" not in read.table.dynamic:
        check_entry(read, findings)
    _files(read, findings)
    check_icons(read.root, read.tool, read.config, findings)
    check_desktop(read.tool, read.config.executables, findings)
    check_description(read.table.description, read.project, dynamic="description" in read.table.dynamic)
    check_section(read.config.deb.section, read.tool, findings)
    check_linux(read.root, read.tool, read.config.linux, findings)
    _smoke(read, findings)
    _gates(read, findings)
    names = (*read.table.scripts, *read.table.gui_scripts, *read.config.executables)
    check_options(read.root, read.tool, read.config.pyinstaller, names, findings)
    check_windows(read.tool, read.config.windows, names, findings)
    check_macos(read.tool, read.config.macos, findings)
    check_dmg(read.root, read.tool, read.config.dmg, findings)
    check_pkg(read.root, read.tool, read.config.pkg, findings)
    _licenses(read, findings)
    check_indexes(read.root, read.config, findings)


def _identity(read: Read, findings: Findings) -> None:
    given, dynamic = read.project.content, read.table.dynamic
    if not (read.config.name or given.get("name") or "name" in dynamic):
        findings.add("the product has no name", read.project.where(), "add [project] with a name")
    if not given.get("version") and "version" not in dynamic:
        findings.add("the product has no version", read.project.where(), 'add `version = "0.1.0"` to [project]')
    if given.get("version") and "version" in dynamic:
        findings.add("the version is given, and said to be dynamic", read.project.where("dynamic"), "keep one of both")


def _requires(read: Read, findings: Findings) -> None:
    if not is_specifier(read.table.requires_python):
        what = f"{read.table.requires_python!r} is no version specifier"
        findings.add(what, read.project.where("requires-python"), 'write, for example, ">=3.11"')


def _python(read: Read, findings: Findings) -> None:
    """The interpreter that is asked for: what is neither of the three would be passed over, and another one frozen."""
    wanted = read.config.environment.python
    if wanted and not names_python(wanted):
        hint = 'write a version, such as "3.13", a path, or uv\'s name of one, such as "cpython-3.13.5"'
        findings.add(f"{wanted!r} names no Python", read.tool.where("environment", "python"), hint)


def names_python(text: str) -> bool:
    """Whether a text can be the name of an interpreter: a version, a path, or one of uv's.

    >>> names_python("3.13"), names_python("bin/python"), names_python("cpython-3.13.5"), names_python("python3.13")
    (True, True, True, False)
    """
    return bool(_PYTHON.fullmatch(text))


def _chosen(read: Read, findings: Findings) -> None:
    """The extras and groups that are to be frozen: a freeze would miss them minutes later."""
    environment, path = read.config.environment, read.root / "pyproject.toml"
    if not (environment.extras or environment.groups) or not path.is_file():
        return
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    extras, groups = document.get("project", {}).get("optional-dependencies", {}), document.get("dependency-groups", {})
    told_later = "project" not in document or "optional-dependencies" in read.table.dynamic
    for key, wanted, there in (("extras", () if told_later else environment.extras, extras), ("groups", environment.groups, groups)):
        for name in wanted:
            if _compared(name) not in map(_compared, there):
                hint = nearest(name, there) if there else "it has none"
                findings.add(f"the project has no {key.removesuffix('s')} {name!r}", read.tool.where("environment", key), hint)


def _compared(name: str) -> str:
    """A name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def is_specifier(text: str) -> bool:
    """Whether a text is a set of version specifiers (PEP 440), which may be empty.

    >>> is_specifier(">=3.11, <4"), is_specifier("^3.11")
    (True, False)
    """
    return all(_CLAUSE.fullmatch(clause.strip()) for clause in text.split(",") if clause.strip())


def check_entry(read: Read, findings: Findings) -> None:
    """Find out whether there is anything to start, and under which names; separate, because dynamic scripts are known later only."""
    for name in sorted({*read.table.scripts, *read.table.gui_scripts}.difference(*(_keys(read.project, key) for key in _SCRIPTS))):
        _name(name, read.project.where("dynamic"), findings)
    if read.config.freezer == "command":  # its default is one called like the product
        return
    for name, executable in read.config.executables.items():
        if not (executable.entry or name in read.table.scripts or name in read.table.gui_scripts):
            near = nearest(name, {*read.table.scripts, *read.table.gui_scripts})
            guess = f"; {near} Else" if near.endswith("?") else ":"
            hint = f'no script of [project] has its name{guess} write entry = "package.module:function"'
            findings.add(f"the executable {name!r} has no entry", read.tool.where("executables", name), hint)
    if names_entry(read):
        return
    name = read.table.name or read.config.name or "app"
    could = entries(read.root, name) or (f"{re.sub(r'[^A-Za-z0-9_]', '_', name)}.cli:main",)
    hint = f"add, for example:\n{script(name, could[0])}" + "".join(f"\nor {entry}" for entry in could[1:])
    findings.add("there is no entry point: nothing to build", read.project.where(), hint)


def names_entry(read: Read) -> bool:
    """Whether the project's files say what starts it, be it well or badly."""
    given = (*map(read.project.content.get, _SCRIPTS), read.tool.content.get("executables"))
    return bool(any(given) or read.table.scripts or read.table.gui_scripts or read.config.executables)


def script(name: str, entry: str) -> str:
    """The lines of pyproject.toml that make an entry point the program `name`."""
    return f'[project.scripts]\n{name} = "{entry}"'


def _names(read: Read, findings: Findings) -> None:
    given = [(read.project, key, name) for key in _SCRIPTS for name in _keys(read.project, key)]
    for part, table, name in [*given, *((read.tool, "executables", name) for name in read.config.executables)]:
        _name(name, part.where(table, name), findings)
    for name in sorted(read.table.scripts.keys() & read.table.gui_scripts.keys()):
        findings.add(f"{name!r} is both a script and a gui-script", read.project.where("gui-scripts", name), "keep one of them")


def _name(name: str, where: Location, findings: Findings) -> None:
    if not _EXECUTABLE.match(name):
        findings.add(f"{name!r} cannot be the name of a program", where, "use letters, digits, and `._+-` between them")
    elif name.casefold() in _TAKEN:
        findings.add(f"{name!r} cannot be the name of a program", where, "a folder beside the program is called that")


def _keys(part: Part, key: str) -> Sequence[str]:
    table = part.content.get(key, {})
    return list(table) if isinstance(table, dict) else []


def _files(read: Read, findings: Findings) -> None:
    """Files that the configuration names."""
    readme = read.table.readme
    environment = read.config.environment
    named = [
        (read.project, ("readme",), readme.file if isinstance(readme, Text) else readme),
        (read.project, ("license", "file"), read.table.license.file if isinstance(read.table.license, Text) else ""),
        (read.tool, ("environment", "lock"), environment.lock),
        (read.tool, ("environment", "build-lock"), environment.build_lock),
        (read.tool, ("environment", "python"), environment.python if "/" in environment.python else ""),
    ]
    for part, keys, value in named:
        if value and not (read.root / value).is_file():
            findings.add(f"the file {value} does not exist", part.where(*keys), f"{keys[-1]} names it, relative to the project")


def _smoke(read: Read, findings: Findings) -> None:
    """Command lines and systems that would end the build after the freeze."""
    for line in read.config.smoke.run:
        if problem := line_problem(line):
            findings.add(f"{line!r} is no command line: {problem}", read.tool.where("smoke", "run"))
    if names := [name for name in read.config.smoke.images if not is_pinned(name)]:
        images = images_of(read.root, "smoke")
        for name in names:
            if name not in images:
                findings.add(f"there is no bare system {name!r}", read.tool.where("smoke", "images"), known(name, images))


def _gates(read: Read, findings: Findings) -> None:
    for gate, reason in sorted(read.config.gates.items()):
        if gate not in GATES:
            findings.add(f"unknown gate {gate!r}", read.tool.where("gates", gate), nearest(gate, GATES))
        elif not reason.strip():
            findings.add(
                f"the gate {gate!r} is relaxed without a reason", read.tool.where("gates", gate), "the reason goes into the manifest"
            )


def _licenses(read: Read, findings: Findings) -> None:
    """A licence that is misspelled would allow nothing, or deny nothing."""
    policy = read.config.licenses
    one = [(key, text) for key in ("allowed", "denied") for text in getattr(policy, key)]
    for keys, text in [*(((key,), text) for key, text in one), *((("stated", name), text) for name, text in policy.stated.items())]:
        expression = canonical(text)
        if not expression:
            findings.add(
                f"{text!r} is no SPDX licence", read.tool.where("licenses", *keys), "they are listed at https://spdx.org/licenses/"
            )
        elif keys[0] != "stated" and {"AND", "OR"} & set(expression.split()):
            findings.add(f"{text!r} is more than one licence", read.tool.where("licenses", *keys), "name them one by one")
