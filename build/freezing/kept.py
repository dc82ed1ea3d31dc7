"""Analyses are kept, and made again only when something that they look at has changed.

PyInstaller's walk over the import graph is nearly all of a freeze. The environment, the options and the recipes decide
where coldforge keeps what was found; the outlook of the application decides which of the last few analyses still holds. What is
restored are lists: of which files, of which modules. The bytes are those that the files have now, but for those of
installed modules, which are kept as they are written.
"""

from __future__ import annotations

import json
import shutil
import sys
import sysconfig
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from freezing import compressed, warned
from freezing.outlook import Listened, digest, outlook

LISTS = ("scripts", "pure", "binaries", "datas")
RECORDS = "analyses.json"
MOST = 4  # analyses: of a few branches
FILES = "files"
WORKSHOP = "{workshop}"  # where it stood differs from run to run
# Options that name files of the project, and one that writes modules as files: with them any change counts.
READING_MORE = ("add-data", "add-binary", "runtime-hooks", "additional-hooks-dir", "paths", "debug")


def analysed(job: Mapping[str, Any], make: Callable[[], Any], parts: compressed.Parts) -> Any:
    """Called by the spec: a kept analysis that holds, else the one that `make` makes, which is kept."""
    for record in recorded(job):
        if holds(job, record):
            return restored(job, record)
    before = len(warned.found)
    with Listening() as listened:
        analysis = make()
    keep(job, analysis, listened, warned.found[before:], parts)
    return analysis


