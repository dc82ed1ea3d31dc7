"""What is tried in one bare system: every artifact is put into place, its commands are run, its windows looked at."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import copy_context
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

from coldforge.errors import BuildFailed, ColdforgeError, Problem, Refused
from coldforge.host import files
from coldforge.host.clock import now, sleep
from coldforge.plan.formats import package_name
from coldforge.plan.model import Plan, PlannedArtifact, PlannedTarget
from coldforge.records import Need, Shown, Trial
from coldforge.smoke import unpacked
from coldforge.smoke.diagnosis import TIMED, cannot_start, likely
from coldforge.smoke.display import NAME, Display, gone
from coldforge.smoke.laid import lay_out
from coldforge.smoke.machine import INBOX, Machine
from coldforge.smoke.managers import Manager
from coldforge.smoke.picture import png

DEADLINE: Final = 120  # seconds in which a window must be shown; a shared machine may be slow
_REST: Final = 3.0  # seconds in which what a window shows comes to rest, unless it moves all the time
ANYWHERE: Final = ("tar.gz", "onefile", "appimage")  # formats that no package manager installs
# Runtimes of AppImages mount what is in them where there is FUSE, and unpack it when they are told so: a container has none.
_UNMOUNTED: Final = {"APPIMAGE_EXTRACT_AND_RUN": "1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is tried: the artifacts of one target, which lie in `folder`; `needs` are the tree's of its system.

    `image` is what images.toml calls the bare system, `reference` what that stands for, and `manager` what installs packages there;
    `packages` are those of Debian and Arch Linux by soname, by the format that asks for them.
    """

    plan: Plan
    target: PlannedTarget
    artifacts: tuple[PlannedArtifact, ...]
    folder: Path
    needs: tuple[Need, ...]
    image: str
    reference: str
    manager: Manager
    packages: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """An artifact in its place: `path` is the folder of its programs, `tree` that of its libraries (empty: it has none that lie open).

    `env` is what its programs are told besides.
    """

    artifact: PlannedArtifact
    path: str
    tree: str
    env: Mapping[str, str] = field(default_factory=dict)


def attempt(job: Job, machine: Machine, cut: Callable[[], Display | None]) -> Trial:
    """Try everything; screenshots are written beside the artifacts.

    `cut` takes the system off the network, once all is installed, and gives the display, if there is one; without it no windowed
    executable is started. Raises Refused at the first thing that does not work.
    """
    order = (job.manager.format, *ANYWHERE, *unpacked.FORMS)  # a package brings what the others cannot ask for
    artifacts = sorted(job.artifacts, key=lambda artifact: order.index(artifact.format))
    _bring(job, machine, artifacts)
    display = cut()
    windows: list[Shown] = []
    lacking: list[str] = []
    for artifact in artifacts:
        placed = _place(job, machine, artifact)
        lacking += _unresolved(job, machine, placed)
        for command in _commands(job, artifact):
            _run(job, machine, placed, command, {"DISPLAY": NAME} if display else {})
        for program in unnamed(job.plan, artifact):
            _start(job, machine, placed, program)
        if display:
            windows += [_show(job, machine, display, placed, executable) for executable in windowed(job.plan, artifact)]
        if artifact.format == job.manager.format:
            machine.remove(_package(job))
    return Trial(
        image=job.reference,
        system=machine.system,
        artifacts=tuple(artifact.name for artifact in artifacts),
        commands=job.plan.config.smoke.run,
        windows=tuple(windows),
        lacking=tuple(dict.fromkeys(lacking)),
    )


def windowed(plan: Plan, artifact: PlannedArtifact) -> tuple[str, ...]:
    """The executables with windows that an artifact holds."""
    held = (executable for executable in plan.product.executables if started(plan, artifact) in ("", executable.name))
    return tuple(executable.name for executable in held if not executable.console)


def unnamed(plan: Plan, artifact: PlannedArtifact) -> tuple[str, ...]:
    """The executables for the terminal that an artifact holds and no command of the project's starts."""
    named = {shlex.split(command)[0] for command in plan.config.smoke.run}
    held = (executable for executable in plan.product.executables if started(plan, artifact) in ("", executable.name))
    return tuple(executable.name for executable in held if executable.console and executable.name not in named)


def started(plan: Plan, artifact: PlannedArtifact) -> str:
    """The one executable that an artifact starts; empty when it holds all of them."""
    return plan.product.main.name if artifact.format == "appimage" else artifact.executable


def _bring(job: Job, machine: Machine, artifacts: Sequence[PlannedArtifact]) -> None:
    """What needs the network, perhaps: the package with its dependencies, or what archives cannot ask for."""
    try:
        for artifact in artifacts:
            if artifact.format == job.manager.format:
                machine.install(job.folder / artifact.name)
                return
        machine.satisfy(job.manager.needed(job.needs, job.packages))
    except BuildFailed as error:
        what = f"{artifacts[0].name} cannot be installed in {machine.system}"
        raise Refused(what, why=error.why, hint=f"Its dependencies must be in that system's archive. {error.hint}") from error


def _package(job: Job) -> str:
    return package_name(job.manager.format, job.plan.product, job.plan.config)


