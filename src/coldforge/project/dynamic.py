"""Dynamic metadata, asked from the project's own build backend in an environment of its own."""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from coldforge.errors import BuildFailed, without_frames
from coldforge.project.metadata import Person, ProjectTable, Text
from coldforge.report import reporter

if TYPE_CHECKING:
    from importlib.metadata import PathDistribution

    from build._types import SubprocessRunner

# Without these there is no plan. Others are taken when the backend is asked anyway, and are not worth asking for.
_NEEDED: Final = frozenset({"version", "description", "license", "scripts", "gui-scripts", "requires-python"})
_OTHERS: Final = frozenset({"name", "readme", "urls", "authors", "maintainers"})
# A project that says nothing in [project] says everything in its backend's own words (setup.cfg, [tool.poetry], …).
ALL: Final = ProjectTable(dynamic=tuple(sorted(_NEEDED | _OTHERS)))


# What somebody else's code gets to see of this machine: where things are, where git may look, and what says the version.
# No token is among it, whatever the job that plans holds. https://setuptools-scm.readthedocs.io/en/latest/overrides/
_KEPT: Final = re.compile(
    r"HOME|PATH|TMPDIR|TEMP|TMP|SYSTEMROOT|USERPROFILE|APPDATA|LOCALAPPDATA|XDG_CONFIG_HOME|XDG_CACHE_HOME|XDG_DATA_HOME"
    r"|SOURCE_DATE_EPOCH|GIT_CONFIG_GLOBAL|GIT_CONFIG_SYSTEM|GIT_CONFIG_NOSYSTEM|GIT_CEILING_DIRECTORIES"
    r"|(?:SETUPTOOLS_SCM|VCS_VERSIONING)_PRETEND_VERSION(?:_FOR_\w+)?|PDM_BUILD_SCM_VERSION|POETRY_DYNAMIC_VERSIONING_BYPASS|PBR_VERSION"
)


def needs_backend(table: ProjectTable) -> bool:
    """Whether a field that a plan needs is left to the build backend."""
    return not _NEEDED.isdisjoint(table.dynamic)


def told_by_backend(table: ProjectTable) -> frozenset[str]:
    """The fields that a plan takes from the backend once it is asked."""
    return (_NEEDED | _OTHERS).intersection(table.dynamic)


def resolve(root: Path, table: ProjectTable, supply: Sequence[str] = ()) -> ProjectTable:
    """`[project]` with its dynamic fields filled in by the backend; `supply` are uv's options that say where that comes from.

    Raises BuildFailed with the backend's own last lines.
    """
    from coldforge.host.files import scratch

    with reporter().step("ask the build backend for dynamic metadata"), scratch("metadata") as folder:
        return filled(table, _distribution(root, folder, supply))


def _distribution(root: Path, folder: Path, supply: Sequence[str]) -> PathDistribution:
    """The metadata that the backend prepares; its requirements are installed below `folder`, and the source stays as it is."""
    from importlib.metadata import PathDistribution

    from build import BuildBackendException, BuildException, ProjectBuilder

    python = _environment(root, folder)
    try:
        builder = ProjectBuilder(root, python_executable=str(python), runner=_runner(python, folder))
        _install(root, python, builder.build_system_requires, supply)
        _install(root, python, builder.get_requires_for_build("wheel"), supply)
        with _heard():
            return PathDistribution(Path(builder.metadata_path(folder / "metadata")))
    except BuildBackendException as error:
        inner = error.exception
        raise _failed(root, inner.why if isinstance(inner, BuildFailed) else str(error)) from error
    except BuildException as error:
        raise _failed(root, str(error)) from error


