"""Namespaces of GObject, whose modules PyGObject makes of typelibs: each that PyInstaller has no hook for gets one.

Without a hook a namespace is imported in the frozen program from what the user's system happens to have, or not at all. Which of
several versions is meant is what the application asks for with `gi.require_version`.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from freezing.installed import named

FOLDER = "typelibs"
# gi.require_version("Gtk", "4.0"), and within gi.require_versions({"Gtk": "4.0", "Adw": "1"})
REQUIRED = re.compile(r"""\brequire_version\(\s*["'](\w+)["']\s*,\s*["']([\d.]+)["']""")
SEVERAL, EACH = re.compile(r"\brequire_versions\(\s*\{([^}]*)\}"), re.compile(r"""["'](\w+)["']\s*:\s*["']([\d.]+)["']""")
# GIRepository 2.0 has functions, 3.0 (PyGObject 3.52) an object.
SEARCHED = """\
import json
from gi.repository import GIRepository
repository = GIRepository.Repository
asked = repository.dup_default() if hasattr(repository, "dup_default") else repository
print(json.dumps([str(folder) for folder in asked.get_search_path()]))
"""
HOOK = """\
from PyInstaller.utils.hooks.gi import GiModuleInfo


def hook(hook_api):
    namespace = GiModuleInfo({name!r}, {version!r}, hook_api=hook_api)
    if namespace.available:
        binaries, datas, imports = namespace.collect_typelib_data()
        hook_api.add_binaries(binaries)
        hook_api.add_datas(datas)
        hook_api.add_imports(*imports)
"""
FIRST = """\
def pre_safe_import_module(api):
    api.add_runtime_module(api.module_name)
"""


def complete(words: dict[str, Any], application: str, work: Path) -> None:
    """Add to what an Analysis takes: hooks for this system's namespaces, and the versions that the application asks for."""
    if find_spec("gi") is None:
        return
    asked = required(sources(application))
    words["hooksconfig"] = told(words["hooksconfig"], asked)
    write(work / FOLDER, chosen(searched(), asked))
    words["hookspath"] = [*words["hookspath"], str(work / FOLDER)]


def sources(application: str) -> Iterator[str]:
    """The texts of the application's own modules."""
    distribution = named(application)
    for file in distribution.files or () if distribution else ():
        if distribution and file.suffix == ".py":
            yield Path(str(distribution.locate_file(file))).read_text(encoding="utf-8", errors="replace")


def searched() -> list[Path]:
    """Where the binding looks for typelibs; nowhere when it cannot be loaded, which PyInstaller's own hooks will say."""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", SEARCHED], capture_output=True, text=True, check=False)
    return [Path(folder) for folder in json.loads(done.stdout)] if done.returncode == 0 else []


def required(texts: Iterable[str]) -> dict[str, str]:
    """The versions of namespaces that source texts ask for."""
    found: dict[str, str] = {}
    for text in texts:
        found.update([*REQUIRED.findall(text), *(pair for group in SEVERAL.findall(text) for pair in EACH.findall(group))])
    return found


def told(config: Mapping[str, Any], asked: Mapping[str, str]) -> dict[str, Any]:
    """What hooks are told, with the versions; those that the user names win."""
    own = dict(config.get("gi", {}))
    versions = {**asked, **own.get("module-versions", {})}
    return {**config, "gi": {**own, "module-versions": versions}} if versions else dict(config)


def chosen(folders: Iterable[Path], asked: Mapping[str, str]) -> dict[str, str]:
    """The namespaces that have a typelib, each with the version that is asked for, else the newest."""
    found: dict[str, set[str]] = {}
    for path in (path for folder in folders for path in folder.glob("*.typelib")):
        name, _, version = path.stem.rpartition("-")
        found.setdefault(name, set()).add(version)
    newest = {name: max(versions, key=number) for name, versions in found.items()}
    return {name: asked.get(name, version) for name, version in sorted(newest.items())}


def number(version: str) -> tuple[int, ...]:
    """A version as something that compares.

    >>> number("1.10") > number("1.9")
    True
    """
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def write(folder: Path, namespaces: Mapping[str, str]) -> None:
    """A folder of hooks for these, but for those that PyInstaller has."""
    from PyInstaller import hooks

    (folder / "pre_safe_import_module").mkdir(parents=True)
    for name, version in namespaces.items():
        file = f"hook-gi.repository.{name}.py"
        if not (Path(hooks.__path__[0]) / file).is_file():
            (folder / file).write_text(HOOK.format(name=name, version=version), encoding="utf-8")
            (folder / "pre_safe_import_module" / file).write_text(FIRST, encoding="utf-8")
