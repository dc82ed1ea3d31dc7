"""Where every collected file comes from: which distribution, which system package, Python itself, or the application."""

from __future__ import annotations

import ast
import platform
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from freezing.collected import originals_of
from freezing.installed import normalised, real, recorded_files
from freezing.spec import Job


def origins_of(job: Job) -> Iterator[tuple[str, dict[str, str]]]:
    """For every collected file, below the tree's root: its origin as payload.json names it."""
    tocs = sorted((Path(job["work"]) / "build" / "product").glob("COLLECT-*.toc"))
    entries = ast.literal_eval(tocs[0].read_text(encoding="utf-8"))
    toc = next(part for part in entries if isinstance(part, list) and part and isinstance(part[0], tuple) and len(part[0]) == 3)
    originals = originals_of(job["work"])
    collected = [(destination, originals.get(source, source)) for destination, source, _ in toc]
    index = dict(recorded_files())
    packages = dict(system_packages([source for _, source in collected]))
    freezer, application = set(job["freezer"]), normalised(job["application"])
    for destination, source in collected:
        yield destination, origin_of(source, index, packages, freezer, application)


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
    if path in packages:
        return {"kind": "system", "name": packages[path][0], "version": packages[path][1]}
    return {"kind": "application", "name": application}


def is_python(path: str) -> bool:
    """Whether a file is part of the interpreter: its standard library, its shared library, what the freeze makes of them."""
    stdlib = [real(sysconfig.get_path(key)) for key in ("stdlib", "platstdlib")]
    name = Path(path).name
    return path.startswith(tuple(f"{folder}/" for folder in stdlib)) or name.startswith("libpython") or name == "base_library.zip"


def system_packages(paths: Sequence[str]) -> Iterator[tuple[str, tuple[str, str]]]:
    """Which of the files belong to which system package and version, asked from dpkg or rpm."""
    for path in sorted({real(p) for p in paths if p.startswith(("/lib", "/usr/lib", "/opt"))}):
        query = ["rpm", "-qf", "--qf", "%{NAME}\t%{VERSION}-%{RELEASE}\n", path]
        if shutil.which("dpkg-query"):
            query = ["dpkg-query", "-S", path, path.removeprefix("/usr")]
        elif not shutil.which("rpm"):
            return
        done = subprocess.run(query, capture_output=True, text=True, check=False)
        line = done.stdout.partition("\n")[0]
        if query[0] == "rpm" and done.returncode == 0:
            name, _, version = line.partition("\t")
            yield path, (name, version)
        elif line and query[0] == "dpkg-query":
            name = line.partition(": ")[0].partition(",")[0]
            shown = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", name], capture_output=True, text=True, check=False)
            yield path, (name.partition(":")[0], shown.stdout.strip())
