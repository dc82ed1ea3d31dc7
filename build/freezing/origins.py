"""Where every collected file comes from: which distribution, which system package, Python itself, or the application."""

from __future__ import annotations

import ast
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from os.path import normpath
from pathlib import Path
from typing import Any

from freezing.collected import originals_of
from freezing.installed import normalised, real, recorded_files

BREWED = ("/opt/homebrew", "/usr/local", "/opt/local")  # where others than Apple and Python install libraries on a Mac


def origins_of(job: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, str]]]:
    """For every collected file, below the tree's root: its origin as payload.json names it."""
    collected = collected_files(job)
    known = origins_of_sources(list(collected.values()), set(job["freezer"]), normalised(job["application"]))
    for destination, source in collected.items():
        yield destination, known[source]


def collected_files(job: Mapping[str, Any]) -> dict[str, str]:
    """Every collected file, below the tree's root, with the file that it was collected from; a link has what it leads to."""
    tocs = sorted((Path(job["work"]) / "build").glob("*/COLLECT-*.toc"))
    entries = ast.literal_eval(tocs[0].read_text(encoding="utf-8"))
    toc = next(part for part in entries if isinstance(part, list) and part and isinstance(part[0], tuple) and len(part[0]) == 3)
    originals = originals_of(job["work"])
    files = {posix(destination): originals.get(source, source) for destination, source, kind in toc if kind != "SYMLINK"}
    links = {destination: normpath(Path(destination).parent / source) for destination, source, kind in toc if kind == "SYMLINK"}
    return {**files, **{link: files.get(target, target) for link, target in links.items()}}


def posix(destination: str) -> str:
    """A place in the tree as every system but Windows spells it, and as payload.json does on all."""
    return destination.replace(os.sep, "/")


def origins_of_sources(sources: Sequence[str], freezer: set[str], application: str) -> dict[str, dict[str, str]]:
    """The origin of each of the files that something was collected from."""
    index, packages = recorded_files(), system_packages(sources)
    return {source: origin_of(source, index, packages, freezer, application) for source in sources}


def origins_of_texts(components: Sequence[Mapping[str, Any]], folder: str) -> Iterator[tuple[str, dict[str, str]]]:
    """A licence text belongs to what it is about."""
    for part in components:
        for text in part["texts"]:
            yield f"{folder}/{text}", {key: part[key] for key in ("kind", "name", "version")}


def origin_of(
    source: str, index: Mapping[str, tuple[str, str]], packages: Mapping[str, tuple[str, str]], freezer: set[str], application: str
) -> dict[str, str]:
    """The origin of one file by where it was collected from."""
    path = real(source)
    if path in index:
        name, version = index[path]
        kind = "freezer" if name in freezer else "application" if name == application else "distribution"
        return {"kind": kind, "name": name, "version": version}
    if is_python(path):
        return {"kind": "python", "name": "python", "version": platform.python_version()}
    if is_windows(path):
        return {"kind": "system", "name": "Windows", "version": platform.version()}
    if installed := of_brew(path):
        return {"kind": "system", "name": installed[0], "version": installed[1]}
    if path in packages:
        return {"kind": "system", "name": packages[path][0], "version": packages[path][1]}
    return {"kind": "application", "name": application}


def is_python(path: str) -> bool:
    """Whether a file is part of the interpreter: its standard library, its shared library, what the freeze makes of them."""
    name = Path(path).name
    return path.startswith(standard_library()) or name.startswith("libpython") or name == "base_library.zip"


def is_windows(path: str) -> bool:
    """Whether a file is one of Windows itself; by Wine it is one of Wine's."""
    return os.name == "nt" and path.startswith(real(os.environ["SYSTEMROOT"]) + os.sep)


def of_brew(path: str) -> tuple[str, str] | None:
    """Name and version of what Homebrew installed a file of a Mac with; of MacPorts and others their folder. Nothing for other files."""
    folder = next((folder for folder in BREWED if path.startswith(f"{folder}/")), "") if sys.platform == "darwin" else ""
    if not folder:
        return None
    name, version, *_ = [*path.partition("/Cellar/")[2].split("/"), "", ""]
    return (name, version) if name and version else (folder, "")


@cache
def standard_library() -> tuple[str, ...]:
    """The folders that the interpreter's own files are in, each with a separator at its end."""
    folders = [sysconfig.get_path(key) for key in ("stdlib", "platstdlib")]
    folders += (
        [sys.base_prefix] if os.name == "nt" or sys.platform == "darwin" else []
    )  # which holds nothing else, but for what the index was asked about before
    return tuple(real(folder) + os.sep for folder in folders)


def system_packages(paths: Sequence[str]) -> Mapping[str, tuple[str, str]]:
    """Which of the files belong to which system package and version, asked from dpkg or rpm."""
    files = tuple(sorted({real(path) for path in paths if path.startswith(("/lib", "/usr/lib", "/opt"))}))
    if not files:
        return {}
    if shutil.which("dpkg-query"):
        return of_dpkg(files)
    return {path: found for path in files if (found := of_rpm(path))} if shutil.which("rpm") else {}


@cache
def of_dpkg(paths: tuple[str, ...]) -> Mapping[str, tuple[str, str]]:
    """Name and version of the packages that files belong to. A package may know a file of /usr/lib as one of /lib."""
    asked = dict.fromkeys(name for path in paths for name in (path, path.removeprefix("/usr")))
    lines = [line.partition(": ") for line in said("dpkg-query", "-S", *asked).splitlines()]
    owners = {path: names.partition(",")[0] for names, _, path in reversed(lines) if not names.startswith("diversion by ")}
    found = {path: owner for path in paths if (owner := owners.get(path) or owners.get(path.removeprefix("/usr")))}
    rows = said("dpkg-query", "-W", "-f", "${binary:Package}\t${Version}\n", *sorted({*found.values()})) if found else ""
    versions = dict(line.split("\t", 1) for line in rows.splitlines())
    return {path: (owner.partition(":")[0], versions.get(owner, "")) for path, owner in found.items()}


@cache
def of_rpm(path: str) -> tuple[str, str] | None:
    """Name and version of the package that a file belongs to."""
    name, _, version = said("rpm", "-qf", "--qf", "%{NAME}\t%{VERSION}-%{RELEASE}\n", path).partition("\n")[0].partition("\t")
    return (name, version) if version else None


def said(*command: str) -> str:
    """What a program printed; part of what was asked may be unknown to it."""
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout
