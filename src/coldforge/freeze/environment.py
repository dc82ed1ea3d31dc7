"""The environment that is frozen: the locked distributions, the freezer's own, and the project's wheel. uv does the work."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from coldforge import recipes
from coldforge.errors import BuildFailed, ConfigurationError, Location, Missing, Problem, Refused
from coldforge.freeze import Workshop
from coldforge.freeze.lock import Lock, uv
from coldforge.freeze.requirements import Pin, normalised, pins
from coldforge.freeze.resolve import knows_no_times
from coldforge.host.clock import EARLIEST, iso
from coldforge.host.files import scratch
from coldforge.host.run import run
from coldforge.target import Target, host_target

FREEZER_LOCK: Final = "build/requirements/pyinstaller.txt"
OWN_LOCK: Final = "build/requirements/run.txt"
FREEZER_NEEDS: Final = "build/requirements/pyinstaller.in"
# Who reads them: setuptools-scm and hatch-vcs, vcs-versioning (their common successor), pdm-backend, poetry-dynamic-versioning.
_TOLD_VERSION: Final = (
    "SETUPTOOLS_SCM_PRETEND_VERSION", "VCS_VERSIONING_PRETEND_VERSION", "PDM_BUILD_SCM_VERSION", "POETRY_DYNAMIC_VERSIONING_BYPASS",
)  # fmt: skip
_QUIET: Final = {"UV_NO_PROGRESS": "1", "UV_NO_CONFIG_WARNINGS": "1", "NO_COLOR": "1", "UV_PYTHON_DOWNLOADS": "never"}


def freezer_pins(application: Lock, project: Path, python: str, machine: str = "") -> tuple[Pin, ...]:
    """PyInstaller's own distributions, without those that the application locks itself: its versions win.

    Raises ConfigurationError when the application locks one that PyInstaller cannot work with.
    """
    taken = [pin for pin in pins(application.text) if pin.applies(python, machine)]
    _check_conflicts(taken, application, project)
    names = {pin.name for pin in taken}
    return tuple(pin for pin in pins(_recipe(FREEZER_LOCK, project)) if pin.name not in names and pin.applies(python, machine))


def _recipe(name: str, project: Path) -> str:
    return recipes.find(name, project).read_text(encoding="utf-8")


def _check_conflicts(taken: Sequence[Pin], lock: Lock, project: Path) -> None:
    from packaging.requirements import Requirement

    needs = [Requirement(line) for line in _recipe(FREEZER_NEEDS, project).splitlines() if line.strip() and not line.startswith("#")]
    problems = tuple(
        Problem(what=f"{pin.name} {pin.version} is locked, the freezer needs {need}", where=Location(project / lock.name))
        for need in needs
        for pin in taken
        if pin.name == normalised(need.name) and not need.specifier.contains(pin.version, prereleases=True)
    )
    if problems:
        hint = "Lock a newer version; a distribution that only development needs belongs into a dependency group."
        raise ConfigurationError("the project's lock and PyInstaller exclude each other", problems=problems, hint=hint)


def python_version(workshop: Workshop, *, tool: str, python: str, requires: str, log: Path) -> str:
    """The version of the workshop's interpreter. Raises Missing when there is none, or none that fits `requires`."""
    try:
        path = workshop.run([tool, "python", "find", "--no-project", python], env=_QUIET, network=True, log=log).splitlines()[-1]
        code = "import platform; print(platform.python_version())"
        version = workshop.run([path, "-I", "-c", code], env=_QUIET, network=True, log=log).splitlines()[-1]
    except BuildFailed as error:
        message = f"the build image {workshop.identity} has no Python {python!r}"
        raise Missing(message, why=error.why, hint="docs/how-to/containers.md tells what an image needs.") from error
    from packaging.specifiers import SpecifierSet

    if not SpecifierSet(requires).contains(version, prereleases=True):
        message = f"the build image {workshop.identity} has Python {version}, the project requires {requires}"
        raise Missing(message, hint="Choose another image in matrix.yml.")
    return version


