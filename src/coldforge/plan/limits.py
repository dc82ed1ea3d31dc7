"""What a set of planned files must keep to: names that stay apart everywhere, and GitHub's limits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from coldforge.errors import Location, Problem
from coldforge.plan.model import PlannedArtifact, PlannedTarget
from coldforge.project.config import Product
from coldforge.records import ATTESTATIONS, BUNDLE_SUFFIX, INDEX, MANIFEST, REPORT, SUMS, TREE, statements_of

MAX_ASSETS: Final = 1000  # of one release: https://docs.github.com/repositories/releasing-projects-on-github/about-releases
MAX_NAME: Final = 255  # bytes of a file name, on every file system in use
# The names that coldforge itself gives to files of a release, and of the folder of a target.
OURS: Final = (MANIFEST, SUMS, ATTESTATIONS, "plan.json", INDEX, TREE, REPORT)


def collisions(planned: Sequence[PlannedTarget]) -> Iterator[Problem]:
    """Names that are equal on a file system that ignores case, or that coldforge needs for itself."""
    taken = {name.casefold(): f"coldforge's own {name}" for name in OURS}
    for target in planned:
        for artifact in target.artifacts:
            folded = artifact.name.casefold()
            if other := taken.get(folded):
                what = f"two files of the release would be called {artifact.name}: {_what(artifact)}, and"
                yield Problem(what=f"{what} {other}", hint="rename one of them")
            elif folded.endswith(BUNDLE_SUFFIX):
                yield Problem(what=f"{artifact.name} would look like an attestation", hint="rename it")
            taken.setdefault(folded, f"{_what(artifact)} for {target.target}")


def _what(artifact: PlannedArtifact) -> str:
    return f"the {artifact.format} of {artifact.executable}" if artifact.executable else f"the {artifact.format}"


def executables(product: Product, described: Callable[..., Location | None]) -> Iterator[Problem]:
    """Programs that no system keeps apart, and a product without any; `described` tells the place of a key of [project]."""
    taken: dict[str, str] = {}
    for executable in product.executables:
        other = taken.setdefault(executable.name.casefold(), executable.name)
        if other is not executable.name:
            place = described("scripts" if executable.console else "gui-scripts", executable.name)
            what = f"the executables {other} and {executable.name} differ in case only"
            yield Problem(what=what, hint="rename one of them", where=place)
    if not product.executables:
        yield Problem(what="the product has no executable", hint="add one to [project.scripts]")


def released_names(planned: Sequence[PlannedTarget]) -> tuple[str, ...]:
    """The names of all files of the release: artifacts, what describes them, and the attestations of both."""
    described = [*(artifact.name for target in planned for artifact in target.artifacts), MANIFEST, SUMS]
    together = [name for target in planned for name in statements_of(target.target, [artifact.format for artifact in target.artifacts])]
    return (*described, *(f"{name}{BUNDLE_SUFFIX}" for name in (*described, *together)), ATTESTATIONS)


def limits(planned: Sequence[PlannedTarget]) -> Iterator[Problem]:
    """Limits of GitHub's releases and of file systems."""
    names = [artifact.name for target in planned for artifact in target.artifacts]
    assets = len(released_names(planned))
    if assets > MAX_ASSETS:
        yield Problem(what=f"the release would have {assets} files, GitHub takes {MAX_ASSETS}", hint="plan fewer formats or targets")
    for name in names:
        if len(name) + len(BUNDLE_SUFFIX) > MAX_NAME:
            yield Problem(what=f"the name {name[:40]}… is longer than file systems take", hint="give a shorter name in [tool.coldforge]")
