"""The plan, as a pure function of what was read: every name, and every problem, before anything runs."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from coldforge.errors import ConfigurationError, Problem
from coldforge.plan import names
from coldforge.plan.model import Plan, PlannedArtifact, PlannedTarget
from coldforge.project.config import Config, Matrix, Product, TargetConfig
from coldforge.records import ATTESTATIONS, BUNDLE_SUFFIX, MANIFEST, SUMS, SourceRecord
from coldforge.report.reporter import Table
from coldforge.target import Target

MAX_ASSETS: Final = 1000  # GitHub's limit for one release
GATES: Final = ("missing-library", "hidden-import", "entry-import", "floor")
Namer = Callable[[Product, Config, names.Version, Target], Iterator[PlannedArtifact]]


def _archive(product: Product, _config: Config, version: names.Version, target: Target) -> Iterator[PlannedArtifact]:
    yield PlannedArtifact(name=names.archive(product.name, version, target), format="tar.gz")


def _onefile(product: Product, _config: Config, version: names.Version, target: Target) -> Iterator[PlannedArtifact]:
    for executable in product.executables:
        name = names.onefile(executable.name, version, target)
        yield PlannedArtifact(name=name, format="onefile", executable=executable.name)


def _deb(product: Product, config: Config, version: names.Version, target: Target) -> Iterator[PlannedArtifact]:
    package = config.deb.package or names.debian_package(product.name)
    yield PlannedArtifact(name=names.deb(package, version, target), format="deb")


# Every format that can be planned, with the system it is for.
FORMATS: Final[Mapping[str, tuple[str, Namer]]] = {
    "tar.gz": ("linux", _archive),
    "onefile": ("linux", _onefile),
    "deb": ("linux", _deb),
}


def make_plan(
    *,
    product: Product,
    config: Config,
    source: SourceRecord,
    matrix: Matrix,
    coldforge: str,
    targets: Sequence[str] = (),
    formats: Sequence[str] = (),
) -> Plan:
    """Decide what is built. `targets` and `formats` narrow the matrix to what the user named.

    Raises ConfigurationError with every problem: unknown words, colliding names, a version that
    cannot be mapped, nothing to build.
    """
    problems: list[Problem] = []
    version = _version(product.version, problems)
    chosen = _targets(matrix, targets, problems)
    planned = tuple(
        _plan_target(name, given, product=product, config=config, version=version, formats=formats, problems=problems)
        for name, given in sorted(chosen.items())
    )
    problems += [*_collisions(planned), *_limits(planned), *_unknown_gates(config)]
    if not problems and not any(target.artifacts for target in planned):
        problems.append(Problem(what="there is nothing to build", hint="matrix.yml names no target, or no format of one"))
    if problems:
        raise ConfigurationError(f"{product.name} {product.version} cannot be planned", problems=tuple(dict.fromkeys(problems)))
    kept = tuple(target for target in planned if target.artifacts)
    return Plan(coldforge=coldforge, product=product, source=source, config=config, targets=kept)


def _version(text: str, problems: list[Problem]) -> names.Version:
    try:
        return names.Version.parse(text)
    except ConfigurationError as error:
        problems.append(Problem(what=error.what, hint=error.hint))
        return names.Version((0, 0, 0))


def _targets(matrix: Matrix, named: Sequence[str], problems: list[Problem]) -> dict[str, TargetConfig]:
    """The matrix's targets by their proper names, narrowed to the named ones."""
    known: dict[str, TargetConfig] = {}
    for name, given in matrix.targets.items():
        try:
            proper = str(Target.parse(name))
        except ConfigurationError as error:
            problems.append(Problem(what=f"matrix.yml: {error.what}", hint=error.hint))
            continue
        if proper in known:
            problems.append(Problem(what=f"matrix.yml names {proper} twice"))
        known[proper] = given
    wanted = [str(Target.parse(name)) for name in named]
    listed = ", ".join(sorted(known)) or "no target"
    problems += [Problem(what=f"{name} is not in matrix.yml", hint=f"it has {listed}") for name in wanted if name not in known]
    return {name: given for name, given in known.items() if not wanted or name in wanted}


