"""The environment that is frozen: the locked distributions, the freezer's own, and the project's wheel. uv does the work."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from coldforge import recipes
from coldforge.errors import DOCS, BuildFailed, ConfigurationError, Location, Missing, Problem
from coldforge.freeze import Workshop
from coldforge.freeze.building import BUILT, Builder, split
from coldforge.freeze.installer import OWN_LOCK, QUIET, Installer, without_wheel
from coldforge.freeze.interpreter import another
from coldforge.freeze.lock import Lock
from coldforge.freeze.managed import ASKED, HINT, is_managed
from coldforge.freeze.managed import install as install_python
from coldforge.freeze.requirements import Pin, normalised, pins
from coldforge.freeze.windows import check_wheel
from coldforge.host import cache, files
from coldforge.records import digest_of
from coldforge.target import Target

FREEZER_LOCK: Final = "build/requirements/pyinstaller.txt"
SITE_PACKAGES: Final = "environment/Lib/site-packages"  # of Windows' Python
BUILDER: Final = "python3"  # the Python of an image with Wine that is not Windows'
FREEZER_NEEDS: Final = "build/requirements/pyinstaller.in"
_LACKING: Final = 20  # distributions without a wheel that are told of at once
_HOW_TO_BUILD: Final = f"{DOCS}/how-to/environments.md tells how distributions are built."
# Who reads them: setuptools-scm and hatch-vcs, vcs-versioning (their common successor), pdm-backend, poetry-dynamic-versioning.
_TOLD_VERSION: Final = (
    "SETUPTOOLS_SCM_PRETEND_VERSION", "VCS_VERSIONING_PRETEND_VERSION", "PDM_BUILD_SCM_VERSION", "POETRY_DYNAMIC_VERSIONING_BYPASS",
)  # fmt: skip


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
    """The version of the workshop's interpreter; one of uv's is fetched. Raises Missing when there is none that fits `requires`."""
    own = ["--managed-python"] if is_managed(python) else []
    if own:
        try:
            workshop.run(install_python(tool, python), env={**QUIET, **ASKED}, network=True, log=log)
        except BuildFailed as error:
            raise Missing(f"{python} cannot be had", why=error.why, hint=HINT) from error

    def ask() -> bytes:
        path = workshop.run([tool, "python", "find", "--no-project", *own, python], env=QUIET, network=True, log=log).splitlines()[-1]
        code = "import platform; print(platform.python_version())"
        return workshop.run([path, "-I", "-c", code], env=QUIET, network=True, log=log).splitlines()[-1].encode()

    try:  # an image has what it has; of uv's own the newest may be another by now
        key = digest_of(["python", workshop.identity, python, files.sha256(recipes.find(OWN_LOCK))])
        version = (ask() if own else cache.recalled("tool", key, ask)).decode()
    except BuildFailed as error:
        message = f"the build image {workshop.identity} has no Python {python!r}"
        raise Missing(message, why=error.why, hint=f"{DOCS}/how-to/containers.md tells what an image needs.") from error
    from packaging.specifiers import SpecifierSet

    if not SpecifierSet(requires).contains(version, prereleases=True):
        message = f"the build image {workshop.identity} has Python {version}, the project requires {requires}"
        raise Missing(message, hint=another(requires))
    return version


def place(installer: Installer, python: str) -> None:
    """The empty environment: a virtual one of `python`. Windows' own Python lies there already: nothing of this system can make one."""
    if not installer.workshop.windows:
        installer.venv(python, "environment")


def into(workshop: Workshop, version: str, folder: str = "") -> tuple[str, ...]:
    """uv's options that say for which Python it installs, and into which folder of the workshop: its own, or another.

    For Windows it is any Python of the workshop's own system, told what to take.
    """
    target = ("--target", workshop.path(folder or SITE_PACKAGES)) if folder or workshop.windows else ()
    if not workshop.windows:
        return ("--python", workshop.path(workshop.python), *target)
    return ("--python", BUILDER, "--python-platform", "x86_64-pc-windows-msvc", "--python-version", version, *target)


