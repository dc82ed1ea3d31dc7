"""What is tried of a target for Windows: every artifact is installed or unpacked under Wine, its commands are run, and it is removed.

Wine is not Windows: it shows that an installer puts everything into its place, that the programs find their libraries there,
and that all goes again.
"""

from __future__ import annotations

import shlex
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from coldforge.errors import BuildFailed, Missing, Refused
from coldforge.host import files, wine
from coldforge.host.container import Container
from coldforge.plan import names
from coldforge.plan.model import Plan, PlannedArtifact
from coldforge.records import Trial
from coldforge.smoke.diagnosis import TIMED, cannot_start
from coldforge.smoke.trial import unnamed

FORMATS: Final = ("nsis", "msi", "zip", "onefile")
_USER: Final = "1234:1234"
_HOME: Final = "/home/person"
_PREFIX: Final = f"{_HOME}/prefix"
_DRIVE: Final = f"{_PREFIX}/drive_c"
_TRIED: Final = f"{_DRIVE}/tried"  # where archives are unpacked, and programs in one file lie
_INSTALL: Final = {"nsis": ("C:\\{}", "/S"), "msi": ("msiexec", "/i", "C:\\{}", "/qn")}
# The uninstaller of an nsis goes on in a copy of itself, which nobody waits for.
_GONE: Final = 'for try in $(seq 300); do test -e "$0" || exit 0; sleep 0.1; done; echo "$0 is still there"; exit 1'


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is tried: the artifacts of one target, which lie in `folder`; `reference` is the image that they are tried in."""

    plan: Plan
    artifacts: tuple[PlannedArtifact, ...]
    folder: Path
    reference: str


class Machine:
    """Wine in a container without network, with a plain user's own drive C."""

    def __init__(self, container: Container, log: Path) -> None:
        """Raises Missing when the image has no Wine that starts."""
        self._container, self._log = container, log
        self._env = {**wine.QUIET, "HOME": _HOME, "USER": "person", "WINEPREFIX": _PREFIX, "LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"}
        with files.scratch("home") as empty:  # Wine works only in a folder of the user's own, and root may change no owner in there
            self.put(empty, _HOME)
        try:
            for words in wine.START:
                self._run(words)
        except BuildFailed as error:
            raise Missing("the image for Windows cannot run its programs", why=error.why or error.what, hint=wine.HINT) from error
        self.system = f"Wine {self._run([wine.LOADER, '--version']).strip().removeprefix('wine-')}"

    def _run(self, words: Sequence[str]) -> str:
        return self._container.execute(words, env=self._env, cwd=_HOME, user=_USER, log=self._log)

    def run(self, *words: str) -> str:
        """Run a program of Windows, and wait until all that it started has ended. Raises BuildFailed."""
        said = self._run([wine.LOADER, *words])
        self._run([wine.SERVER, "-w"])
        return said

    def start(self, program: str) -> None:
        """Start a program that may be a server; what still runs in the end is ended. Raises BuildFailed when it cannot be started."""
        try:
            self._run([*TIMED, wine.LOADER, program, "--help"])
        except BuildFailed as error:
            if cannot_start(f"{error.what}\n{error.why}"):
                raise
        finally:
            self._run(["/bin/sh", "-c", '"$0" -k; "$0" -w', wine.SERVER])

    def put(self, source: Path, destination: str) -> None:
        """Copy a file or folder in, as the user's own."""
        self._container.put(source, destination, int(_USER.partition(":")[0]))

    def find(self, name: str) -> str:
        """The folder on drive C that an installer has put a program into; empty when it is nowhere."""
        words = ["find", _DRIVE, "-path", f"{_DRIVE}/windows", "-prune", "-o", "-path", _TRIED, "-prune", "-o", "-name", name, "-print"]
        return next(iter(self._run(words).splitlines()), "").rpartition("/")[0]

    def await_end_of(self, path: str) -> None:
        """Wait until a file is gone, half a minute at most. Raises BuildFailed when it stays."""
        self._run(["/bin/sh", "-c", _GONE, path])


def attempt(job: Job, machine: Machine) -> Trial:
    """Try everything. Raises Refused at the first thing that does not work."""
    for artifact in job.artifacts:
        with _told(f"{artifact.name} cannot be installed", machine):
            folder = _placed(job, machine, artifact)
        for command in job.plan.config.smoke.run:
            first, *rest = shlex.split(command)
            if artifact.executable in ("", first):
                with _told(f"`{command}` does not work from {artifact.name}", machine):
                    machine.run(f"{folder}/{first}.exe", *rest)
        for program in unnamed(job.plan, artifact):
            with _told(f"{program} cannot be started from {artifact.name}", machine):
                machine.start(f"{folder}/{program}.exe")
        with _told(f"{artifact.name} cannot be removed", machine):
            _remove(machine, artifact, folder)
    tried = tuple(artifact.name for artifact in job.artifacts)
    return Trial(image=job.reference, system=machine.system, artifacts=tried, commands=job.plan.config.smoke.run)


@contextmanager
def _told(what: str, machine: Machine) -> Iterator[None]:
    try:
        yield
    except BuildFailed as error:
        how = "It was tried without network and without any Python for Windows."
        raise Refused(f"{what} under {machine.system}", why=error.why or error.what, hint=f"{how} {error.hint}") from error


def _placed(job: Job, machine: Machine, artifact: PlannedArtifact) -> str:
    """The folder with its programs. Raises BuildFailed when an installer has put them nowhere: one that does nothing may end with 0."""
    source = job.folder / artifact.name
    if artifact.format in _INSTALL:
        machine.put(source, f"{_DRIVE}/{artifact.name}")
        machine.run(*(word.format(artifact.name) for word in _INSTALL[artifact.format]))
        program = f"{job.plan.product.executables[0].name}.exe"
        if folder := machine.find(program):
            return folder
        raise BuildFailed(f"{program} is nowhere on drive C", why="The installer ended with 0, and has installed nothing.")
    if artifact.format == "zip":
        with files.scratch("zip") as scratch, zipfile.ZipFile(source) as archive:
            archive.extractall(scratch)  # it was made a moment ago, and zipfile leads no name out of the folder
            (top,) = scratch.iterdir()
            machine.put(top, f"{_TRIED}/zip")
        return f"{_TRIED}/zip"
    machine.put(source, f"{_TRIED}/{artifact.name}/{artifact.executable}.exe")
    return f"{_TRIED}/{artifact.name}"


def _remove(machine: Machine, artifact: PlannedArtifact, folder: str) -> None:
    if artifact.format == "nsis":
        machine.run(f"{folder}/{names.UNINSTALLER}", "/S")
    elif artifact.format == "msi":
        machine.run("msiexec", "/x", f"C:\\{artifact.name}", "/qn")
    else:
        return
    machine.await_end_of(folder)
