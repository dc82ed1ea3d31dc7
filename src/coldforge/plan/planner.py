"""The plan, as a pure function of what was read: every name, and every problem, before anything runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from coldforge.errors import ConfigurationError, Location, Problem
from coldforge.host import files
from coldforge.plan import limits, names, places
from coldforge.plan.formats import FORMATS
from coldforge.plan.model import Plan, PlannedTarget
from coldforge.plan.views import describe, github_matrix
from coldforge.project.config import Config, Matrix, Product, TargetConfig
from coldforge.project.images import Image, is_pinned
from coldforge.project.walk import nearest
from coldforge.records import SourceRecord
from coldforge.target import Target

__all__ = ["describe", "github_matrix", "make_plan"]

Where = Callable[..., Location | None]
"""Where a key of matrix.yml stands, for messages."""
_GLIBC: Final = re.compile(r"^(glibc-\d+\.\d+)?$")
_MACOS: Final = re.compile(r"^(\d+\.\d+(\.\d+)?)?$")
_FIRST: Final = (11, 0)  # the first macOS for Apple's own processors


@dataclass(frozen=True, kw_only=True)
class _Planning:
    """What is planned from, and the problems found so far."""

    product: Product
    config: Config
    formats: tuple[str, ...]
    where: Where
    described: Where
    images: Mapping[str, Image] | None
    problems: list[Problem] = field(default_factory=list)

    @property
    def matrix(self) -> str:
        """What says what is made where."""
        return "matrix.yml" if self.where("targets") else "the default matrix"

    @property
    def more(self) -> str:
        """How a project without a matrix of its own gets what the default one has not."""
        return "" if self.where("targets") else "; `coldforge init` writes a matrix.yml, where more can be added"

    def add(self, what: str, hint: str = "", *, keys: tuple[str, ...] = ()) -> None:
        """Keep one more problem; `keys` lead to what it is about in matrix.yml."""
        self.problems.append(Problem(what=what, hint=hint, where=self.where(*keys) if keys else None))


def _nowhere(*_keys: str) -> None:
    return None


def make_plan(
    *,
    product: Product,
    config: Config,
    source: SourceRecord,
    matrix: Matrix,
    coldforge: str,
    targets: Sequence[str] = (),
    formats: Sequence[str] = (),
    where: Where = _nowhere,
    described: Where = _nowhere,
    images: Mapping[str, Image] | None = None,
) -> Plan:
    """Decide what is built. `targets` and `formats` narrow the matrix to what the user named;
    `where` tells the place of a key in matrix.yml when there is a problem with it, `described` one in [project]. `images` are the
    build images that there are; without them every container is taken as it is named.

    Raises ConfigurationError with every problem: unknown words, colliding names, a version that
    cannot be mapped, nothing to build.
    """
    planning = _Planning(
        product=product, config=config, formats=tuple(dict.fromkeys(formats)), where=where, described=described, images=images
    )
    version = _version(planning)
    _unknown_formats(planning)
    chosen = _targets(planning, matrix, targets)
    planned = tuple(target for name, given in sorted(chosen.items()) if (target := _plan_target(planning, version, name, given)).artifacts)
    planning.problems.extend([*limits.executables(product, described), *limits.collisions(planned), *limits.limits(planned)])
    if not planned and not planning.problems:
        planning.add("there is nothing to build", "matrix.yml names no target, or no format of one")
    if planning.problems:
        problems = tuple(dict.fromkeys(planning.problems))
        raise ConfigurationError(f"{product.name} {product.version} cannot be planned", problems=problems)
    return Plan(coldforge=coldforge, product=product, source=source, config=config, targets=planned)


def _version(planning: _Planning) -> names.Version:
    try:
        return names.Version.parse(planning.product.version)
    except ConfigurationError as error:
        planning.problems.append(Problem(what=error.what, hint=error.hint, where=planning.described("version")))
        return names.Version((0, 0, 0))


def _unknown_formats(planning: _Planning) -> None:
    for name in planning.formats:
        if name not in FORMATS:
            planning.add(f"unknown format {name!r}", nearest(name, FORMATS))


def _targets(planning: _Planning, matrix: Matrix, named: Sequence[str]) -> dict[str, TargetConfig]:
    """The matrix's targets by their proper names, narrowed to the named ones."""
    known: dict[str, TargetConfig] = {}
    for name, given in matrix.targets.items():
        for proper in _proper(planning, name, "targets", name):
            if proper in known:
                planning.add(f"{proper} is there twice", "one of the names is an alias", keys=("targets", name))
            known[proper] = given
    wanted = [proper for name in named for proper in _proper(planning, name)]
    for name in known:
        if lacking := [str(half) for half in Target.parse(name).halves if str(half) not in known]:
            planning.add(f"{name} is made of {' and '.join(lacking)}", "add what lacks to matrix.yml", keys=("targets", name))
    for name in wanted:
        if name not in known:
            planning.add(f"{name} is not in {planning.matrix}", f"it has {', '.join(sorted(known)) or 'no target'}{planning.more}")
    return {name: given for name, given in known.items() if not named or name in wanted}


