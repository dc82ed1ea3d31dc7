"""The stages, in order, and what runs them: the same functions in the CLI, a session and a CI job.

A stage takes the run and the record of one target so far, and returns the record with what it
made. No stage calls another; `BUILD` and the others below are the lists that commands run.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from coldforge import __version__, capability, recording
from coldforge.errors import ColdforgeError, ConfigurationError, Missing, Problem
from coldforge.host import files
from coldforge.host.clock import now
from coldforge.plan.model import Plan, PlannedTarget
from coldforge.records import DETACHED, INDEX, MANIFEST, REPORT, TREE, Manifest, Payload, Smoke, TargetRecord, canonical, read
from coldforge.report import reporter
from coldforge.target import Target

if TYPE_CHECKING:
    from coldforge.project.load import Project


@dataclass(frozen=True, kw_only=True)
class Run:
    """One invocation: what was decided, where things lie, and how the user wants it done.

    `plan` has every format of the targets, `asked` names the artifacts that are wanted now, and `targets` all targets
    of the matrix: what is left out this time stays as it is. A `forgiving` run goes on without optional targets that fail. `done`
    collects the targets whose record is written, and `seconds` how long each piece of work took, for the closing table only.
    """

    project: Path
    plan: Plan
    asked: frozenset[str]
    targets: tuple[str, ...]
    out: Path
    host: bool = False
    clean: bool = False
    jobs: int = 0
    forgiving: bool = False
    done: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Remember how long the block took under `name`."""
        start = now()
        yield
        self.seconds[name] = now() - start


Stage = Callable[[Run, PlannedTarget, TargetRecord | None], TargetRecord]


def freeze(run: Run, target: PlannedTarget, record: TargetRecord | None) -> TargetRecord:
    """Source to payload: the only stage that runs the project's own code. No secrets are near it."""
    from coldforge.bundle.windows import ico
    from coldforge.freeze.stage import freeze_target

    if Target.parse(target.target).halves:
        return unite(run, target, record)
    with reporter().step(f"freeze {target.target}"), run.timed(f"{target.target}/{TREE}"):
        icon = ico.made(run.project / run.plan.product.icon) if shows_icon(run.plan, target) else b""
        payload = freeze_target(run.plan, target, project=run.project, out=run.out, icon=icon, host=run.host, clean=run.clean)
    for finding in payload.findings:
        if finding.level == "warning":
            reporter().warn(f"[{finding.gate}] {finding.message}")
    return _renewed(record, payload)


def _renewed(record: TargetRecord | None, payload: Payload) -> TargetRecord:
    """The record of a payload, with what an earlier one of the same tree says of its packages."""
    made = recording.record_of(payload)
    if record is None:
        return made
    made = msgspec.structs.replace(made, carried=record.carried)
    same = record.payload_digest == made.payload_digest
    return msgspec.structs.replace(made, artifacts=record.artifacts, smoke=record.smoke) if same else made


def unite(run: Run, target: PlannedTarget, record: TargetRecord | None) -> TargetRecord:
    """Two payloads to one for both processors of Macs; where one of them was left out since, the one that was made of them before.

    Raises ConfigurationError when they were not frozen from this source.
    """
    from coldforge.freeze.universal import Half
    from coldforge.freeze.universal import unite as united

    halves = []
    for half in map(str, Target.parse(target.target).halves):
        made = recording.recorded(run.out / half / MANIFEST, Manifest)
        payload = recording.recorded(run.out / half / INDEX, Payload)
        if not (
            made
            and payload
            and recording.head(made) == recording.manifest_of(run.plan, ())
            and made.targets[0].payload_digest == payload.digest
        ):
            present = recording.recorded(run.out / target.target / INDEX, Payload)
            if made is None and record and present and record.payload_digest == present.digest:
                reporter().info(f"{target.target} stays as it was made, with {half}, which was left out since.")
                return record
            hint = f"Freeze it first, and put what it makes into {run.out}: `coldforge freeze --target {half}`, `coldforge unpack`."
            raise ConfigurationError(f"{target.target} is made of {half}, which was not frozen from this source and version", hint=hint)
        halves.append(Half(payload, run.out / half / TREE))
    with reporter().step(f"unite {target.target}"), run.timed(f"{target.target}/{TREE}"):
        return _renewed(record, united(run.plan, target, (halves[0], halves[1]), run.out / target.target))