def install(
    workshop: Workshop, *, tool: str, python: str, application: str, freezer: str, allowed: Sequence[str], scratch: Path, log: Path
) -> None:
    """Make `environment` in the workshop: the application's distributions, then the freezer's. Hashes are enforced.

    `allowed` may be built from source. Raises Refused when a distribution is not the locked one, BuildFailed for anything else.
    """
    environment = workshop.path("environment")
    _uv(workshop, [tool, "venv", "--quiet", "--no-project", "--python", python, environment], log)
    words = [
        tool,
        "pip",
        "install",
        "--quiet",
        "--python",
        f"{environment}/bin/python",
        "--require-hashes",
        "--no-deps",
        "--link-mode=copy",
    ]
    words += wheels_only(allowed, application + freezer)
    for name, text in (("application", application), ("freezer", freezer)):
        (scratch / f"{name}.txt").write_text(text, encoding="utf-8")
        workshop.put(scratch / f"{name}.txt", f"locks/{name}.txt")
        _uv(workshop, [*words, "--requirement", workshop.path(f"locks/{name}.txt")], log)


def wheels_only(allowed: Sequence[str], text: str) -> list[str]:
    """uv's options that refuse to build from source, but for the distributions that are allowed to."""
    names = {normalised(name) for name in allowed}
    if not names:
        return ["--only-binary", ":all:"]
    # `:all:` would also refuse what was allowed: then every other distribution is named
    return [word for name in sorted({pin.name for pin in pins(text)} - names) for word in ("--only-binary", name)]


def put_uv(workshop: Workshop, target: Target) -> str:
    """The path of uv in the workshop: the one that came with coldforge, or for another system than this one the one of its lock."""
    if not workshop.uv_needed:
        return uv()
    with scratch("uv") as folder:
        workshop.put(Path(uv()) if target == host_target() else _foreign_uv(target, folder), "tools/uv")
    return workshop.path("tools/uv")


def _foreign_uv(target: Target, folder: Path) -> Path:
    """uv for another system, by the hashes in coldforge's own lock. Raises Missing."""
    line = next(pin.line for pin in pins(recipes.find(OWN_LOCK).read_text(encoding="utf-8")) if pin.name == "uv")
    (folder / "uv.txt").write_text(line + "\n", encoding="utf-8")
    words = [uv(), "pip", "install", "--quiet", "--no-config", "--python", sys.executable, "--python-platform", target.triple]
    words += ["--target", str(folder / "made"), "--no-deps", "--only-binary", ":all:", "--require-hashes", "-r", str(folder / "uv.txt")]
    done = run(words, check=False)
    if done.code:
        raise Missing(f"the installer uv for {target} cannot be had", why=done.output[-800:], hint="It comes from the package index.")
    return folder / "made" / "bin" / "uv"


def install_project(workshop: Workshop, *, tool: str, version: str, epoch: int, log: Path) -> None:
    """Build the project's wheel from the copied source, with its own backend, and unpack it into `application`.

    The planned version is told to backends that would ask a repository for it: the copy is none.
    The backend is the one of the commit's time, where the index knows times: its version stands in the metadata it writes.
    """
    python = workshop.path("environment/bin/python")
    words = [tool, "pip", "install", "--quiet", "--python", python, "--no-deps", "--link-mode=copy", "--no-cache"]
    words += ["--target", workshop.path("application"), workshop.path("source")]
    told = dict.fromkeys(_TOLD_VERSION, version)
    if epoch <= EARLIEST:
        _uv(workshop, words, log, env=told)
        return
    try:
        _uv(workshop, [*words, "--exclude-newer", iso(epoch)], log, env=told)
    except BuildFailed as error:
        if not knows_no_times(error.why):
            raise
        _uv(workshop, words, log, env=told)


def _uv(workshop: Workshop, words: Sequence[str], log: Path, *, env: Mapping[str, str] = MappingProxyType({})) -> None:
    try:
        workshop.run(words, env={**_QUIET, **env}, network=True, log=log)
    except BuildFailed as error:
        if "hash mismatch" in error.why.lower():
            hint = "Either the file was replaced on the index or the lock is wrong. Find out which before you change the lock."
            raise Refused("a distribution is not the one that the lock names", why=error.why, hint=hint) from error
        if "no usable wheels" in error.why:
            hint = "Name it in [tool.coldforge.environment] allow-sdists if it may be built from source."
            raise BuildFailed("a locked distribution has no wheel for this Python and system", why=error.why, hint=hint) from error
        raise