def _plan_target(
    name: str,
    given: TargetConfig,
    *,
    product: Product,
    config: Config,
    version: names.Version,
    formats: Sequence[str],
    problems: list[Problem],
) -> PlannedTarget:
    target = Target.parse(name)
    problems += [_unknown_format(fmt, name) for fmt in (*given.formats, *formats) if fmt not in FORMATS]
    if given.floor and not given.floor.startswith("glibc-"):
        problems.append(Problem(what=f"{name}: the floor {given.floor!r} is not understood", hint="write it like glibc-2.28"))
    wanted = dict.fromkeys(fmt for fmt in given.formats if fmt in FORMATS and (not formats or fmt in formats))
    for fmt in wanted:
        if FORMATS[fmt][0] != target.os:
            problems.append(Problem(what=f"{name}: {fmt} is not made for {target.os} in this version"))
    artifacts = tuple(artifact for fmt in wanted for artifact in FORMATS[fmt][1](product, config, version, target))
    return PlannedTarget(
        target=name,
        freezer=config.freezer,
        runner=given.runner,
        container=given.container,
        floor=given.floor,
        required=not given.optional,
        artifacts=artifacts,
    )


def _unknown_format(fmt: str, target: str) -> Problem:
    near = difflib.get_close_matches(fmt, FORMATS, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(FORMATS)}"
    return Problem(what=f"{target}: unknown format {fmt!r}", hint=hint)


def _collisions(planned: Sequence[PlannedTarget]) -> Iterator[Problem]:
    """Names that are equal on a file system that ignores case, or that coldforge needs for itself."""
    taken = {name.casefold(): name for name in (MANIFEST, SUMS, ATTESTATIONS)}
    for target in planned:
        for artifact in target.artifacts:
            folded = artifact.name.casefold()
            if folded in taken or folded.endswith(BUNDLE_SUFFIX):
                other = taken.get(folded, "an attestation")
                yield Problem(what=f"two files of the release would be called {artifact.name} (the other: {other})", hint="rename one")
            taken[folded] = artifact.name


def _limits(planned: Sequence[PlannedTarget]) -> Iterator[Problem]:
    count = sum(len(target.artifacts) for target in planned)
    total = 2 * (count + 2) + 1  # each file has its attestation; manifest, sums and the list of attestations come on top
    if total > MAX_ASSETS:
        yield Problem(what=f"the release would have {total} assets, GitHub allows {MAX_ASSETS}", hint="plan fewer formats")


def _unknown_gates(config: Config) -> Iterator[Problem]:
    for gate, reason in sorted(config.gates.items()):
        if gate not in GATES:
            near = difflib.get_close_matches(gate, GATES, n=1)
            yield Problem(what=f"unknown gate {gate!r}", hint=f"did you mean {near[0]!r}?" if near else f"known: {', '.join(GATES)}")
        elif not reason.strip():
            yield Problem(what=f"the gate {gate!r} is relaxed without a reason", hint="the reason goes into the manifest")


def github_matrix(plan: Plan) -> dict[str, object]:
    """The value for `strategy.matrix`: one entry a target."""
    return {
        "include": [
            {
                "target": target.target,
                "runner": target.runner,
                "container": target.container,
                "formats": sorted({artifact.format for artifact in target.artifacts}),
                "required": target.required,
            }
            for target in plan.targets
        ]
    }


def describe(plan: Plan) -> Table:
    """The plan for people: one row an artifact."""
    commit = plan.source.commit[:12] + (" with changes" if plan.source.dirty else "") if plan.source.commit else "no commit"
    tag = f", tag {plan.source.tag}" if plan.source.tag else ""
    rows = tuple(
        (target.target, target.container or "the runner itself", target.floor or "reported", artifact.format, artifact.name)
        for target in plan.targets
        for artifact in target.artifacts
    )
    title = f"{plan.product.name} {plan.product.version} ({commit}{tag})"
    return Table(title=title, columns=("target", "frozen in", "floor", "format", "file"), rows=rows)
