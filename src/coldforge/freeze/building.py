"""How distributions are built from source: with what, told what, and what is recorded of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from coldforge import recipes
from coldforge.errors import BuildFailed, ConfigurationError, Missing
from coldforge.freeze import Workshop
from coldforge.freeze.declared import check_hashes
from coldforge.freeze.lock import RESOLVED, text_of
from coldforge.freeze.requirements import Pin, normalised, pins
from coldforge.freeze.resolve import knows_no_times
from coldforge.host import files
from coldforge.host.clock import EARLIEST, iso
from coldforge.project.config import EnvironmentConfig
from coldforge.records import Distribution

HOOK: Final = "build/building/sitecustomize.py"
BUILT: Final = "built"  # the folder of records, in the environment for what is part of it
_PLACE: Final = "tools/building"
_LOCK: Final = f"{_PLACE}/lock.txt"
# A compiler's __DATE__ in a distribution that many commits share: the earliest time that a zip archive can hold.
_ANY_COMMIT: Final = 315532800


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildLock:
    """What may build: requirements by name of their file and its digest. All empty when the project has none.

    `hashed` is false for what a manifest recorded of an earlier build: versions only.
    """

    name: str = ""
    sha256: str = ""
    text: str = ""

    @property
    def hashed(self) -> bool:
        return self.name != RESOLVED

    @property
    def pins(self) -> tuple[Pin, ...]:
        return pins(self.text)


def find_build_lock(project: Path, config: EnvironmentConfig) -> BuildLock:
    """The configured build lock. Raises ConfigurationError when it does not exist or has requirements without a hash."""
    if not config.build_lock:
        return BuildLock()
    path = project / config.build_lock
    if not path.is_file():
        message = f"the build lock {config.build_lock} does not exist"
        raise ConfigurationError(message, hint="See [tool.coldforge.environment] build-lock.")
    lock = BuildLock(name=path.name if path.name == RESOLVED else config.build_lock, sha256=files.sha256(path), text=text_of(path))
    if lock.hashed:
        check_hashes(path, lock.text)
    return lock


@dataclass(frozen=True, slots=True, kw_only=True)
class Builder:
    """Builds in a workshop, with what the lock says, else with what there was at `epoch` (seconds since 1970, UTC)."""

    workshop: Workshop
    lock: BuildLock
    epoch: int

    def open(self, project: Path, scratch: Path) -> None:
        """Bring in what runs first in every build, and the lock."""
        (scratch / _PLACE).mkdir(parents=True)
        shutil.copyfile(recipes.find(HOOK, project), scratch / _PLACE / "sitecustomize.py")
        (scratch / _LOCK).write_text(self.lock.text, encoding="utf-8")
        self.workshop.put(scratch / _PLACE, _PLACE)

    def constraints(self, hashed: str) -> tuple[str, ...]:
        """uv's options for the lock; `hashed` is its word for demanding hashes, which differs from command to command."""
        if not self.lock.name:
            return ()
        demand = ("--preview-features", "build-dependency-hashes", hashed) if self.lock.hashed else ()
        return ("--build-constraints", self.workshop.path(_LOCK), *demand)

    def surroundings(self, record: str, epoch: int = _ANY_COMMIT) -> dict[str, str]:
        """The variables of a build whose distributions are written to the file `record` of the workshop."""
        return {
            "PYTHONPATH": self.workshop.path(_PLACE),
            "COLDFORGE_BUILT": self.workshop.path(record),
            "SOURCE_DATE_EPOCH": str(epoch),
            "PYTHONHASHSEED": "0",
            "TZ": "UTC",
            "LC_ALL": "C.UTF-8",
        }

    def carry_out(self, build: Callable[..., None], *words: str, env: Mapping[str, str]) -> None:
        """Run a build with uv; without a lock as of the commit's time, where the index knows times."""
        if self.lock.name or self.epoch <= EARLIEST:
            build(*words, env=env)
            return
        try:
            build(*words, "--exclude-newer", iso(self.epoch), env=env)
        except (BuildFailed, Missing) as error:
            if not knows_no_times(error.why):
                raise
            build(*words, env=env)


def split(text: str, allowed: Iterable[str]) -> tuple[str, dict[str, str]]:
    """Requirements without those that may be built, and those by name."""
    from coldforge.freeze.requirements import joined, named

    names = {normalised(name) for name in allowed}
    rest, sources = [], dict[str, str]()
    for line in joined(text).splitlines():
        if (name := named(line)) in names:
            sources[name] = f"{sources.get(name, '')}{line.strip()}\n"
        else:
            rest.append(line)
    return "\n".join(rest) + "\n", sources


def built(folder: Path, lock: BuildLock) -> dict[str, tuple[Distribution, ...]]:
    """What built each distribution, by its name: the records in a folder, with the hashes that the lock allows."""
    hashes = {(pin.name, pin.version): pin.distribution.hashes for pin in lock.pins}
    found = {}
    for path in sorted(folder.iterdir()):
        pairs = sorted({(normalised(name), version) for name, _, version in (line.partition("==") for line in _lines(path))})
        found[path.name] = tuple(
            Distribution(name=name, version=version, hashes=hashes.get((name, version), ())) for name, version in pairs
        )
    return found


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()