def _place(job: Job, machine: Machine, artifact: PlannedArtifact) -> Placed:
    """An installed package is in its place already; an archive is unpacked, a single program copied."""
    source = job.folder / artifact.name
    if artifact.format == job.manager.format:
        return Placed(artifact=artifact, path="", tree=_tree(job, machine, "/usr/bin"))
    if artifact.format == "tar.gz":
        folder = machine.unpack(source)
        return Placed(artifact=artifact, path=folder, tree=folder)
    if artifact.format in unpacked.FORMS:
        return _laid_out(job, machine, artifact)
    program = started(job.plan, artifact)
    folder = f"{INBOX}/{program}.{artifact.format}"
    machine.root(["mkdir", folder])
    machine.root(["mv", machine.put(source), f"{folder}/{program}"])
    return Placed(artifact=artifact, path=folder, tree="")


def _tree(job: Job, machine: Machine, path: str) -> str:
    """The folder of the libraries of programs that are links in the folder `path`, or lie there."""
    program = machine.root(["readlink", "-f", f"{path}/{job.plan.product.executables[0].name}"])
    return str(PurePosixPath(program.strip()).parent)


def _laid_out(job: Job, machine: Machine, artifact: PlannedArtifact) -> Placed:
    """A package that nothing here installs."""
    try:
        laid = lay_out(job.plan, job.folder / artifact.name, artifact.format, machine)
        return Placed(artifact=artifact, path=laid.path, tree=_tree(job, machine, laid.path), env=laid.env)
    except BuildFailed as error:
        what = f"the files of {artifact.name} cannot be put where they are started from"
        raise Refused(what, why=f"{error}. {error.why}".strip(), hint="Make it again: `coldforge bundle --clean`.") from error


def _commands(job: Job, artifact: PlannedArtifact) -> Iterator[str]:
    """The commands that concern an artifact: those of its own executable when it holds no other."""
    for command in job.plan.config.smoke.run:
        if started(job.plan, artifact) in ("", *shlex.split(command)[:1]):
            yield command


def _run(job: Job, machine: Machine, placed: Placed, command: str, env: Mapping[str, str]) -> None:
    try:
        machine.run(shlex.split(command), path=placed.path, env={**env, **_UNMOUNTED, **placed.env})
    except BuildFailed as error:
        raise _refused(f"`{command}` does not work in {machine.system}", job, machine, placed, error) from error


def _start(job: Job, machine: Machine, placed: Placed, program: str) -> None:
    """Start a program that no command says anything about: nobody knows what it does with `--help`, but it must come so far."""
    try:
        machine.run([*TIMED, program, "--help"], path=placed.path, env={**_UNMOUNTED, **placed.env})
    except BuildFailed as error:
        if cannot_start(f"{error.what}\n{error.why}"):
            raise _refused(f"{program} cannot be started in {machine.system}", job, machine, placed, error) from error


def _unresolved(job: Job, machine: Machine, placed: Placed) -> tuple[str, ...]:
    """The libraries that files of the tree are linked with, and that are not there."""
    return machine.unresolved(placed.tree, job.plan.config.pyinstaller.contents_directory) if placed.tree else ()


def _refused(what: str, job: Job, machine: Machine, placed: Placed, error: ColdforgeError) -> Refused:
    """What happened, the last lines of it, and what most likely lacks."""
    unresolved = _unresolved(job, machine, placed)
    problems = tuple(Problem(what=sentence) for sentence in likely(error.why, unresolved, job.packages["deb"]))
    # the headline would look like a crash of coldforge
    why = "\n".join(line for line in error.why.splitlines() if not line.startswith("Traceback "))
    how = f"It ran from {placed.artifact.name}, as a plain user with a read-only home folder, without network and without Python."
    return Refused(what, why=why, problems=problems, hint=f"{how} {error.hint}")


def _show(job: Job, machine: Machine, display: Display, placed: Placed, executable: str) -> Shown:
    """Start a program with windows, wait for one, and keep a picture of it."""
    what = f"{executable} shows no window in {machine.system}"
    start = now()
    with _started(machine, executable, placed) as program:
        while not (found := display.drawn(patience=_REST)) or program.done():
            if program.done():
                raise _refused(f"{what}: it ends", job, machine, placed, _ending(program))
            if now() - start > DEADLINE:
                raise _refused(f"{what} within {DEADLINE} seconds", job, machine, placed, BuildFailed(what))
            sleep(0.2)
    gone(display)
    window, picture = found
    screenshot = f"{placed.artifact.name}.{executable}.{job.image}.png"
    files.write(job.folder / screenshot, png(picture))
    return Shown(artifact=placed.artifact.name, executable=executable, title=window.title, screenshot=screenshot)


def _ending(program: Future[str]) -> ColdforgeError:
    error = program.exception()
    return error if isinstance(error, ColdforgeError) else BuildFailed("", why=program.result()[-2000:])


@contextmanager
def _started(machine: Machine, executable: str, placed: Placed) -> Iterator[Future[str]]:
    """A program that runs while the block does; afterwards everything that the plain user runs is ended."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        env = {"DISPLAY": NAME, **_UNMOUNTED, **placed.env}
        program = pool.submit(copy_context().run, machine.run, [executable], path=placed.path, env=env)
        try:
            yield program
        finally:
            with suppress(ColdforgeError):  # the container may be gone by now
                machine.run(["/bin/sh", "-c", "kill -TERM -1; sleep 1; kill -KILL -1"])
