"""Which modules were collected and who imports them, as the analysis saw it: the evidence when something about one is wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from freezing.installed import normalised, real
from freezing.origins import origins_of_sources

LIST = "loaded.json"
SHOWN = 3  # importers of each: enough to find the place


def remember(analysis: Any, work: str) -> None:
    """Called by the spec: keep the sources and the importers of every module, before the analysis is gone; a spec may make several."""
    pure = {name: source for name, source, _ in analysis.pure if source and source != "-"}
    extensions = {destination: module_of(destination) for destination, _, kind in analysis.binaries if kind == "EXTENSION"}
    importers = {key: importers_of(analysis.graph, module) for key, module in [*((name, name) for name in pure), *extensions.items()]}
    found = {"modules": pure, "importers": {key: names for key, names in importers.items() if names}}
    path = Path(work) / LIST
    before = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    path.write_text(json.dumps({key: {**before.get(key, {}), **names} for key, names in found.items()}), encoding="utf-8")


def module_of(destination: str) -> str:
    """The module that an extension's file is, by the place that it was collected to.

    >>> module_of("markupsafe/_speedups.cpython-311-x86_64-linux-gnu.so"), module_of("python3.11/lib-dynload/_ssl.abi3.so")
    ('markupsafe._speedups', '_ssl')
    """
    folder, _, name = destination.replace("\\", "/").rpartition("lib-dynload/")[2].rpartition("/")
    return ".".join([*folder.split("/"), name.partition(".")[0]]).lstrip(".")


def importers_of(graph: Any, module: str) -> list[str]:
    """The first modules that import a module; scripts, which are called by their path, are none."""
    return sorted({name for name, _ in graph.get_importers(module) if "/" not in name and "\\" not in name})[:SHOWN]


def loaded(job: Mapping[str, Any]) -> dict[str, Any]:
    """What was remembered, with the origin of every module in the place of its source."""
    found = json.loads((Path(job["work"]) / LIST).read_text(encoding="utf-8"))
    origins = origins_of_sources(sorted(set(found["modules"].values())), set(job["freezer"]), normalised(job["application"]))
    return {"modules": {name: origins[source] for name, source in found["modules"].items()}, "importers": found["importers"]}


def placed(values: Sequence[str], places: Mapping[str, str]) -> list[str]:
    """The values of a warning; a file is named by its place in the tree, or by its name alone, never by its folder on this machine."""
    return [places.get(real(value), Path(value).name) if Path(value).is_absolute() else value for value in values]
