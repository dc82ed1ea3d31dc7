"""An analysis is kept, and made again only when something that it looks at has changed.

PyInstaller's walk over the import graph is nearly all of a freeze. The environment, the options and the recipes decide
where coldforge keeps what it found; the outlook of the application decides whether that still holds. What is
restored are lists: of which files, of which modules. The bytes are those that the files have now.
"""

from __future__ import annotations

import json
import marshal
import shutil
import sys
import sysconfig
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from freezing import byte_code, warned
from freezing.outlook import digest, outlook

LISTS = ("scripts", "pure", "binaries", "datas")
RECORD = "analysis.json"
CODE = "code"
FILES = "files"
WORKSHOP = "{workshop}"  # where it stood differs from run to run
# Options that name files of the project, and one that writes modules as files: with them any change counts.
READING_MORE = ("add-data", "add-binary", "runtime-hooks", "additional-hooks-dir", "paths", "debug")


def analysed(job: Mapping[str, Any], make: Callable[[], Any]) -> Any:
    """Called by the spec: the kept analysis if it holds, else the one that `make` makes, which is kept."""
    if (record := recorded(job)) and holds(job, record):
        return restored(job, record)
    before = len(warned.found)
    with Listening() as asked:
        analysis = make()
    keep(job, analysis, asked, warned.found[before:])
    return analysis


def recorded(job: Mapping[str, Any]) -> dict[str, Any]:
    """The record of the kept analysis; empty when there is none."""
    path = Path(job["kept"]) / RECORD
    return dict(json.loads(path.read_text(encoding="utf-8").replace(WORKSHOP, spelled(job)))) if path.is_file() else {}


def holds(job: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
    """Whether it would find the same again: the application looks the same, and the machine's libraries are the same."""
    return (record["machine"], record["outlook"]) == (machine(job, record["lists"]), looks(job, record["asked"]))


def looks(job: Mapping[str, Any], asked: Collection[str]) -> str:
    """The application's outlook; with some options every file of the project counts."""
    more = any(job["options"][name] for name in READING_MORE)
    return outlook(job["application"], [Path(job["source"])] if more else [], asked)


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
    """Notes the modules whose importers' code PyInstaller and its hooks read whole."""

    def __enter__(self) -> set[str]:
        from PyInstaller.depend.analysis import PyiModuleGraph

        self.graph, self.original, asked = PyiModuleGraph, PyiModuleGraph.get_code_using, set[str]()

        def get_code_using(graph: Any, name: str) -> Any:
            asked.add(name)
            return self.original(graph, name)

        PyiModuleGraph.get_code_using = get_code_using
        return asked

    def __exit__(self, *_: object) -> None:
        self.graph.get_code_using = self.original


def keep(job: Mapping[str, Any], analysis: Any, asked: Collection[str], warnings: list[dict[str, Any]]) -> None:
    """Write down what was found: the lists, the files made for it, the recipe's notes, the code of all modules but the application's."""
    from PyInstaller.config import CONF

    kept, work = Path(job["kept"]), Path(job["work"])
    shutil.rmtree(kept, ignore_errors=True)
    lists = {name: getattr(analysis, name) for name in LISTS}
    codes, installed = CONF["code_cache"].get(id(analysis.pure)) or {}, (sys.prefix, sysconfig.get_path("stdlib"))
    foreign = {name for name, source, _ in lists["pure"] if source and any(map(Path(source).is_relative_to, installed))}
    packed = {name: byte_code.dumps(codes[name]) for name in sorted(foreign) if codes.get(name) is not None}
    for path in {Path(source) for name in ("binaries", "datas") for _, source, _ in lists[name] if Path(source).is_relative_to(work)}:
        copy = kept / FILES / path.relative_to(work)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, copy)
    kept.mkdir(exist_ok=True)
    (kept / CODE).write_bytes(marshal.dumps(packed))
    notes = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted(work.glob("*.json"))}
    facts = {"asked": sorted(asked), "outlook": looks(job, asked), "machine": machine(job, lists)}
    record = json.dumps({**facts, "lists": lists, "notes": notes, "warnings": warnings}, sort_keys=True)
    (kept / RECORD).write_text(record.replace(spelled(job), WORKSHOP), encoding="utf-8")


def restored(job: Mapping[str, Any], record: Mapping[str, Any]) -> Any:
    """The analysis as it was, as far as the rest of a spec asks for it, with its files back in their places."""
    from PyInstaller.config import CONF

    kept = Path(job["kept"])
    if (kept / FILES).is_dir():
        shutil.copytree(kept / FILES, job["work"], dirs_exist_ok=True)
    for name, note in record["notes"].items():
        (Path(job["work"]) / name).write_text(json.dumps(note), encoding="utf-8")
    warned.found.extend(record["warnings"])
    analysis = SimpleNamespace(**{name: [tuple(entry) for entry in record["lists"][name]] for name in LISTS})
    codes = marshal.loads((kept / CODE).read_bytes())  # noqa: S302  # written by `keep`
    CONF["code_cache"][id(analysis.pure)] = {name: marshal.loads(data) for name, data in codes.items()}  # noqa: S302
    return analysis