def shows_icon(plan: Plan, target: PlannedTarget) -> bool:
    """Whether the programs themselves carry the product's icon."""
    return bool(plan.product.icon) and Target.parse(target.target).os == "windows"


def carry(run: Run, target: PlannedTarget, record: TargetRecord | None) -> TargetRecord:
    """Payload to the programs that packages bring of their own, for `sign` to sign before they are packaged."""
    from coldforge.bundle import tools
    from coldforge.bundle.carried import carry_target

    record, payload = _frozen(run, target, record)
    chosen = tools.choose(target, host=run.host, project=run.project)
    wanted = msgspec.structs.replace(target, artifacts=tuple(one for one in target.artifacts if one.name in run.asked))
    with reporter().step(f"make what packages of {target.target} carry"):
        made = carry_target(
            run.plan, wanted, payload, project=run.project, out=run.out, known=record.carried, tools=chosen, clean=run.clean
        )
    for one in made:
        reporter().info(f"{one.path}: {'signed' if one.signature else 'to be signed'}")
    formats = {one.format for one in wanted.artifacts}
    others = (one for one in record.carried if one.path.split("/")[0] not in formats)
    return msgspec.structs.replace(record, carried=(*others, *made))


def _frozen(run: Run, target: PlannedTarget, record: TargetRecord | None) -> tuple[TargetRecord, Payload]:
    """A target's record, and the payload that it is about. Raises ConfigurationError when that is of another source."""
    if Target.parse(target.target).halves:
        record = unite(run, target, record)  # where the halves come from jobs of their own, this is the first that has both
    payload = read(run.out / target.target / INDEX, Payload)
    if record is None or record.payload_digest != payload.digest:
        hint = "Freeze it again: `coldforge freeze`, or `coldforge build` for both."
        raise ConfigurationError(f"the payload of {target.target} in {run.out} was not frozen from this source and version", hint=hint)
    return record, payload


def bundle(run: Run, target: PlannedTarget, record: TargetRecord | None) -> TargetRecord:
    """Payload to artifacts: every format side by side, on any machine. Raises ConfigurationError for a payload of another source."""
    from coldforge.bundle import tools
    from coldforge.bundle.carried import lacking, signed
    from coldforge.bundle.stage import bundle_target
    from coldforge.plan.formats import FORMATS

    record, payload = _frozen(run, target, record)
    chosen = tools.choose(target, host=run.host, project=run.project)
    carried = signed(run.plan, target, payload, project=run.project, out=run.out, known=record.carried, tools=chosen)
    if record.signed or record.carried:
        for name in run.asked.intersection(lacking(target, carried)):
            how = "`coldforge bundle --carried` and `coldforge sign --payload`, twice one after the other, go before `coldforge bundle`."
            reporter().warn(f"{name} brings an uninstaller that is not signed. {how}")
    with reporter().step(f"bundle {target.target}"):
        artifacts = bundle_target(
            run.plan,
            target,
            payload,
            asked=run.asked,
            carried=carried,
            project=run.project,
            out=run.out,
            jobs=run.jobs,
            clean=run.clean,
            tools=chosen,
            seconds=run.seconds,
        )
    toolbox = chosen.identity if any(FORMATS[made.format].programs for made in artifacts) else ""
    same = toolbox == record.toolbox and tuple(made for made in record.artifacts if made.format != DETACHED) == artifacts
    return record if same else msgspec.structs.replace(record, toolbox=toolbox, artifacts=artifacts, smoke=Smoke())


