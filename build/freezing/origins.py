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
    index, packages = recorded_files(), dict(system_packages(sources))
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
    if path in packages:
        return {"kind": "system", "name": packages[path][0], "version": packages[path][1]}
    return {"kind": "application", "name": application}


def is_python(path: str) -> bool:
    """Whether a file is part of the interpreter: its standard library, its shared library, what the freeze makes of them."""
    folders = [sysconfig.get_path(key) for key in ("stdlib", "platstdlib")]
    folders += [sys.base_prefix] if os.name == "nt" else []  # which holds nothing else, but for what the index was asked about before
    name = Path(path).name
    return path.startswith(tuple(real(folder) + os.sep for folder in folders)) or name.startswith("libpython") or name == "base_library.zip"


def is_windows(path: str) -> bool:
    """Whether a file is one of Windows itself; by Wine it is one of Wine's."""
    return os.name == "nt" and path.startswith(real(os.environ["SYSTEMROOT"]) + os.sep)


def system_packages(paths: Sequence[str]) -> Iterator[tuple[str, tuple[str, str]]]:
    """Which of the files belong to which system package and version, asked from dpkg or rpm."""
    for path in sorted({real(p) for p in paths if p.startswith(("/lib", "/usr/lib", "/opt"))}):
        if found := system_package(path):
            yield path, found


@cache
def system_package(path: str) -> tuple[str, str] | None:
    """Name and version of the package that a file belongs to."""
    query = ["rpm", "-qf", "--qf", "%{NAME}\t%{VERSION}-%{RELEASE}\n", path]
    if shutil.which("dpkg-query"):
        query = ["dpkg-query", "-S", path, path.removeprefix("/usr")]
    elif not shutil.which("rpm"):
        return None
    done = subprocess.run(query, capture_output=True, text=True, check=False)
    line = done.stdout.partition("\n")[0]
    if query[0] == "rpm":
        name, _, version = line.partition("\t")
        return (name, version) if done.returncode == 0 else None
    if not line:
        return None
    name = line.partition(": ")[0].partition(",")[0]
    shown = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", name], capture_output=True, text=True, check=False)
    return name.partition(":")[0], shown.stdout.strip()
