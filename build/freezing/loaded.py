"""Which modules were collected and who imports them, as the analysis saw it: the evidence when something about one is wrong."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from freezing import warned
from freezing.installed import carried, normalised, real
from freezing.origins import origins_of_sources, posix

LIST = "loaded.json"
PYGOBJECT = ("gi.", "pygtkcompat")
NO_NAMESPACE = "Failed to query GI module"
SHOWN = 3  # importers of each: enough to find the place


def remember(analysis: Any, work: str) -> None:
    """Called by the spec: keep the sources and the importers of every module, before the analysis is gone; a spec may make several."""
    pure = {name: source for name, source, _ in analysis.pure if source and source != "-"}
    binaries = [(posix(destination), source, kind) for destination, source, kind in analysis.binaries]
    extensions = {destination: (module_of(destination), source) for destination, source, kind in binaries if kind == "EXTENSION"}
    known = {name: (name, source) for name, source in pure.items()} | extensions
    edges = {key: dict(importers_of(analysis.graph, module)) for key, (module, _) in known.items()}
    importers = {key: sorted(names)[:SHOWN] for key, names in edges.items()}
    importers |= {**dict(loaded_by_name(analysis.graph)), **dict(namespaces(analysis.graph, warned.found))}
    sources = dict(known.values())
    found: dict[str, Any] = {
        "modules": pure,
        "importers": {key: names for key, names in importers.items() if names},
        "named": sorted({sources[name] for name in analysis.hiddenimports if name in sources}),
        "imports": [
            (source, sources[by], by, plain)
            for key, (_, source) in known.items()
            for by, plain in sorted(edges[key].items())
            if by in sources and sources[by] != source
        ],
    }
    path = Path(work) / LIST
    before = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    path.write_text(json.dumps({key: joined(before.get(key, type(value)()), value) for key, value in found.items()}), encoding="utf-8")


def joined(before: Any, more: Any) -> Any:
    """Two lists or two tables as one."""
    return {**before, **more} if isinstance(before, dict) else [*before, *more]


def module_of(destination: str) -> str:
    """The module that an extension's file is, by the place that it was collected to.

    >>> module_of("markupsafe/_speedups.cpython-311-x86_64-linux-gnu.so"), module_of("python3.11/lib-dynload/_ssl.abi3.so")
    ('markupsafe._speedups', '_ssl')
    """
    folder, _, name = destination.replace("\\", "/").rpartition("lib-dynload/")[2].rpartition("/")
    return ".".join([*folder.split("/"), name.partition(".")[0]]).lstrip(".")


def importers_of(graph: Any, module: str) -> Iterator[tuple[str, bool]]:
    """The modules that import a module, each with whether it always does: not in a function, a condition or a `try`.

    Scripts, which are called by their path, are none.
    """
    for name, how in graph.get_importers(module):
        if "/" not in name and "\\" not in name:
            yield name, not any(getattr(how, word, False) for word in ("conditional", "function", "tryexcept"))


def loaded_by_name(graph: Any) -> Iterator[tuple[str, list[str]]]:
    """The libraries that were collected because modules load them through ctypes, with those modules."""
    from PyInstaller.depend.utils import scan_code_for_ctypes

    logging.disable(logging.WARNING)  # the analysis has warned of them
    found: dict[str, set[str]] = {}
    for name, code in graph.get_code_using("ctypes").items():
        for destination, *_ in scan_code_for_ctypes(code):
            found.setdefault(posix(destination), set()).add(Path(name).name)
    logging.disable(logging.NOTSET)
    yield from ((destination, sorted(names)[:SHOWN]) for destination, names in found.items())


def namespaces(graph: Any, warnings: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, list[str]]]:
    """Namespaces of GObject that the system does not have, as the modules that they would be, with those that cannot do without them.

    PyGObject brings modules for namespaces that it does not need, and its hooks ask for those of other systems.
    """
    for warning in warnings:
        if warning["template"].startswith(NO_NAMESPACE):
            module = f"gi.repository.{warning['values'][0]}"
            edges = ((name, how) for name, how in graph.get_importers(module) if not name.startswith(PYGOBJECT))
            yield module, sorted(name for name, how in edges if not getattr(how, "tryexcept", False))[:SHOWN]


def loaded(job: Mapping[str, Any]) -> dict[str, Any]:
    """What was remembered, with the origin of every module in the place of its source, and imports between parts only."""
    found = json.loads((Path(job["work"]) / LIST).read_text(encoding="utf-8"))
    application = normalised(job["application"])
    sources = {*found["modules"].values(), *found["named"], *(place for source, by, *_ in found["imports"] for place in (source, by))}
    origins = origins_of_sources(sorted(sources), set(job["freezer"]), application)
    edges = [(origins[source]["name"], origins[by]["name"], module, plain) for source, by, module, plain in found["imports"]]
    imports = {(name, by, module, plain and name not in carried(by)) for name, by, module, plain in edges}
    imports |= {(origins[source]["name"], application, "", True) for source in found["named"]}
    return {
        "modules": {name: origins[source] for name, source in found["modules"].items()},
        "importers": found["importers"],
        "imports": sorted(one for one in imports if one[0] != one[1] and one[0] != "python"),
    }


def placed(values: Sequence[str], places: Mapping[str, str]) -> list[str]:
    """The values of a warning; a file is named by its place in the tree, or by its name alone, never by its folder on this machine."""
    return [places.get(real(value), Path(value).name) if Path(value).is_absolute() else value for value in values]