def smoke(run: Run, target: PlannedTarget, record: TargetRecord | None) -> TargetRecord:
    """Artifacts to proof: they are installed and started in bare systems. Runs the product, so no secrets are near it either."""
    from coldforge.smoke.stage import smoke_target

    if record is None:
        hint = "Build it again: `coldforge build`."
        raise ConfigurationError(f"what is in {run.out} for {target.target} was not made from this source and version", hint=hint)
    found = smoke_target(run.plan, target, record, project=run.project, out=run.out, host=run.host, clean=run.clean)
    return msgspec.structs.replace(record, smoke=found)


# What each command runs for every target, in order.
FREEZE: Final[tuple[Stage, ...]] = (freeze,)
CARRY: Final[tuple[Stage, ...]] = (carry,)
BUNDLE: Final[tuple[Stage, ...]] = (bundle,)
SMOKE: Final[tuple[Stage, ...]] = (smoke,)
BUILD: Final[tuple[Stage, ...]] = (freeze, bundle, smoke)
PACKAGE: Final[tuple[Stage, ...]] = (freeze, bundle)


@dataclass(frozen=True, kw_only=True)
class Made:
    """A project that was read, and its plan; `whole` has every format of the planned targets."""

    project: Project
    plan: Plan
    whole: Plan


def make(
    project: Path, *, targets: Sequence[str] = (), formats: Sequence[str] = (), host: bool = False, version: str = "", config: str = ""
) -> Made:
    """Read the project at `project` and decide what is built; with `host` no build image is chosen.

    With a known `version` none of the project's code runs for it. `config` is the file in it that is its configuration, if not the usual.

    Raises ConfigurationError with every problem.
    """
    from functools import partial

    from coldforge.plan.formats import FORMATS
    from coldforge.plan.planner import make_plan
    from coldforge.project.images import find_image, images_of
    from coldforge.project.linux import LinuxConfig
    from coldforge.project.load import load_project
    from coldforge.project.runtimes import find_runtime

    loaded = load_project(project, version=version, config=config)
    asks = not host and any(target.container or target.floor for target in loaded.matrix.targets.values())
    narrowed = partial(
        make_plan,
        product=loaded.product,
        config=loaded.config,
        source=loaded.source,
        matrix=loaded.matrix,
        coldforge=__version__,
        targets=targets,
        where=loaded.in_matrix,
        described=loaded.in_project,
        images=images_of(loaded.root) if asks else None,
    )
    plan = narrowed(formats=formats)
    if loaded.config.linux != LinuxConfig():
        from coldforge.bundle.linux import installed

        installed.check(plan, loaded.root)
    try:
        whole = narrowed() if formats else plan
    except ConfigurationError:  # narrowing is also how formats are left out that cannot be planned
        whole = plan
    for target in plan.targets:
        if target.toolbox:
            find_image(target.toolbox, loaded.root, "toolbox")
        if any("appimage" in (artifact.format, FORMATS[artifact.format].of) for artifact in target.artifacts):
            find_runtime(Target.parse(target.target), loaded.root)
    return Made(project=loaded, plan=plan, whole=whole)