def _proper(planning: _Planning, name: str, *keys: str) -> Iterator[str]:
    try:
        yield str(Target.parse(name))
    except ConfigurationError as error:
        planning.add(error.what, error.hint, keys=keys)


def _plan_target(planning: _Planning, version: names.Version, name: str, given: TargetConfig) -> PlannedTarget:
    target = Target.parse(name)
    if problem := _floor(target, given.floor):
        planning.add(f"{name}: {problem.what}", problem.hint, keys=("targets", name, "floor"))
    container = _container(planning, target, given)
    image = planning.images.get(container) if planning.images else None
    wanted = _formats(planning, target, given)
    for fmt in wanted:
        for problem in FORMATS[fmt].check(planning.product, planning.config, version):
            planning.add(f"{name}: {fmt}: {problem.what}", problem.hint, keys=("targets", name, "formats"))
        if (origin := FORMATS[fmt].of) and origin not in given.formats:
            planning.add(f"{name}: {fmt} is made from the {origin}", "add it to the formats", keys=("targets", name, "formats"))
    return PlannedTarget(
        target=name,
        freezer=planning.config.freezer,
        runner=given.runner,
        container=container,
        image=image.base if image else container if is_pinned(container) else "",
        toolbox=given.toolbox,
        floor=given.floor,
        budget=files.size_of(given.budget),
        required=not given.optional,
        artifacts=tuple(a for fmt in wanted for a in FORMATS[fmt].artifacts(planning.product, planning.config, version, target)),
    )


def _floor(target: Target, floor: str) -> Problem | None:
    """What is wrong with the oldest system that a target promises."""
    spelled, like = (_MACOS, "11.0") if target.os == "macos" else (_GLIBC, "glibc-2.28")
    if not spelled.match(floor):
        return Problem(what=f"the floor {floor!r} is not understood", hint=f"write it like {like}")
    if floor and target.os == "macos" and target.arch == "aarch64" and tuple(map(int, floor.split("."))) < _FIRST:
        return Problem(what=f"no Mac with this processor has macOS {floor}", hint="promise 11.0 or newer")
    return None


def _container(planning: _Planning, target: Target, given: TargetConfig) -> str:
    """The build image that the target is frozen in, chosen by its floor."""
    if planning.images is None or _floor(target, given.floor):
        return given.container
    container, problem = places.choose(target, given.container, given.floor, planning.images)
    if problem:
        planning.add(problem.what, problem.hint, keys=("targets", str(target), "container" if given.container else "floor"))
    return container


def _formats(planning: _Planning, target: Target, given: TargetConfig) -> tuple[str, ...]:
    """The target's formats that were asked for; what cannot be made in this version is a problem."""
    asked = planning.formats or given.formats
    for fmt in asked:
        if fmt in FORMATS and fmt not in given.formats:
            hint = f"{planning.matrix} gives it {', '.join(given.formats) or 'no format'}{planning.more}"
            planning.add(f"{target} does not make {fmt}", hint)
    wanted = tuple(dict.fromkeys(fmt for fmt in given.formats if fmt in asked))
    keys = ("targets", str(target), "formats")
    for fmt in wanted:
        if fmt not in FORMATS:
            planning.add(f"{target}: this version of coldforge makes no {fmt!r}", nearest(fmt, FORMATS), keys=keys)
        elif not FORMATS[fmt].suits(target.os):
            planning.add(
                f"{target}: {fmt} is for {FORMATS[fmt].os.replace(' ', ' and ')} only", "--target leaves other targets out", keys=keys
            )
        elif target.musl and FORMATS[fmt].glibc:
            fitting = ", ".join(name for name, form in FORMATS.items() if not form.glibc and form.suits(target.os))
            planning.add(f"{target}: {fmt} is for systems whose C library is glibc", f"those for musl take {fitting}", keys=keys)
    return tuple(fmt for fmt in wanted if fmt in FORMATS and FORMATS[fmt].suits(target.os))