@contextmanager
def _heard() -> Iterator[None]:
    """What the backend warns of arrives as warnings in this process: each is told once, in our own words and not in Python's."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield
        finally:
            for text in dict.fromkeys(str(one.message) for one in caught):
                reporter().warn(f"the build backend: {text}")


def _failed(root: Path, why: str) -> BuildFailed:
    message = f"the build backend of {root.name} could not tell the project's metadata"
    return BuildFailed(
        message, why=without_frames(why), hint="`python -m build` in the project shows the same failure. A static version needs no backend."
    )


def _environment(root: Path, folder: Path) -> Path:
    """A bare virtual environment; the path of its Python."""
    _uv(root, "venv", "--quiet", "--python", sys.executable, folder / "environment")
    return folder / "environment" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _install(root: Path, python: Path, requirements: Iterable[str], supply: Sequence[str]) -> None:
    if words := sorted(requirements):
        try:
            _uv(root, "pip", "install", "--quiet", "--python", python, *supply, "--", *words)
        except BuildFailed as error:
            message = f"what the build backend of {root.name} needs could not be installed"
            raise BuildFailed(message, why=error.why, hint="A static version in [project] needs no backend.") from error


def _uv(root: Path, *words: str | Path) -> None:
    from uv import find_uv_bin

    from coldforge.host.client import client_environment
    from coldforge.host.run import run

    cache = {name: value for name, value in os.environ.items() if name == "UV_CACHE_DIR"}
    run([find_uv_bin(), *words], cwd=root, env={**client_environment(os.environ), **cache, **kept(os.environ)})


def kept(environment: Mapping[str, str]) -> dict[str, str]:
    """What a build backend, and what is installed for it, may see of the environment: an allow-list without any secret."""
    return {name: value for name, value in environment.items() if _KEPT.fullmatch(name)}


def _runner(python: Path, folder: Path) -> SubprocessRunner:
    """How `build` starts the backend: in our one room for processes, with the environment's scripts first on the path."""
    from coldforge.host.run import run

    # setuptools would leave an egg-info folder in the source: https://github.com/pypa/setuptools/issues/3573
    extra = folder / "setuptools.cfg"
    extra.write_text(f"[egg_info]\negg_base = {folder}\n", encoding="utf-8")
    path = os.pathsep.join([str(python.parent), os.environ.get("PATH", "")])
    own = {"PATH": path, "DIST_EXTRA_CONFIG": str(extra), "PYTHONDONTWRITEBYTECODE": "1"}  # a backend may lie in the source itself

    def start(cmd: Sequence[str], cwd: str | None = None, extra_environ: Mapping[str, str] | None = None) -> None:
        run(cmd, cwd=Path(cwd) if cwd else None, env={**kept(os.environ), **own, **(extra_environ or {})})

    return start


def filled(table: ProjectTable, distribution: PathDistribution) -> ProjectTable:
    """`[project]` with the fields that it calls dynamic. Source: https://packaging.python.org/specifications/core-metadata/"""
    from email import message_from_string

    meta = message_from_string(distribution.read_text("METADATA") or "")
    found: dict[str, Any] = {
        "name": meta.get("Name", ""),
        "version": meta.get("Version", ""),
        "description": meta.get("Summary", ""),
        "license": meta.get("License-Expression") or Text(text=meta.get("License") or ""),
        "requires-python": meta.get("Requires-Python") or "",
        "readme": Text(text=meta.get("Description") or str(meta.get_payload())),
        "urls": dict(_url(line) for line in meta.get_all("Project-URL") or []),
        "authors": _people(meta.get("Author-email"), meta.get("Author")),
        "maintainers": _people(meta.get("Maintainer-email"), meta.get("Maintainer")),
        "scripts": {e.name: e.value for e in distribution.entry_points if e.group == "console_scripts"},
        "gui-scripts": {e.name: e.value for e in distribution.entry_points if e.group == "gui_scripts"},
    }
    changes = {key.replace("-", "_"): value for key, value in found.items() if key in table.dynamic}
    return msgspec.structs.replace(table, **changes)


def _url(line: str) -> tuple[str, str]:
    label, _, url = line.partition(",")
    return label.strip(), url.strip()


def _people(mails: str | None, name: str | None) -> tuple[Person, ...]:
    from email.utils import getaddresses

    return tuple(Person(name=who or name or "", email=mail) for who, mail in getaddresses([mails or ""]) if mail) or (
        (Person(name=name),) if name else ()
    )