def run(
    project: Path,
    stages: Sequence[Stage],
    *,
    out: Path,
    targets: Sequence[str] = (),
    formats: Sequence[str] = (),
    host: bool = False,
    clean: bool = False,
    jobs: int = 0,
    frozen: bool = False,
    config: str = "",
) -> Manifest:
    """Run stages for every chosen target and record the result in `out`. Safe to repeat, and to interrupt.

    Of those that are `frozen` already optional ones may be missing, and may fail: what was planned is recorded all the same. None of the
    project's code runs for them, not even to tell its version: keys may be near.
    """
    if freeze not in stages and not frozen and not out.is_dir():
        raise ConfigurationError(f"{out} does not exist", hint="Run `coldforge build` first, or name the folder it wrote to: --out.")
    version = recording.frozen_version(out) if frozen else ""
    made = make(project, targets=targets, formats=formats, host=host, version=version, config=config)
    _check_out(made.project.root, out)
    chosen = capability.buildable(made.whole, named=bool(targets), freezes=freeze in stages, host=host)
    if frozen:
        chosen = _not_absent(chosen, out)
    this = Run(
        project=made.project.root,
        plan=made.whole,
        asked=frozenset(artifact.name for target in made.plan.targets for artifact in target.artifacts),
        targets=tuple(sorted(str(Target.parse(name)) for name in made.project.matrix.targets)),
        out=out,
        host=host,
        clean=clean,
        jobs=jobs or (os.cpu_count() or 1),
        forgiving=frozen,
    )
    with _telling(this):
        manifest = carry_out(this, chosen, stages, shown=made.plan)
    _conclude(this, manifest)
    return manifest


def _not_absent(targets: Sequence[PlannedTarget], out: Path) -> tuple[PlannedTarget, ...]:
    """All but optional targets that were not frozen, or failed since; a required one stays, so that its own stage says what it lacks."""

    def frozen(target: Target) -> bool:
        has_tree, has_record = ((out / str(target) / name).is_file() for name in (INDEX, MANIFEST))
        if target.halves and not has_tree:  # a tree without a record was united already, and left out since
            return all(map(frozen, target.halves))
        return has_tree and has_record

    absent = [target for target in targets if not target.required and not frozen(Target.parse(target.target))]
    for target in absent:
        reporter().warn(f"{target.target} is optional and was not frozen, or failed since: it is left out")
    return tuple(target for target in targets if target not in absent)


def carry_out(this: Run, targets: Sequence[PlannedTarget], stages: Sequence[Stage], *, shown: Plan) -> Manifest:
    """Run the stages for these targets and record what they made; `shown` is the plan that is left beside it."""
    from coldforge.host import cache
    from coldforge.host.lock import exclusive

    failed: dict[str, ColdforgeError] = {}
    with files.disk_errors(this.out):
        this.out.mkdir(parents=True, exist_ok=True)
    most = cache.limit()  # before minutes are spent
    if bundle in stages or carry in stages:
        for those in _apart(this, targets):
            with _forgiven(this, those, failed):
                _provide(this, those)
    with exclusive(this.out):
        files.write(this.out / "plan.json", canonical(shown))
        with cache.forgetting(wanted=this.clean):
            for target in sorted(targets, key=lambda planned: bool(Target.parse(planned.target).halves)):  # after what they are made of
                with _forgiven(this, (target,), failed):
                    if target.target not in failed:
                        _run_target(this, target, stages)
        for name, why in failed.items():  # only now: what is made of two others takes them as they were frozen
            recording.leave_out(this.out, name, why)
        cache.trim(most)
        return recording.record_release(this.plan, this.out, this.targets)


def _apart(this: Run, targets: Sequence[PlannedTarget]) -> Iterator[Sequence[PlannedTarget]]:
    """The targets in groups that fail together: in a forgiving run optional ones fail alone."""
    alone = [target for target in targets if this.forgiving and not target.required]
    yield [target for target in targets if target not in alone]
    yield from ((target,) for target in alone)


@contextmanager
def _forgiven(this: Run, targets: Sequence[PlannedTarget], failed: dict[str, ColdforgeError]) -> Iterator[None]:
    """Let the block fail where it is about optional targets of a forgiving run; `failed` then has the reason, by target."""
    try:
        yield
    except ColdforgeError as error:
        if not this.forgiving or any(target.required for target in targets):
            raise
        failed |= {target.target: error for target in targets}


