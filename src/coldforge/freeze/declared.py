"""What the project demands against what its lock holds: a lock that does not match is told before anything is installed."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from coldforge.errors import DOCS, ConfigurationError, Location, Problem
from coldforge.freeze.requirements import holds, joined, normalised, pins
from coldforge.project.config import EnvironmentConfig
from coldforge.project.locate import find

if TYPE_CHECKING:
    from packaging.requirements import Requirement


_UNRELEASED: Final = re.compile(r"\s*(-e\b|--editable\b|\.{0,2}[/\\]|[A-Za-z]:[/\\]|file:)|.*\s@\s+(git\+|file:)")
_RELEASE: Final = f"Release it to an index, or let the project's own wheel hold it: {DOCS}/how-to/lock.md tells how."


def check_hashes(path: Path, text: str) -> None:
    """Raises ConfigurationError naming every requirement that has no hash. `text` is that of the file, or what a tool made of it."""
    bare = [line for line in joined(text).splitlines() if line.strip() and _is_requirement(line) and "--hash=" not in line]
    if not bare:
        return
    written = path.suffix not in (".lock", ".toml")
    problems = tuple(
        Problem(what=f"no hash: {line.split(' #')[0].strip()[:80]}", where=Location(path, _number(text, line)) if written else None)
        for line in bare
    )
    if all(map(_UNRELEASED.match, bare)):
        message, hint = "what is frozen beside the project must have a hash, and a folder or a repository has none", _RELEASE
        raise ConfigurationError(message, problems=problems, hint=hint, where=None if written else find(path, ("tool", "uv", "sources")))
    raise ConfigurationError(f"{path.name} cannot be enforced: it has requirements without a hash", problems=problems, hint=command(path))


def _is_requirement(line: str) -> bool:
    return not line.lstrip().startswith(("#", "-")) or line.lstrip().startswith(("-e", "--editable"))


def _number(text: str, line: str) -> int | None:
    start = line.strip().split()[0]
    return next((number for number, written in enumerate(text.splitlines(), 1) if written.strip().startswith(start)), None)


def command(path: Path) -> str:
    """The command that makes the lock anew."""
    if path.name == "uv.lock":
        return "uv lock"
    if path.suffix == ".toml":
        return f"uv lock && uv export --format pylock.toml -o {path.name}"
    return f"uv pip compile --universal --generate-hashes pyproject.toml -o {path.name}"


def check_complete(project: Path, config: EnvironmentConfig, path: Path, text: str, *, python: str, machine: str = "") -> None:
    """Every declared dependency must be locked, in a version that the project allows, for Python `python`.

    Raises ConfigurationError with every finding and the command that updates the lock.
    """
    locked: dict[str, list[str]] = {}
    for pin in pins(text):
        if pin.applies(python, machine):
            locked.setdefault(pin.name, []).append(pin.version)
    problems = tuple(_problems(project, config, path, locked, python=python, machine=machine))
    if problems:
        raise ConfigurationError(f"{path.name} does not match the project", problems=problems, hint=f"Update it: {command(path)}")


def _problems(
    project: Path, config: EnvironmentConfig, path: Path, locked: dict[str, list[str]], *, python: str, machine: str
) -> Iterator[Problem]:
    for requirement in declared(project, config):
        name = normalised(requirement.name)
        if requirement.marker and not holds(str(requirement.marker), python, machine):
            continue
        versions = locked.get(name, [])
        if not versions:
            yield Problem(what=f"{requirement} is required by the project but not locked", where=Location(path))
        elif not any(requirement.specifier.contains(version, prereleases=True) for version in versions):
            yield Problem(what=f"{name} {versions[0]} is locked, the project requires {requirement}", where=Location(path))


def declared(project: Path, config: EnvironmentConfig) -> tuple[Requirement, ...]:
    """The project's dependencies with those of the configured extras and groups. Raises ConfigurationError for one that is none."""
    from packaging.requirements import InvalidRequirement, Requirement

    path = project / "pyproject.toml"
    document = tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    found = []
    for text in _texts(document, config):
        try:
            found.append(Requirement(text))
        except InvalidRequirement as error:
            raise ConfigurationError(f"{text!r} is not a requirement", why=str(error), where=Location(path)) from error
    return tuple(found)


def _texts(document: dict[str, Any], config: EnvironmentConfig) -> Iterator[str]:
    table = document.get("project", {})
    yield from table.get("dependencies", ())
    for extra in config.extras:
        yield from _named(table.get("optional-dependencies", {}), extra, "extra")
    for group in config.groups:
        yield from _group(document.get("dependency-groups", {}), group, ())


def _named(table: dict[str, Any], wanted: str, kind: str) -> list[Any]:
    for name, items in table.items():
        if normalised(name) == normalised(wanted):
            return list(items)
    known = ", ".join(sorted(table)) or "none"
    raise ConfigurationError(f"the project has no {kind} {wanted!r}", hint=f"It has {known}. See [tool.coldforge.environment] {kind}s.")


def _group(table: dict[str, Any], name: str, path: tuple[str, ...]) -> Iterator[str]:
    """A dependency group with those that it includes (PEP 735)."""
    if name in path:
        raise ConfigurationError(f"the dependency group {name!r} includes itself")
    for item in _named(table, name, "group"):
        if isinstance(item, str):
            yield item
        elif "include-group" in item:
            yield from _group(table, item["include-group"], (*path, name))
