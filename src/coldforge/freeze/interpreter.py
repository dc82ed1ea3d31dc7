"""The Python that is frozen when the freeze runs on this host."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from coldforge.errors import Missing
from coldforge.host import files
from coldforge.host.run import run

# The shared library is what the boot loader of a frozen program loads; many system Pythons lack it.
_PROBE: Final = """
import json, os, sys, sysconfig
name = sysconfig.get_config_var('INSTSONAME') or sysconfig.get_config_var('LDLIBRARY') or ''
folders = [sysconfig.get_config_var('LIBDIR') or '', os.path.join(sys.base_prefix, 'lib'),
           os.path.join('/usr/lib', sysconfig.get_config_var('MULTIARCH') or '')]
minor = 'libpython%d.%d.so.1.0' % sys.version_info[:2]
paths = [os.path.join(folder, file) for file in (name, minor) for folder in folders if '.so' in file]
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


def find_python(wanted: str, requires: str) -> HostPython:
    """An interpreter with a shared library that fits `requires` (a version specifier) and `wanted` (a version or path, or empty).

    Raises Missing with the command that gets one.
    """
    from packaging.specifiers import SpecifierSet

    accepted = SpecifierSet(requires)
    refused: list[str] = []
    for path in _candidates(wanted):
        probed = probe(path)
        if probed is None or (re.fullmatch(r"[\d.]+", wanted) and not f"{probed.version}.".startswith(f"{wanted}.")):
            continue
        if not accepted.contains(probed.version):
            refused.append(f"{path} is {probed.version}, the project requires {requires}")
        elif not probed.library.is_file():
            refused.append(f"{path} ({probed.version}) has no shared library")
        else:
            return probed
    minor = f"{sys.version_info[0]}.{sys.version_info[1]}"
    hint = f"Debian, Ubuntu: apt-get install libpython{minor}   elsewhere: uv python install {minor}   or freeze in a container."
    raise Missing("no Python that can be frozen was found on this machine", why="\n".join(refused), hint=hint)


def _candidates(wanted: str) -> Iterator[str]:
    """Paths of interpreters, the likeliest first, each once."""
    if "/" in wanted:
        yield wanted
        return
    seen: set[str] = set()
    base = getattr(sys, "_base_executable", sys.executable)
    names = [f"python{wanted}"] if wanted else ["python3", "python3.14", "python3.13", "python3.12", "python3.11"]
    for path in (base, *(shutil.which(name) for name in names), "/usr/bin/python3", *_managed(wanted)):
        if path and path not in seen:
            seen.add(path)
            yield path


def _managed(wanted: str) -> Iterator[str]:
    """The interpreters that uv manages, if it has any."""
    from uv import find_uv_bin

    words = [find_uv_bin(), "python", "find", "--managed-python", "--no-python-downloads", *([wanted] if wanted else [])]
    done = run(words, check=False)
    if done.code == 0:
        yield done.output.splitlines()[-1]


def probe(path: str) -> HostPython | None:
    """What an interpreter says of itself; None when it is none that coldforge can freeze."""
    if not shutil.which(path):
        return None
    done = run([path, "-I", "-c", _PROBE], check=False)
    try:
        facts = json.loads(done.output.splitlines()[-1])
    except (ValueError, IndexError):
        return None
    return HostPython(path=path, version=facts["version"], build=facts["build"], library=Path(facts["library"]))