def recorded(job: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The records of the kept analyses, the newest first."""
    path = Path(job["kept"]) / RECORDS
    return list(json.loads(path.read_text(encoding="utf-8").replace(WORKSHOP, spelled(job)))) if path.is_file() else []


def write(job: Mapping[str, Any], records: list[dict[str, Any]]) -> None:
    """Write the records."""
    compressed.replace(Path(job["kept"]) / RECORDS, json.dumps(records, sort_keys=True).replace(spelled(job), WORKSHOP))


def holds(job: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
    """Whether it would find the same again: the application looks the same, and the machine's libraries are the same."""
    return (record["machine"], record["outlook"]) == (
        machine(job, record["lists"]),
        looks(job, Listened.of(record["listened"]), record["seen"]),
    )


def looks(job: Mapping[str, Any], listened: Listened, seen: dict[str, str]) -> str:
    """The application's outlook; with some options every file of the project counts. What was `seen` before is not looked at again."""
    more = any(job["options"][name] for name in READING_MORE)
    return outlook(job["application"], [Path(job["source"])] if more else [], listened, frozenset(job["freezer"]), seen)


def machine(job: Mapping[str, Any], lists: Mapping[str, Any]) -> dict[str, str]:
    """The digests of the collected libraries that belong to the system, or to the interpreter."""
    paths = {Path(source) for _, source, kind in lists["binaries"] if kind != "SYMLINK"}
    return {
        str(path): digest(path.read_bytes()) if path.is_file() else "" for path in sorted(paths) if not path.is_relative_to(root_of(job))
    }


def root_of(job: Mapping[str, Any]) -> Path:
    """The workshop's root: all that is not part of the machine lies below."""
    return Path(job["work"]).parent


def spelled(job: Mapping[str, Any]) -> str:
    """The root's path within a JSON text."""
    return json.dumps(str(root_of(job)))[1:-1]


class Listening:
    """Notes what PyInstaller and its hooks ask of modules: see `Listened`."""

    def __enter__(self) -> Listened:
        from PyInstaller.depend.analysis import PyiModuleGraph
        from PyInstaller.lib.modulegraph.modulegraph import Node

        self.originals = [(PyiModuleGraph, "get_code_using"), (PyiModuleGraph, "_metadata_from"), (Node, "is_global_attr")]
        self.before = [getattr(kind, name) for kind, name in self.originals]
        using, metadata, has = self.before
        listened = Listened()

        def get_code_using(graph: Any, name: str) -> Any:
            listened.asked.add(name)
            return using(graph, name)

        def metadata_from(graph: Any, package: str, methods: Any = (), recursive_methods: Any = ()) -> Any:
            listened.called.update((*methods, *recursive_methods))
            apart = listened.asked.copy()
            try:
                return metadata(graph, package, methods, recursive_methods)
            finally:
                listened.asked.intersection_update(apart)  # of those modules it looks at the calls alone

        def is_global_attr(node: Any, name: str) -> Any:
            listened.bound.add(name)
            return has(node, name)

        for (kind, name), function in zip(self.originals, (get_code_using, metadata_from, is_global_attr), strict=True):
            setattr(kind, name, function)
        return listened

    def __exit__(self, *_: object) -> None:
        for (kind, name), function in zip(self.originals, self.before, strict=True):
            setattr(kind, name, function)


def keep(job: Mapping[str, Any], analysis: Any, listened: Listened, warnings: list[dict[str, Any]], parts: compressed.Parts) -> None:
    """Write down what was found: the lists, the files made for it, the recipe's notes, the parts of all modules but the application's."""
    from PyInstaller.config import CONF

    kept, work = Path(job["kept"]), Path(job["work"])
    lists = {name: getattr(analysis, name) for name in LISTS}
    codes, installed = CONF["code_cache"].get(id(analysis.pure)) or {}, (sys.prefix, sysconfig.get_path("stdlib"))
    for name, source, _ in lists["pure"]:
        if source and codes.get(name) is not None and any(map(Path(source).is_relative_to, installed)):
            codes[name] = parts.module(name, source, codes[name])
    modules = {name: code.digest for name, code in codes.items() if isinstance(code, compressed.Module)}
    files = {}
    for path in {Path(source) for name in ("binaries", "datas") for _, source, _ in lists[name] if Path(source).is_relative_to(work)}:
        files[path.relative_to(work).as_posix()] = content = digest(path.read_bytes())
        (kept / FILES).mkdir(parents=True, exist_ok=True)
        if not (kept / FILES / content).exists():  # what is there belongs to the cache
            shutil.copy2(path, kept / FILES / content)
    notes = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted(work.glob("*.json"))}
    seen: dict[str, str] = {}
    facts = {"listened": listened.sorted(), "outlook": looks(job, listened, seen), "seen": seen, "machine": machine(job, lists)}
    kept.mkdir(exist_ok=True)
    write(job, [{**facts, "lists": lists, "notes": notes, "warnings": warnings, "modules": modules, "files": files}, *recorded(job)][:MOST])


def keep_parts(job: Mapping[str, Any], parts: compressed.Parts) -> None:
    """Called at the end of the spec: the parts of the new analysis stay, and of the others what their analyses need."""
    records, kept = recorded(job), Path(job["kept"])
    if not records or "parts" in records[0]:
        parts.close()
        return
    records[0]["parts"] = sorted(parts.used)
    write(job, records)
    parts.save(kept, {part for record in records for part in record["parts"]})
    wanted = {content for record in records for content in record["files"].values()}
    for path in (kept / FILES).iterdir() if (kept / FILES).is_dir() else ():
        if path.name not in wanted:
            path.unlink()


def restored(job: Mapping[str, Any], record: Mapping[str, Any]) -> Any:
    """The analysis as it was, as far as the rest of a spec asks for it, with its files back in their places."""
    from PyInstaller.config import CONF

    kept, work = Path(job["kept"]), Path(job["work"])
    for name, content in record["files"].items():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(kept / FILES / content, work / name)
    for name, note in record["notes"].items():
        (work / name).write_text(json.dumps(note), encoding="utf-8")
    warned.found.extend(record["warnings"])
    analysis = SimpleNamespace(**{name: [tuple(entry) for entry in record["lists"][name]] for name in LISTS})
    CONF["code_cache"][id(analysis.pure)] = {name: compressed.Module(part) for name, part in record["modules"].items()}
    return analysis
