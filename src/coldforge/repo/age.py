"""Which packages of one name are newer than others, and which are too old to stay."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from packaging.version import Version

from coldforge.repo import Package


def newest(packages: Sequence[Package], keep: int) -> list[Package]:
    """The packages of the `keep` newest releases of each name and architecture; of all, for 0."""
    kept = []
    for package in packages:
        held = package.held
        newer = {_age(p) for p in packages if (p.held.format, p.held.name, p.held.arch) == (held.format, held.name, held.arch)}
        if not keep or _age(package) in sorted(newer, reverse=True)[:keep]:
            kept.append(package)
    return kept


def _age(package: Package) -> tuple[Version, int]:
    """What orders packages of one name: the release's version as Python orders them, which every format's own version follows."""
    return Version(package.held.release.removeprefix("v").partition("+")[0]), package.held.epoch


def latest(packages: Iterable[Package]) -> dict[tuple[str, str], Package]:
    """The newest package of each name and architecture."""
    found: dict[tuple[str, str], Package] = {}
    for package in packages:
        key = (package.held.name, package.held.arch)
        found[key] = max((found.get(key, package), package), key=_age)
    return found
