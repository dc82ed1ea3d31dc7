"""`[tool.coldforge.linux]`: what every Linux package installs besides the program, and what is wrong with that."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Final

from msgspec import Meta, field

from coldforge.project.read import Findings, Part
from coldforge.project.section import Section

TABLE: Final = "linux"
# What is no place for a package's files: https://www.debian.org/doc/debian-policy/ch-opersys.html and the FHS
_MOVED: Final = re.compile(r"^/(s?bin|lib(32|64|x32)?)(/|$)")
# What begins with a dot there is what package managers say of themselves: .PKGINFO, .SIGN.…
_FOREIGN: Final = re.compile(r"^/(usr/local|home|root|tmp|run|proc|sys|dev|mnt|media|var/(run|lock|tmp)|\.[^/]*)(/|$)")
_LINE: Final = re.compile(r"[\x00-\x1f\x7f]")  # package managers keep lists with one name a line
_UNIT: Final = re.compile(r"^[A-Za-z0-9:_.\\@-]+\.(service|socket|device|mount|automount|swap|target|path|timer|slice)$")  # systemd.unit(5)
_SHELL: Final = re.compile(r"^#! ?/bin/sh\b.*\n")


class Scripts(Section, frozen=True, kw_only=True):
    """`[tool.coldforge.linux.scripts]`: shell scripts of the project that a package manager runs as root.

    Each is called with one word: `install` or `upgrade`, or `remove`. Those of a removal do not run in an upgrade.
    """

    before_install: Annotated[str, Meta(description="Runs before the files are there, with `install` or `upgrade` as its argument.")] = ""
    after_install: Annotated[str, Meta(description="Runs when the files are there, with `install` or `upgrade`.")] = ""
    before_remove: Annotated[str, Meta(description="Runs while the files are still there, with `remove`; not in an upgrade.")] = ""
    after_remove: Annotated[str, Meta(description="Runs when the files are gone, with `remove`; not in an upgrade.")] = ""


class LinuxConfig(Section, frozen=True, kw_only=True):
    """`[tool.coldforge.linux]`: what every Linux package installs besides the program."""

    vendor: Annotated[
        str,
        Meta(description="Puts the tree into `/opt/VENDOR/PACKAGE` instead of `/usr/lib/PACKAGE`.", pattern=r"^([a-z0-9][a-z0-9+.-]*)?$"),
    ] = ""
    files: Annotated[
        Mapping[str, str],
        Meta(
            description='Files and folders of the project by where they are installed: `"/etc/demo.conf" = "demo.conf"`. '
            "Below `/etc` an upgrade keeps what the user changed."
        ),
    ] = field(default_factory=dict)
    units: Annotated[tuple[str, ...], Meta(description="Units of systemd for the system: files of the project.")] = ()
    user_units: Annotated[tuple[str, ...], Meta(description="Units of systemd for each user.")] = ()
    scripts: Scripts = Scripts()


def given(root: Path, files: Mapping[str, str]) -> Iterator[tuple[str, Path, str]]:
    """All that `files` installs: each path from the root of a system, what lies there, and the key that says so. Links are not followed."""
    for target, source in files.items():
        top = root / source
        yield target, top, target
        if top.is_dir() and not top.is_symlink():
            for path in sorted(top.rglob("*")):
                yield posixpath.join(target, path.relative_to(top).as_posix()), path, target


def check_linux(root: Path, tool: Part, config: LinuxConfig, findings: Findings) -> None:
    """Find what cannot be installed; `tool` is `[tool.coldforge]`."""
    table = tool.part(TABLE, findings=findings)
    for keys, what, hint in (*_files(root, config.files), *_units(root, config), *_scripts(root, config.scripts)):
        findings.add(what, table.where(*keys), hint)


Wrong = Iterator[tuple[tuple[str, ...], str, str]]
"""The keys, what is wrong, and what to do."""


def _files(root: Path, files: Mapping[str, str]) -> Wrong:
    taken: dict[str, str] = {}
    sound = {}
    for target, source in files.items():
        if problem := _no_target(target):
            yield ("files", target), f"{target!r} {problem}", "write a whole path, such as /usr/share/demo/data.txt"
        elif problem := _not_there(root, source):
            yield ("files", target), f"{source} {problem}", f"it is to be installed as {target}"
        else:
            sound[target] = source
    told: set[str] = set()  # one problem of a key is enough: a folder may hold thousands
    for path, source_path, key in given(root, sound):
        if key in told:
            continue
        if nowhere := _no_place(path, source_path):
            told.add(key)
            yield ("files", key), f"{path} {nowhere[0]}", nowhere[1]
        elif not source_path.is_dir() or source_path.is_symlink():
            if path in taken:
                yield ("files", key), f"{path} has two sources: {sound[taken[path]]} and {sound[key]}", "remove one of them"
            taken.setdefault(path, key)


def _no_target(target: str) -> str:
    if not target.startswith("/") or target.startswith("//") or posixpath.normpath(target) != target:
        return "is no path from the root of a system in its shortest spelling"
    return ""


def _not_there(root: Path, source: str) -> str:
    if Path(source).is_absolute() or ".." in Path(source).parts:
        return "is outside of the project"
    return "" if (root / source).exists() else "does not exist"


def _no_place(path: str, source: Path) -> tuple[str, str] | None:
    """Why nothing can be installed there, and what to do."""
    folder = source.is_dir() and not source.is_symlink()
    if _LINE.search(path):
        return "has a control character in its name", "rename it"
    if not (folder or source.is_file() or source.is_symlink()):
        return "would be neither a file nor a folder nor a link", "remove it from the project's folder"
    if path == "/" and not folder:
        return "is a folder on every system", "name the file as well"
    if moved := _MOVED.match(path):
        return f"is reached through a link: /{moved[1]} is part of /usr", f"install it as /usr{path}"
    if (found := _FOREIGN.match(path)) and not (folder and path == f"/{found[1]}"):
        return f"does not belong to packages: /{found[1]} is the system's or its owner's", "install it below /usr, /etc, /opt or /var/lib"
    return None


def _units(root: Path, config: LinuxConfig) -> Wrong:
    for key, paths in (("units", config.units), ("user-units", config.user_units)):
        names: dict[str, str] = {}
        for path in paths:
            name = path.rpartition("/")[2]
            other = names.setdefault(name, path)
            if problem := _not_there(root, path) or ("" if (root / path).is_file() else "is no file"):
                yield (key,), f"the unit {path} {problem}", f"{key} names it, relative to the project"
            elif not _UNIT.match(name):
                yield (key,), f"{name!r} is no name of a unit", "it ends with .service, .timer, .socket or the like (systemd.unit(5))"
            elif other != path:
                yield (key,), f"{other} and {path} would be the same unit", "rename one of them"


def _scripts(root: Path, scripts: Scripts) -> Wrong:
    for name in Scripts.__struct_fields__:
        key, path = name.replace("_", "-"), getattr(scripts, name)
        if path and (problem := _not_there(root, path) or _no_script(root / path)):
            yield ("scripts", key), f"the script {path} {problem}", "package managers run it with /bin/sh: its first line is #!/bin/sh"


def _no_script(path: Path) -> str:
    if not path.is_file():
        return "is no file"
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return "is not UTF-8 text"
    return "" if _SHELL.match(text) and "\0" not in text else "is no script for the shell"
