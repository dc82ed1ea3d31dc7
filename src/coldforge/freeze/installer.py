"""uv in a workshop: how it is started, and what its refusals mean."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from coldforge import recipes
from coldforge.errors import DOCS, BuildFailed, ColdforgeError, ConfigurationError, Missing, Refused, without_frames
from coldforge.freeze import Workshop
from coldforge.freeze.lock import uv
from coldforge.freeze.managed import is_managed
from coldforge.freeze.requirements import pins
from coldforge.host.files import scratch
from coldforge.host.run import run
from coldforge.project.supply import closed
from coldforge.target import Target, host_target

OWN_LOCK: Final = "build/requirements/run.txt"
QUIET: Final = {"UV_NO_PROGRESS": "1", "UV_NO_CONFIG_WARNINGS": "1", "NO_COLOR": "1", "UV_PYTHON_DOWNLOADS": "never"}
_ANY: Final = {"UV_INDEX_STRATEGY": "unsafe-best-match"}
_WHEELHOUSE: Final = "wheelhouse"  # in the workshop
_ABSENT: Final = re.compile(r"(\S+) was not found in the (?:cache|provided package locations)|there is no version of (\S+)")
_NO_WHEEL: Final = re.compile(r"[Bb]ecause (\S+?)==\S+ has no usable wheels")
_UNLOCKED: Final = re.compile(r"no trusted hash was provided for: `([^`]+)`")
# uv says nothing of a refusal (401) where it may look on further indexes
_UNKNOWN: Final = re.compile(r"(\S+) was not found in the package registry")


@dataclass(frozen=True, slots=True, kw_only=True)
class Installer:
    """uv at the path `tool` of a workshop; `supply` are its options that say where distributions are taken from, if not from indexes.

    `indexes` are variables that name the project's own indexes; `log` gets all that it says.
    """

    workshop: Workshop
    tool: str
    supply: tuple[str, ...]
    indexes: Mapping[str, str]
    log: Path

    def venv(self, python: str, name: str) -> None:
        """Make an empty virtual environment in the workshop."""
        own = ["--managed-python"] if is_managed(python) else []
        self._run([self.tool, "venv", "--quiet", "--no-project", *own, "--python", python, self.workshop.path(name)], {})

    def install(self, *words: str, env: Mapping[str, str] = MappingProxyType({})) -> None:
        """`uv pip install`, of exactly what is named. What has a hash may come from any of several indexes: no other file can be taken.

        Raises Refused when a distribution is not the locked one, Missing when it is not here and nothing may be fetched,
        BuildFailed for anything else.
        """
        self._run([self.tool, "pip", "install", "--quiet", "--no-deps", "--link-mode=copy", *self.supply, *words], {**_ANY, **env})

    def build(self, *words: str, env: Mapping[str, str]) -> None:
        """`uv build` of a wheel. Raises what `install` does, and ConfigurationError for what the build lock lacks."""
        # not --quiet: that hides what the backend says of its failure as well
        self._run([self.tool, "build", "--wheel", *self.supply, *words], env)

    def _run(self, words: list[str], env: Mapping[str, str]) -> None:
        try:
            self.workshop.run(words, env={**QUIET, **self.indexes, **env}, network=True, log=self.log)
        except BuildFailed as error:
            raise _explained(error, closed=bool(self.supply)) from error


def _explained(error: BuildFailed, *, closed: bool) -> ColdforgeError:
    if "hash mismatch" in error.why.lower():
        hint = "Either the file was replaced on the index or the lock is wrong. Find out which before you change the lock."
        return Refused("a distribution is not the one that the lock names", why=error.why, hint=hint)
    if unlocked := _UNLOCKED.search(error.why):
        hint = f"[tool.coldforge.environment] build-lock names the file; {DOCS}/how-to/environments.md tells how it is made."
        return ConfigurationError(f"{unlocked[1]} is not in the build lock", why=error.why, hint=hint)
    if unknown := _UNKNOWN.search(error.why):
        hint = "Has every index credentials that it accepts? UV_INDEX_<NAME>_USERNAME and UV_INDEX_<NAME>_PASSWORD give them, or netrc."
        return Missing(f"{unknown[1]} is on no index that could be read", why=error.why, hint=hint)
    if (closed or "network was disabled" in error.why) and (absent := _ABSENT.search(error.why)):
        hint = "Add it to the wheelhouse, and what it needs." if closed else "Fetch it once with the network, or work with a wheelhouse."
        return Missing(f"{absent[1] or absent[2]} is not on this machine, and nothing may be fetched", why=error.why, hint=hint)
    return _quoted(error) if "The build backend returned an error" in error.why else error


def _quoted(error: BuildFailed) -> BuildFailed:
    """The failure of a build backend in its own words; uv's general advice helps nobody."""
    why = without_frames(error.why.partition("\nhint: ")[0])
    hint = f"`python -m build` in the project shows the same failure. {error.hint}".rstrip()
    return BuildFailed("a build backend could not make a wheel", why=why, hint=hint)


def without_wheel(why: str) -> str:
    """The distribution of which uv says that it has no wheel; empty when it says nothing of the kind."""
    found = _NO_WHEEL.search(why)
    return found[1] if found else ""


def open_supply(workshop: Workshop, folder: Path | None) -> tuple[str, ...]:
    """Copy a wheelhouse into the workshop; uv's options that use it there, and nothing else."""
    if folder is None:
        return ()
    workshop.put(folder, _WHEELHOUSE)
    return closed(workshop.path(_WHEELHOUSE))


def put_uv(workshop: Workshop, target: Target) -> str:
    """The path of uv in the workshop: the one that came with coldforge, or for another system than this one the one of its lock."""
    if not workshop.uv_needed:
        return uv()
    if workshop.windows:
        target = Target("linux", target.arch)  # Wine's own system is what uv runs on
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