def _provide(this: Run, targets: Sequence[PlannedTarget]) -> None:
    """See to what the wanted formats need of this machine or their toolboxes, and fetch what is pinned, before minutes are spent.

    Raises Missing with every program that lacks, and whatever fetching raises.
    """
    from coldforge.bundle.linux import runtime
    from coldforge.plan.formats import FORMATS

    wanted = [
        msgspec.structs.replace(target, artifacts=tuple(artifact for artifact in target.artifacts if artifact.name in this.asked))
        for target in targets
    ]
    _check_tools(this, wanted)
    for target in wanted:
        if any("appimage" in (artifact.format, FORMATS[artifact.format].of) for artifact in target.artifacts):
            runtime.bring(Target.parse(target.target), this.project)


def _check_tools(this: Run, targets: Sequence[PlannedTarget]) -> None:
    """Raises Missing with every program that lacks where it would run."""
    from coldforge.bundle import tools

    for name in dict.fromkeys(target.toolbox for target in targets):
        those = [target for target in targets if target.toolbox == name]
        found = tools.choose(those[0], host=this.host, project=this.project)
        if name and not found.identity and not this.host:
            reporter().info(f"There is no container engine on this machine, so its own tools stand in for the toolbox {name!r}.")
        if lacking := capability.missing_programs(those, found):
            problems = tuple(Problem(what=what, hint=f"`{how}` on Debian and Ubuntu gets it") for what, how in lacking)
            who = f"the toolbox {name!r}" if found.identity else "this machine"
            raise Missing(f"{who} lacks what some formats are made with", problems=problems, hint="`--format` leaves formats out.")


def _check_out(root: Path, out: Path) -> None:
    """Raises ConfigurationError when what is made would lie among the source, or the source among what is made."""
    from coldforge.freeze.sources import tracked_files

    what = ""
    if root.is_relative_to(out):
        what = "holds the project itself"
    elif out.is_relative_to(root) and any((root / path).is_relative_to(out) for path in tracked_files(root) or ()):
        what = "holds files of the project's source"
    if what:
        raise ConfigurationError(f"{out} {what}: nothing can be made there", hint="Choose a folder of its own, such as --out dist.")


def _run_target(this: Run, target: PlannedTarget, stages: Sequence[Stage]) -> None:
    """Run the stages and record what they made, when all have done their part: a record is never about half of it."""
    path = this.out / target.target / MANIFEST
    before = recording.recorded(path, Manifest)
    record = before.targets[0] if before and before.targets and recording.head(before) == recording.manifest_of(this.plan, ()) else None
    for stage in stages:
        record = stage(this, target, record)
    if record is None:
        return
    files.write(path, canonical(recording.manifest_of(this.plan, (record,))))
    # what an earlier run made and is no more
    recording.remove_files(path.parent, before.targets if before else (), kept=set(recording.files_of(record)))
    this.done.append(target.target)


@contextmanager
def _telling(this: Run) -> Iterator[None]:
    """Where the block fails, tell what it made of other targets before: that is whole, and stays."""
    try:
        yield
    except ColdforgeError:
        if this.done:
            _show(this, recording.recorded_release(this.plan, this.out, this.done))
        raise


def _show(this: Run, manifest: Manifest) -> None:
    from coldforge.plan.summary import page, results

    reporter().table(results(manifest, seconds=this.seconds, out=this.out))
    reporter().summary(page(manifest))


def _conclude(this: Run, manifest: Manifest) -> None:
    from coldforge.plan.summary import outputs

    _show(this, manifest)
    for name, value in outputs(manifest, out=this.out).items():
        reporter().output(name, value)
    if manifest.artifacts:
        reporter().output("report", str(this.out / REPORT))
    if any(one.signature is None for record in manifest.targets for one in record.carried):
        reporter().info(f"Next: coldforge sign --payload {files.shown(this.out)}")
    elif manifest.artifacts:
        reporter().info(f"Next: coldforge attest {files.shown(this.out)}   (in CI; on a desk it asks for --identity-token)")