def install(
    installer: Installer, builder: Builder, *, python: str, version: str, locks: Mapping[str, str], allowed: Sequence[str], scratch: Path
) -> None:
    """Make `environment` in the workshop from the locks, by name: the application's, then the freezer's. Hashes are enforced.

    `version` is the Python's. `allowed` may be built from source; what built them is recorded in `environment/built`.
    Raises what `Installer.install` does.
    """
    workshop = installer.workshop
    place(installer, python)
    with files.scratch("records") as empty:
        workshop.put(empty, f"environment/{BUILT}")
    words = [*into(workshop, version), "--require-hashes"]
    for lock, text in locks.items():
        wheels, sources = split(text, allowed)

        def of_wheels(lines: str, *more: str, lock: str = lock) -> None:
            installer.install(*words, *more, "--only-binary", ":all:", "--requirement", _brought(workshop, scratch, lock, lines))

        install_wheels(of_wheels, wheels, allowed)
        for name, lines in sources.items():
            more = ["--requirement", _brought(workshop, scratch, f"source-{name}", lines), *builder.constraints("--require-build-hashes")]
            # never from a cache: uv does not ask with what, and in which surroundings, it built before
            with _building(name):
                builder.carry_out(installer.install, *words, "--no-cache", *more, env=builder.surroundings(f"environment/{BUILT}/{name}"))


def install_wheels(install: Callable[..., None], text: str, allowed: Sequence[str]) -> None:
    """Install requirements with `install`, which takes their text and further options. What has no wheel is told all at once.

    uv names one of them only: without that one it is asked again, and installs nothing any more.
    """
    lacking: list[str] = []
    for _ in range(_LACKING):
        try:
            install(text, *(["--dry-run"] if lacking else []))
        except BuildFailed as error:
            name = without_wheel(error.why)
            if not name and not lacking:
                raise
            if not name or name in lacking:
                break
            lacking.append(name)
            text, _ = split(text, [name])
        else:
            break
    if lacking:
        raise _no_wheels(sorted(lacking), allowed)


def _no_wheels(names: Sequence[str], allowed: Sequence[str]) -> BuildFailed:
    message = f"{' and '.join(names)} {'have' if len(names) > 1 else 'has'} no wheel for this Python and system"
    line = f"allow-sdists = [{', '.join(json.dumps(name) for name in sorted({*allowed, *names}))}]"
    why = "Wheels are installed as they are. Building from source runs what its authors wrote, so what may be built is named."
    hint = f"Write `{line}` under [tool.coldforge.environment], or lock versions that have wheels. {_HOW_TO_BUILD}"
    return BuildFailed(message, why=why, hint=hint)


@contextmanager
def _building(name: str) -> Iterator[None]:
    """Say which distribution it was that could not be built."""
    try:
        yield
    except BuildFailed as error:
        hint = f"What it needs must be where it is built: compilers, headers, programs. {_HOW_TO_BUILD} {error.hint}"
        raise BuildFailed(f"{name} could not be built from source", why=error.why, hint=hint.strip()) from error


def _brought(workshop: Workshop, scratch: Path, name: str, text: str) -> str:
    """A requirements file as the workshop calls it."""
    (scratch / f"{name}.txt").write_text(text, encoding="utf-8")
    workshop.put(scratch / f"{name}.txt", f"locks/{name}.txt")
    return workshop.path(f"locks/{name}.txt")


def install_project(installer: Installer, builder: Builder, *, target: Target, python: str, name: str, version: str, scratch: Path) -> None:
    """Build the project's wheel from the copied source, with its own backend, and unpack it into `application`.

    The planned version is told to backends that would ask a repository for it: the copy is none. What built it is recorded
    in `built`: the backend's version stands in the metadata that it writes. `python` is the version of the one that is frozen; for
    Windows another builds, which is right as long as it builds nothing but text.
    """
    workshop = installer.workshop
    with files.scratch("records") as empty:
        workshop.put(empty, BUILT)
    builds = BUILDER if workshop.windows else workshop.path(workshop.python)
    words = ["--python", builds, "--out-dir", workshop.path("wheels"), *builder.constraints("--require-hashes"), workshop.path("source")]
    told = {**builder.surroundings(f"{BUILT}/{normalised(name)}", builder.epoch), **dict.fromkeys(_TOLD_VERSION, version)}
    builder.carry_out(installer.build, *words, env=told)
    workshop.get("wheels", scratch / "wheels")
    (wheel,) = (scratch / "wheels").glob("*.whl")
    if workshop.windows:
        check_wheel(wheel.name, target)
    # not kept: it would be found again under the same name and version after a change of the source
    installer.install("--no-cache", *into(workshop, python, "application"), workshop.path(f"wheels/{wheel.name}"))
