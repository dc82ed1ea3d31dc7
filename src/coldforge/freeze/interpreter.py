"""The Python that is frozen when the freeze runs on this host."""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Final

from coldforge.errors import ConfigurationError, Missing
from coldforge.freeze import managed
from coldforge.host import files
from coldforge.host.run import run
from coldforge.records import Interpreter

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet

_MINORS: Final = ("3.14", "3.13", "3.12", "3.11")
_LAST_PATCH: Final = 99  # so that a demand for any patch release of a minor one counts as met by what is installed anew

# The shared library is what the boot loader of a frozen program loads; many system Pythons lack it. The one beside the
# interpreter comes first: one that was moved still names the folder that it was made for. On macOS it is called `Python` in a framework.
_PROBE: Final = """
import json, os, sys, sysconfig
name = sysconfig.get_config_var('INSTSONAME') or sysconfig.get_config_var('LDLIBRARY') or ''
folders = [os.path.join(sys.base_prefix, 'lib'), sysconfig.get_config_var('LIBDIR') or '',
           os.path.join('/usr/lib', sysconfig.get_config_var('MULTIARCH') or '')]
minor = 'libpython%d.%d.so.1.0' % sys.version_info[:2]
if os.name == 'nt':
    folders, name = [sys.base_prefix], 'python%d%d.dll' % sys.version_info[:2]
if sys.platform == 'darwin':
    folders.append(sys.base_prefix)
    name, minor = os.path.basename(name), minor.replace('.so.1.0', '.dylib')
files = [file for file in (name, minor) if '.so' in file or '.dll' in file or '.dylib' in file or file == 'Python']
paths = [os.path.join(folder, file) for file in files for folder in folders]
library = next((path for path in paths if os.path.isfile(path)), '')
print(json.dumps({'version': '%d.%d.%d' % sys.version_info[:3], 'build': ' '.join(sys.version.split()), 'library': library}))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPython:
    """An interpreter of this machine. `library` is its shared library; `build` the whole version text."""

    path: str
    version: str
    build: str
    library: Path

    def identity(self) -> dict[str, str]:
        """What makes two interpreters the same, without their paths."""
        return {"version": self.version, "build": self.build, "sha256": files.sha256(self.library)}


def find_python(wanted: str, requires: str, *, project: Path | None = None, fetch: bool = False) -> HostPython:
    """An interpreter with a shared library that fits `requires` (a version specifier) and `wanted` (version, path, uv's name, or empty).

    A path is one of the `project`. With `fetch` one of uv's that is wanted by its name is fetched when it is not here. Raises Missing
    with the command that gets one.
    """
    accepted = _specifiers(requires)
    refused: list[str] = []
    for path in _candidates(wanted, fetch=fetch, project=project):
        probed = probe(path)
        if probed is None and _is_path(wanted):
            refused.append(f"{path} is no Python that can be started")
        if probed is None or (re.fullmatch(r"[\d.]+", wanted) and not f"{probed.version}.".startswith(f"{wanted}.")):
            continue
        if not accepted.contains(probed.version):
            refused.append(f"{path} is {probed.version}, the project requires {requires}")
        elif not probed.library.is_file():
            refused.append(f"{path} ({probed.version}) has no shared library")
        else:
            return probed
    raise Missing("no Python that can be frozen was found on this machine", why="\n".join(refused), hint=_hint(wanted, accepted, requires))


def find_same(recorded: Interpreter, wanted: str = "", *, project: Path | None = None) -> HostPython:
    """The interpreter of this machine that is `recorded`, to the byte of its shared library; first looked for as what the project wants.

    One of uv's that is wanted by its name is fetched. Raises Missing with those that are here.
    """
    seen: dict[Path, HostPython] = {}
    for name in dict.fromkeys(filter(None, (wanted, recorded.version, recorded.version.rpartition(".")[0]))):
        for path in _candidates(name, fetch=True, project=project):
            probed = probe(path)
            if probed is None or not probed.library.is_file() or probed.library in seen:
                continue
            if probed.identity()["sha256"] == recorded.sha256:
                return probed
            seen[probed.library] = probed
    here = [f"here: {one.path}, {one.version}, {one.library.name} {one.identity()['sha256'][:12]}" for one in seen.values()]
    why = "\n".join([f"recorded: {recorded.version}, library {recorded.sha256[:12]} ({recorded.build})", *here])
    raise Missing("the recorded Python is not on this machine", why=why, hint="Install the same build of it, or work where it is.")


def _specifiers(requires: str) -> SpecifierSet:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        return SpecifierSet(requires)
    except InvalidSpecifier as error:  # from a build backend: what a file says was looked at before
        raise ConfigurationError(f"requires-python is {requires!r}", hint="It must be a version specifier, such as >=3.11.") from error


def _hint(wanted: str, accepted: SpecifierSet, requires: str) -> str:
    """The commands that get a Python that would be taken: the one wanted, else the one that runs here, else the newest."""
    running = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if managed.is_managed(wanted):
        return f"A freeze fetches it. {managed.HINT}"
    asked = re.match(r"\d+\.\d+", wanted)
    minor = _fitting(accepted, (asked[0],) if asked else (running, *_MINORS))
    if not minor:
        return f"The project requires {requires}. `python` in [tool.coldforge.environment] can name one by its path."
    own = f'python = "cpython-{minor}" in [tool.coldforge.environment] fetches one'
    return f"Debian, Ubuntu: apt-get install libpython{minor}   elsewhere: {own}   or freeze in a container."


def _fitting(accepted: SpecifierSet, minors: Iterable[str] = _MINORS) -> str:
    """The first of some minor versions that is accepted; empty when none is."""
    return next((minor for minor in minors if accepted.contains(f"{minor}.{_LAST_PATCH}")), "")


def another(requires: str) -> str:
    """What to do where a build image's Python is not what the project `requires`."""
    minor = _fitting(_specifiers(requires))
    fetched = f'python = "cpython-{minor}" in [tool.coldforge.environment] fetches one; or choose' if minor else "Choose"
    return f"{fetched} another image in matrix.yml."


def _is_path(wanted: str) -> bool:
    return "/" in wanted or os.sep in wanted


def _candidates(wanted: str, *, fetch: bool, project: Path | None = None) -> Iterator[str]:
    """Paths of interpreters, the likeliest first, each once."""
    if _is_path(wanted):
        yield str((project or Path()).absolute() / wanted)
        return
    if managed.is_managed(wanted):
        found = list(managed.find(wanted))
        if fetch and not found:
            managed.fetch(wanted)
            found = list(managed.find(wanted))
        yield from found
        return
    seen: set[str] = set()
    base = getattr(sys, "_base_executable", sys.executable)
    names = (
        [f"python{wanted}"] if wanted else ["python3", *(["python"] if os.name == "nt" else []), *(f"python{minor}" for minor in _MINORS)]
    )
    # chained, so that uv is started only when nothing before it was taken
    for path in chain((base, *(shutil.which(name) for name in names), "/usr/bin/python3"), managed.find(wanted)):
        if path and path not in seen:
            seen.add(path)
            yield path


def probe(path: str) -> HostPython | None:
    """What an interpreter says of itself; None when it is none that coldforge can freeze."""
    return _probed(path) if shutil.which(path) else None


@functools.cache  # a freeze asks twice, and no interpreter changes meanwhile
def _probed(path: str) -> HostPython | None:
    done = run([path, "-I", "-c", _PROBE], check=False, quiet=True)
    try:
        facts = json.loads(done.output.splitlines()[-1])
    except (ValueError, IndexError):
        return None
    return HostPython(path=path, version=facts["version"], build=facts["build"], library=Path(facts["library"]))
