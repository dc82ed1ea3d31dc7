"""What a frozen program is made of: every part with its version and licence, and the texts for `licenses/` in the tree.

Called by the spec once everything is collected and the modules are in their archive.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any, TypedDict

from freezing import licences
from freezing.asked import asked
from freezing.collected import originals_of
from freezing.installed import named, normalised
from freezing.origins import origins_of_sources

FOLDER = "licenses"
LIST = "components.json"


class Component(TypedDict):
    """One part. `license` is an SPDX expression where the part says it in a way that means one; `size` are the bytes of its
    files as collected, `archived` those of its modules in the archive of each program; `requires` names other parts."""

    kind: str
    name: str
    version: str
    license: str
    size: int
    archived: int
    requires: list[str]
    texts: list[str]


class Source(TypedDict):
    """What `collect` is told: the application, what its project declares, the freezer's distributions, the project's licence files,
    its root, the work folder."""

    application: str
    declared: list[str]
    freezer: list[str]
    licenses: list[str]
    source: str
    work: str


def collect(analysis: Any, modules: Mapping[str, int], job: Source) -> list[tuple[str, str, str]]:
    """Write the licence texts and the list of components into `work/licenses`; what of it goes into one-file programs.

    `modules` are the packed sizes of those in the archive.
    """
    root = Path(job["work"]) / FOLDER
    found = parts(analysis, modules, job)
    names = {part["name"] for part in found}
    asks = asked(normalised(job["application"]), job["declared"], names)
    components = [described(part, asks.get(part["name"], set()) & names, job, root) for part in found]
    root.mkdir(parents=True, exist_ok=True)
    (root / LIST).write_text(json.dumps(components, sort_keys=True, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    paths = sorted(path for path in root.rglob("*") if path.is_file())
    return [(f"{FOLDER}/{path.relative_to(root).as_posix()}", str(path), "DATA") for path in paths]


def archived(pyz: Any) -> dict[str, int]:
    """The packed size of every module in the archive."""
    from PyInstaller.archive.readers import ZlibArchiveReader

    return {name: entry[2] for name, entry in ZlibArchiveReader(pyz.name).toc.items()}


def parts(analysis: Any, modules: Mapping[str, int], job: Source) -> list[Component]:
    """Every part that something was collected of, by kind and name; the boot loader is in each program."""
    found = {("freezer", "pyinstaller"): bare({"kind": "freezer", "name": "pyinstaller"})}
    originals = originals_of(job["work"])
    # a link has no file of its own: what it leads to is collected too, and counts there
    collected = [source for _, source, kind in (*analysis.binaries, *analysis.datas) if kind != "SYMLINK"]
    files = [(originals.get(source, source), Path(source).stat().st_size) for source in collected]
    code = [(source, modules.get(name, 0)) for name, source, _ in (*analysis.pure, *analysis.scripts) if source]
    origins = origins_of_sources([source for source, _ in (*files, *code)], set(job["freezer"]), normalised(job["application"]))
    for source, size in files:
        part_of(origins[source], found)["size"] += size
    for source, size in code:
        part_of(origins[source], found)["archived"] += size
    return [found[key] for key in sorted(found)]


def part_of(origin: Mapping[str, str], found: dict[tuple[str, str], Component]) -> Component:
    """The part that an origin names; a new one when it is the first."""
    return found.setdefault((origin["kind"], origin["name"]), bare(origin))


def bare(origin: Mapping[str, str]) -> Component:
    """A part of which nothing is known yet but what an origin says."""
    kind, name, version = origin["kind"], origin["name"], origin.get("version", "")
    return Component(kind=kind, name=name, version=version, license="", size=0, archived=0, requires=[], texts=[])


def described(part: Component, requires: AbstractSet[str], job: Source, root: Path) -> Component:
    """The part with its licence and which of the others it requires; its texts are copied below `root`."""
    texts: Iterable[tuple[str, Path]] = ()
    if part["kind"] == "python":
        part["license"], texts = licences.PYTHON, licences.python_texts()
    elif part["kind"] == "system":
        part["license"], texts = licences.system_licence(part["name"])
    elif dist := named(part["name"]):
        part["version"], texts = dist.version, licences.texts_of(dist)
        part["license"] = licences.BOOT_LOADER if part["name"] == "pyinstaller" else licences.licence_of(dist)
    if part["kind"] == "application":
        texts = [*texts, *((name, Path(job["source"]) / name) for name in job["licenses"])]
        requires = {*requires, "python"}
    part["texts"] = sorted(licences.kept(texts, root / part["name"]))
    part["requires"] = [] if part["kind"] == "freezer" else sorted(requires)
    return part
