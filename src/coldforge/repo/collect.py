"""Which packages a repository holds: those of the releases that are given, those that it has, without those that are too old."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

from coldforge.errors import ConfigurationError, Problem, Refused
from coldforge.host import files
from coldforge.inspect.contents import damage
from coldforge.records import MANIFEST, Artifact, Manifest, read
from coldforge.repo import Contents, Held, Package
from coldforge.repo.families import FAMILIES


def of_release(dist: Path) -> Iterator[Package]:
    """The packages of one release, as a build leaves it or as it is downloaded.

    Of a package nothing is believed before its digest is the manifest's.

    Raises Refused for what is not as the manifest says, ConfigurationError without a manifest or for a package that makes no sense.
    """
    manifest = read(dist / MANIFEST, Manifest)
    wanted = [artifact for artifact in manifest.artifacts if artifact.format in FAMILIES]
    places = {artifact.name: _place(dist, artifact) for artifact in wanted}
    problems = [Problem(what=f"{name} is not here") for name, place in places.items() if place is None]
    found = [(artifact, place) for artifact in wanted if (place := places[artifact.name])]
    problems += [Problem(what=f"{a.name} is not the file that the manifest lists") for a, file in found if files.sha256(file) != a.sha256]
    if problems:
        hint = "Fetch the whole release again, and check it: coldforge verify."
        raise Refused(f"the packages in {dist} are not those of the manifest", problems=tuple(problems), hint=hint)
    for artifact, file in found:
        yield Package(held=_held(artifact, file, manifest), file=file)


def _place(dist: Path, artifact: Artifact) -> Path | None:
    """Where an artifact lies: as a build leaves it, or flat as a download; links are nobody's artifact."""
    places = (dist / artifact.path, dist / artifact.name)
    return next((path for path in places if path.is_file() and not path.is_symlink()), None)


def _held(artifact: Artifact, file: Path, manifest: Manifest) -> Held:
    family = FAMILIES[artifact.format]
    try:
        identity = family.identify(file)
        return Held(
            path=family.path(identity, artifact.name),
            format=family.format,
            name=identity.name,
            version=identity.version,
            arch=identity.arch,
            release=manifest.version,
            epoch=manifest.source.epoch,
            size=artifact.size,
            sha256=artifact.sha256,
        )
    except _unreadable() as error:
        raise ConfigurationError(
            f"{artifact.name} is no {artifact.format} that can be read", why=f"{type(error).__name__}: {error}"
        ) from error


def _unreadable() -> tuple[type[Exception], ...]:
    """What reading a package raises that makes no sense."""
    return *damage(), KeyError, struct.error


def present(contents: Contents, folder: Path) -> list[Package]:
    """The packages that an earlier run put there. Raises Refused when one is not what it was then."""
    found = [Package(held=held, file=folder / held.path) for held in contents.packages]
    changed = [p.held.path for p in found if p.file.is_symlink() or not p.file.is_file() or files.sha256(p.file) != p.held.sha256]
    if changed:
        hint = "Fetch the repository as it was published, or begin a new one in an empty folder."
        problems = tuple(Problem(what=f"{path} is gone, or has other bytes than when it was put there") for path in changed)
        raise Refused(f"packages in {folder} have changed", problems=problems, hint=hint)
    return found


def together(before: Iterable[Package], new: Iterable[Package]) -> list[Package]:
    """Old and new packages. Raises Refused when one that is there would get other bytes: those who have it would not notice."""
    found = {package.held.path: package for package in before}
    problems = []
    for package in new:
        known = found.setdefault(package.held.path, package)
        if known.held.sha256 != package.held.sha256:
            problems.append(Problem(what=f"{package.held.path} is there with other bytes"))
    if problems:
        hint = "A package that is published is never replaced: raise its version or revision."
        raise Refused("there are two packages of one name and version", problems=tuple(problems), hint=hint)
    return [found[path] for path in sorted(found)]
