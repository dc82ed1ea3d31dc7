"""The stages, in order, and what runs them: the same functions in the CLI, a session and a CI job.

A stage takes the run and the record of one target so far, and returns the record with what it
made. No stage calls another; `BUILD` and the others below are the lists that commands run.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from coldforge import __version__
from coldforge.errors import ConfigurationError, Missing, Problem, Refused
from coldforge.host import files
from coldforge.host.clock import now
from coldforge.plan.model import Plan, PlannedTarget
from coldforge.records import (
    ATTESTATIONS,
    BUNDLE_SUFFIX,
    DETACHED,
    INDEX,
    MANIFEST,
    REPORT,
    SUMS,
    Manifest,
    Payload,
    R,
    Smoke,
    TargetRecord,
    canonical,
    merge,
    read,
    sums,
)
from coldforge.report import reporter
from coldforge.target import Target, host_target

if TYPE_CHECKING:
    from coldforge.host.toolbox import Tools
    from coldforge.project.load import Project
    from coldforge.release.draft import ReleaseRecord
    from coldforge.sign.keys import Given, Keys
    from coldforge.sign.payload import Named
    from coldforge.verify.verdict import Verdict


@dataclass(frozen=True, kw_only=True)
class Run:
    """One invocation: what was decided, where things lie, and how the user wants it done.

    `plan` has every format of the targets, `asked` names the artifacts that are wanted now, and `targets` all targets
    of the matrix: what is left out this time stays as it is. `seconds` collects how long each piece of work took, for
    the closing table only.
    """

    project: Path
    plan: Plan
    asked: frozenset[str]
    targets: tuple[str, ...]
    out: Path
    host: bool = False
    clean: bool = False
    jobs: int = 0
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
    from coldforge.bundle import ico
    from coldforge.freeze.stage import freeze_target

    if Target.parse(target.target).halves:
        return unite(run, target, record)
    with reporter().step(f"freeze {target.target}"), run.timed(f"{target.target}/payload"):
        icon = ico.made(run.project / run.plan.product.icon) if shows_icon(run.plan, target) else b""
        payload = freeze_target(run.plan, target, project=run.project, out=run.out, icon=icon, host=run.host, clean=run.clean)
    for finding in payload.findings:
        if finding.level == "warning":
            reporter().warn(f"[{finding.gate}] {finding.message}")
    return _renewed(record, payload)


def _renewed(record: TargetRecord | None, payload: Payload) -> TargetRecord:
    """The record of a payload, with what an earlier one of the same tree says of its packages."""
    made = record_of(payload)
    if record is None:
        return made
    made = msgspec.structs.replace(made, carried=record.carried)
    same = record.payload_digest == made.payload_digest
    return msgspec.structs.replace(made, artifacts=record.artifacts, smoke=record.smoke) if same else made


def unite(run: Run, target: PlannedTarget, record: TargetRecord | None) -> TargetRecord:
    """Two payloads to one for both processors of Macs. Raises ConfigurationError when they were not frozen from this source."""
    from coldforge.freeze.universal import Half
    from coldforge.freeze.universal import unite as united

    halves = []
    for half in map(str, Target.parse(target.target).halves):
        made = _recorded(run.out / half / MANIFEST, Manifest)
        payload = _recorded(run.out / half / "payload.json", Payload)
        if not (made and payload and _head(made) == _manifest(run.plan, ()) and made.targets[0].payload_digest == payload.digest):
            hint = f"Freeze it first, and put what it makes into {run.out}: `coldforge freeze --target {half}`, `coldforge unpack`."
            raise ConfigurationError(f"{target.target} is made of {half}, which was not frozen from this source and version", hint=hint)
        halves.append(Half(payload, run.out / half / "payload"))
    with reporter().step(f"unite {target.target}"), run.timed(f"{target.target}/payload"):
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
    payload = read(run.out / target.target / "payload.json", Payload)
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


def make(project: Path, *, targets: Sequence[str] = (), formats: Sequence[str] = (), host: bool = False, version: str = "") -> Made:
    """Read the project at `project` and decide what is built; with `host` no build image is chosen.

    With a known `version` none of the project's code runs for it.

    Raises ConfigurationError with every problem.
    """
    from functools import partial

    from coldforge.plan.formats import FORMATS
    from coldforge.plan.planner import make_plan
    from coldforge.project.images import find_image, images_of
    from coldforge.project.linux import LinuxConfig
    from coldforge.project.load import load_project
    from coldforge.project.runtimes import find_runtime

    loaded = load_project(project, version=version)
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
        from coldforge.bundle import installed

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
) -> Manifest:
    """Run stages for every chosen target and record the result in `out`. Safe to repeat, and to interrupt.

    Of those that are `frozen` already optional ones may be missing: what was planned is recorded all the same.
    """
    made = make(project, targets=targets, formats=formats, host=host)
    _check_out(made.project.root, out)
    chosen = buildable(made.whole, named=bool(targets), freezes=freeze in stages, host=host)
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
    )
    manifest = carry_out(this, chosen, stages, shown=made.plan)
    _conclude(this, manifest)
    return manifest


def _not_absent(targets: Sequence[PlannedTarget], out: Path) -> tuple[PlannedTarget, ...]:
    """All but optional targets that were not frozen; a required one stays, so that its own stage says what it lacks."""

    def frozen(target: Target) -> bool:
        return all(frozen(half) for half in target.halves) if target.halves else (out / str(target) / INDEX).is_file()

    absent = [target for target in targets if not target.required and not frozen(Target.parse(target.target))]
    for target in absent:
        reporter().warn(f"{target.target} is optional and was not frozen: it is left out")
    return tuple(target for target in targets if target not in absent)


def carry_out(this: Run, targets: Sequence[PlannedTarget], stages: Sequence[Stage], *, shown: Plan) -> Manifest:
    """Run the stages for these targets and record what they made; `shown` is the plan that is left beside it."""
    from coldforge.host import cache
    from coldforge.host.lock import exclusive

    with files.disk_errors(this.out):
        this.out.mkdir(parents=True, exist_ok=True)
    if bundle in stages or carry in stages:
        _provide(this, targets)
    with exclusive(this.out):
        files.write(this.out / "plan.json", canonical(shown))
        with cache.forgetting(wanted=this.clean):
            for target in sorted(targets, key=lambda planned: bool(Target.parse(planned.target).halves)):  # after what they are made of
                _run_target(this, target, stages)
        cache.trim()
        return record_release(this)


def _provide(this: Run, targets: Sequence[PlannedTarget]) -> None:
    """See to what the wanted formats need of this machine or their toolboxes, and fetch what is pinned, before minutes are spent.

    Raises Missing with every program that lacks, and whatever fetching raises.
    """
    from coldforge.bundle import runtime
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
        if lacking := missing_programs(those, found):
            problems = tuple(Problem(what=what, hint=f"`{how}` on Debian and Ubuntu gets it") for what, how in lacking)
            who = f"the toolbox {name!r}" if found.identity else "this machine"
            raise Missing(f"{who} lacks what some formats are made with", problems=problems, hint="`--format` leaves formats out.")


def missing_programs(targets: Sequence[PlannedTarget], tools: Tools | None = None) -> list[tuple[str, str]]:
    """What packaging the planned formats needs and these tools lack (default: this machine's), each with the command that gets it."""
    from coldforge.host import programs
    from coldforge.host.toolbox import HOST
    from coldforge.plan.formats import programs as wanted

    has = (tools or HOST).has
    return [(f"{name}, for {', '.join(formats)}", programs.how(name)) for name, formats in wanted(targets).items() if not has(name)]


def on_this_machine(targets: Sequence[PlannedTarget]) -> tuple[PlannedTarget, ...]:
    """Those of the targets whose formats this machine's own programs make."""
    from coldforge.host import engine

    return tuple(target for target in targets if not target.toolbox or not engine.configured())


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
    before = _recorded(path, Manifest)
    record = before.targets[0] if before and before.targets and _head(before) == _manifest(this.plan, ()) else None
    for stage in stages:
        record = stage(this, target, record)
    if record is None:
        return
    files.write(path, canonical(_manifest(this.plan, (record,))))
    # what an earlier run made and is no more: nothing else is ever removed
    kept = set(_files(record))
    for name in (name for old in (before.targets if before else ()) for name in _files(old)):
        if name not in kept and name == Path(name).name:  # a record is no reason to reach into other folders
            (path.parent / name).unlink(missing_ok=True)


def _files(record: TargetRecord) -> Iterator[str]:
    """The files in a target's folder that its record names."""
    yield from (artifact.name for artifact in record.artifacts)
    yield from (shown.screenshot for trial in record.smoke.trials for shown in trial.windows)


def _recorded(path: Path, kind: type[R]) -> R | None:
    """What an earlier run recorded; None when there is nothing to go on."""
    if not path.is_file():
        return None
    try:
        return read(path, kind)
    except ConfigurationError:  # of another version of coldforge: it is written anew
        return None


def _head(manifest: Manifest) -> Manifest:
    """What a manifest says besides its targets: which product, version and source it is about."""
    return msgspec.structs.replace(manifest, targets=())


def record_of(payload: Payload) -> TargetRecord:
    """The record of a target whose payload is frozen and of which nothing is packaged yet."""
    return TargetRecord(
        target=payload.target,
        freezer=payload.freezer,
        payload_digest=payload.digest,
        payload_size=payload.size,
        signed={**{entry.path: entry.signature for entry in payload.files if entry.signature}, **payload.sealed},
        glibc_floor=payload.glibc_floor,
        macos_floor=payload.macos_floor,
        needs=payload.needs,
        environment=payload.environment,
        gates=payload.gates,
        findings=payload.findings,
    )


def record_release(this: Run) -> Manifest:
    """Merge the manifests of all targets of the matrix into dist/manifest.json and write SHA256SUMS."""
    found = [manifest for name in this.targets if (manifest := _recorded(this.out / name / MANIFEST, Manifest))]
    ours = _manifest(this.plan, ())
    current = [manifest for manifest in found if _head(manifest) == ours]
    for stale in (m for m in found if m not in current):
        names = ", ".join(record.target for record in stale.targets)
        reporter().warn(f"{names} in {this.out} was built from another source or version; it is left out of the manifest")
    manifest = merge([ours, *current])
    _write_manifest(this.out, manifest)
    return manifest


def write_records(dist: Path, manifest: Manifest) -> None:
    """Write the record of a whole release, and of each of its targets where there is one, so that what is built later knows of it."""
    for record in manifest.targets:
        path = dist / record.target / MANIFEST
        if path.is_file():
            files.write(path, canonical(msgspec.structs.replace(manifest, targets=(record,))))
    _write_manifest(dist, manifest)


def _write_manifest(out: Path, manifest: Manifest) -> None:
    files.write(out / MANIFEST, canonical(manifest))
    digests = {artifact.name: artifact.sha256 for artifact in manifest.artifacts}
    files.write(out / SUMS, sums({**digests, MANIFEST: files.sha256(out / MANIFEST)}))
    _write_report(out, manifest)


def _write_report(out: Path, manifest: Manifest) -> None:
    """The page about what was made, as far as the payloads are at hand: a job that only merges records has none."""
    from coldforge.bundle.overview import report

    payloads = (_recorded(out / record.target / "payload.json", Payload) for record in manifest.targets)
    found = {(payload.target, payload.digest): payload for payload in payloads if payload}
    files.write(out / REPORT, report(manifest, found).encode())


def _manifest(plan: Plan, records: tuple[TargetRecord, ...]) -> Manifest:
    return Manifest(coldforge=plan.coldforge, product=plan.product.name, version=plan.product.version, source=plan.source, targets=records)


def buildable(plan: Plan, *, named: bool, freezes: bool, host: bool = False) -> tuple[PlannedTarget, ...]:
    """The planned targets that this machine can build; one of another architecture only when it was named: emulation is slow.

    Raises Missing when one that was named is not among them.
    """
    here = host_target()
    others = (*(() if host else emulable(plan, here)), *(t for t in plan.targets if compiled(t, here)))
    quick = tuple(t for t in others if named or runs(here, Target.parse(t.target)))
    chosen = tuple(t for t in plan.targets if not freezes or can_freeze(here, Target.parse(t.target)) or t in quick)
    frozen = {t.target for t in chosen}
    whole = [t for t in plan.targets if (halves := Target.parse(t.target).halves) and (named or frozen.issuperset(map(str, halves)))]
    chosen += tuple(t for t in whole if t not in chosen)
    left = [t for t in plan.targets if t not in chosen]
    tries = " ".join(f"`--target {t.target}` tries it here{'' if compiled(t, here) else ', in a container'}." for t in left if t in others)
    if left and (named or not chosen):
        runners = ", ".join(f"{t.target} on {t.runner or 'its own system'}" for t in left)
        what = f"{', '.join(t.target for t in left)} cannot be frozen on {here}"
        wine = next(
            (f"`--target {t.target}` tries it by Wine where there is a container engine." for t in left if _misses_engine(t, here)), ""
        )
        raise Missing(what, hint=f"A freeze needs its target's system: {runners}. {tries or wine}".rstrip())
    for target in left:
        reporter().info(
            f"{target.target} is left to its own runner: it cannot be frozen on {here}. {tries if target in others else ''}".rstrip()
        )
    return chosen


def _misses_engine(planned: PlannedTarget, here: Target) -> bool:
    from coldforge.host import engine

    return by_wine(here, Target.parse(planned.target)) and not engine.configured()


def emulable(plan: Plan, here: Target) -> tuple[PlannedTarget, ...]:
    """The planned targets of another machine or C library that a container engine may freeze all the same."""
    from coldforge.host import engine

    others = [t for t in plan.targets if not can_freeze(here, Target.parse(t.target))]
    return tuple(t for t in others if _contained(t, here) and engine.configured())


def _contained(planned: PlannedTarget, here: Target) -> bool:
    """Whether a container can be the target's system: Linux of any kind, and Windows for x86_64 by Wine."""
    target = Target.parse(planned.target)
    return (target.os == "linux" and bool(planned.container)) or by_wine(here, target)


def by_wine(here: Target, target: Target) -> bool:
    """Whether a machine that is `here` freezes for `target` by Wine, in a container."""
    return here.os == "linux" and str(target) == "windows-x86_64"


def compiled(planned: PlannedTarget, here: Target) -> bool:
    """Whether commands make it on another machine than its own: compilers may, and the gates look at what they made."""
    target = Target.parse(planned.target)
    return planned.freezer == "command" and target.os == "macos" and not can_freeze(here, target)


def unemulated(plan: Plan) -> tuple[str, ...]:
    """The architectures of planned targets that a container engine here could freeze, had this machine an emulator for them."""
    from coldforge.host import emulation, engine

    here = host_target()
    found = {Target.parse(t.target).arch for t in emulable(plan, here)} - {here.arch} if engine.is_here() else set()
    return tuple(sorted(architecture for architecture in found if not emulation.emulates(architecture)))


def can_freeze(here: Target, target: Target) -> bool:
    """Whether a freeze for `target` can run on a machine that is `here`, without a container."""
    return (here.os, here.arch, here.musl) == (target.os, target.arch, target.musl)


def runs(here: Target, target: Target) -> bool:
    """Whether programs for `target` run on a machine that is `here`; in a container where their C library is another."""
    return (here.os, here.arch) == (target.os, target.arch)


def _conclude(this: Run, manifest: Manifest) -> None:
    from coldforge.plan.summary import outputs, page, results

    reporter().table(results(manifest, seconds=this.seconds, out=this.out))
    reporter().summary(page(manifest))
    for name, value in outputs(manifest, out=this.out).items():
        reporter().output(name, value)
    if manifest.artifacts:
        reporter().output("report", str(this.out / REPORT))
    if any(one.signature is None for record in manifest.targets for one in record.carried):
        reporter().info(f"Next: coldforge sign --payload {_shown(this.out)}")
    elif manifest.artifacts:
        reporter().info(f"Next: coldforge attest {_shown(this.out)}   (in CI; on a desk it asks for --identity-token)")


def _shown(path: Path) -> str:
    return path.relative_to(Path.cwd()).as_posix() if path.is_relative_to(Path.cwd()) else str(path)


def show_plan(plan: Plan, *, quiet: bool) -> None:
    """The plan as a table, and as outputs of a CI step."""
    import json

    from coldforge.host.emulation import how
    from coldforge.plan.planner import describe

    if not quiet:
        reporter().table(describe(plan))
        for architecture in unemulated(plan):
            reporter().info(f"This machine runs no {architecture} programs, so it cannot freeze for them. {how(architecture)}")
        for what, command in missing_programs(on_this_machine(plan.targets)):
            reporter().info(f"This machine has no {what}. `{command}` on Debian and Ubuntu gets it.")
    if os.environ.get("GITHUB_OUTPUT"):
        reporter().output("matrix", json.dumps(matrix_of(plan), sort_keys=True))
        reporter().output("version", plan.product.version)


def foresee_release(plan: Plan, project: Path, *, repo: str | None, tag: str | None, api_url: str | None) -> None:
    """Ask GitHub whether it would take the release, with a token that may only read. Raises Refused with what stands in the way."""
    from coldforge.errors import RemoteFailed
    from coldforge.release import preflight
    from coldforge.release.api import GitHub, token_of_environment
    from coldforge.release.wire import AGAIN, Failure

    repository, named = preflight.place_of(plan.source, repo=repo, tag=tag)
    github = GitHub(repository, api_url=api_url, token=token_of_environment())
    try:
        known = preflight.check(github, preflight.Question(plan=plan, project=project, tag=named, writes=False))
    except Failure as failure:
        raise RemoteFailed("GitHub refused a request", why=str(failure), hint=AGAIN) from failure
    for line in known:
        reporter().info(f"Release: {line}.")


def matrix_of(plan: Plan) -> Mapping[str, object]:
    """The GitHub matrix of a plan."""
    from coldforge.plan.planner import github_matrix

    return github_matrix(plan)


def plain(record: object) -> Any:
    """A record as plain JSON values."""
    return msgspec.to_builtins(record)


def sign_release(dist: Path, given: Given) -> Manifest:
    """Put the signatures of their formats to the packages of `dist`. Takes the manifest only: the project's code is not even read."""
    from coldforge.host.lock import exclusive
    from coldforge.plan.summary import results
    from coldforge.sign.keys import Keys
    from coldforge.sign.stage import sign

    manifest = read(dist / MANIFEST, Manifest)
    with exclusive(dist), reporter().step("sign"), Keys(given) as keys:
        signed = sign(dist, manifest, keys)
        write_records(dist, signed)
    reporter().table(results(signed, seconds={}, out=dist))
    reporter().info(f"Next: coldforge attest {_shown(dist)}")
    return signed


def sign_payloads(dist: Path, given: Given, project: Path | None = None) -> Manifest:
    """Sign the programs in the frozen trees of `dist`, and the applications for macOS that are made of them, for packages made afterwards.

    What an application is besides its code, such as its name and icon, stands in the plan and in `project` (default: the current folder);
    no code of that runs.
    The record of packages of another tree goes: they are to be made again.
    """
    from coldforge.host.lock import exclusive
    from coldforge.sign.keys import Keys
    from coldforge.sign.payload import sign_payloads as sign

    manifest = read(dist / MANIFEST, Manifest)
    plan = _recorded(dist / "plan.json", Plan)
    named = _named(plan)
    with exclusive(dist), reporter().step("sign payloads"), Keys(given) as keys:
        found = sign(dist, manifest, keys, named)
        carrying = (
            msgspec.structs.replace(record, carried=found[record.target][1]) if record.target in found else record
            for record in manifest.targets
        )
        payloads = {target: payload for target, (payload, _) in found.items()}
        # before what may yet fail: it goes on from here
        signed = _with_payloads(dist, msgspec.structs.replace(manifest, targets=tuple(carrying)), payloads)
        for target, payload in payloads.items():
            made = _sealed(dist, payload, keys, named, plan=plan, project=project or Path.cwd())
            if made != payload:
                files.write(dist / target / "payload.json", canonical(made))
                signed = _with_payloads(dist, signed, {target: made})
    reporter().info(f"Next: coldforge bundle --out {_shown(dist)}")
    return signed


def _with_payloads(dist: Path, manifest: Manifest, payloads: Mapping[str, Payload]) -> Manifest:
    """The manifest with what payloads are now, written."""
    found = {target: record_of(payload) for target, payload in payloads.items()}
    kept = (
        record if _same_payload(record, found) else msgspec.structs.replace(found[record.target], carried=record.carried)
        for record in manifest.targets
    )
    made = msgspec.structs.replace(manifest, targets=tuple(kept))
    write_records(dist, made)
    return made


def _sealed(dist: Path, payload: Payload, keys: Keys, named: Named, *, plan: Plan | None, project: Path) -> Payload:
    """A payload with the signatures of the application that is made of it; itself when none is planned, or nobody signs.

    The plan beside what several jobs made may be that of another target.
    """
    from coldforge.bundle import BundleJob, app, macos, sealed, tree
    from coldforge.host.apple import About
    from coldforge.sign.payload import sealing

    if plan is None or keys.apple.is_adhoc or not payload.target.startswith("macos-"):
        return payload
    here = any(each.target == payload.target for each in plan.targets)
    whole = plan if here else make(project, targets=(payload.target,)).whole
    target = next(each for each in whole.targets if each.target == payload.target)
    artifact = next((each for each in target.artifacts if each.format in app.FORMATS), None)
    if artifact is None:
        return payload
    sign = sealing(keys.apple.since(whole.source.epoch), named, payload)
    job = BundleJob(project=project, plan=whole, target=target, artifact=artifact, payload=payload, folder=dist / payload.target)
    with files.scratch("app") as scratch:
        frozen = tree.load(payload, job.folder / "payload", whole.source.epoch)
        unsealed = macos.unsealed(job, frozen, scratch)
        _, found = sealed.sealed(
            unsealed, lambda code: sign(code.source, About(identifier=code.identifier, info=code.info, resources=code.resources)), scratch
        )
    return msgspec.structs.replace(payload, sealed=found)


def _named(plan: Plan | None) -> Named:
    """What signatures say of the programs of a product, by the plan that was left beside them."""
    import plistlib

    from coldforge import recipes
    from coldforge.sign.payload import Named

    usual = plistlib.loads(recipes.find("signing/entitlements.plist").read_bytes())
    rights = plan.config.macos.entitlements if plan else {}
    return Named(identifier=plan.product.identifier if plan else "", usual=usual, entitlements=rights)


def _same_payload(record: TargetRecord, found: Mapping[str, TargetRecord]) -> bool:
    if record.target not in found:
        return True
    now = found[record.target]
    return (now.payload_digest, now.signed) == (record.payload_digest, record.signed)


def notarize_release(dist: Path, options: Mapping[str, str | None], *, minutes: float) -> Manifest:
    """Have Apple accept the disk images of `dist`, and put its tickets to them; what is known is written at once, for the next run."""
    from functools import partial

    from coldforge.host.lock import exclusive
    from coldforge.sign import notary
    from coldforge.sign.notarize import notarize

    manifest = read(dist / MANIFEST, Manifest)
    service = notary.opened(options)
    with exclusive(dist), reporter().step("notarize"):
        made = notarize(dist, manifest, service, seconds=60 * minutes, save=partial(write_records, dist))
        write_records(dist, made)
    reporter().info(f"Next: coldforge attest {_shown(dist)}")
    return made


def attest_release(dist: Path, *, identity_token: str | None, trust_config: Path | None, api_url: str | None) -> tuple[Path, ...]:
    """Sign statements about all released files; a job of GitHub's puts them into its repository's record as well.

    Needs an identity, and no secret besides it.
    """
    from coldforge.attest.stage import attest
    from coldforge.host.lock import exclusive

    read(dist / MANIFEST, Manifest)  # before a lock is left where nothing was built
    with exclusive(dist), reporter().step("attest"):
        written = attest(dist, identity_token=identity_token, trust_config=trust_config)
        if not identity_token:
            _publish_attestations(dist, api_url=api_url)
    reporter().info(f"{len(written)} attestations. Next: coldforge release {_shown(dist)}")
    return written


def _publish_attestations(dist: Path, *, api_url: str | None) -> None:
    """Put the attestations into the record of the repository whose job this is, if it is one that was given a token."""
    from coldforge.release.api import token_of_environment
    from coldforge.release.publication import publish

    repository, token = os.environ.get("GITHUB_REPOSITORY"), token_of_environment()
    if os.environ.get("GITHUB_ACTIONS") == "true" and repository and token:
        sent = publish(dist, repository, api_url=api_url, token=token)
        reporter().info(f"{sent} attestations are new in the record of {repository}.")


def make_release(dist: Path, *, api_url: str | None, **options: Any) -> ReleaseRecord:
    """Create or complete the draft release as the `options` of `Wanted` say: the only stage that writes to the releases API."""
    from coldforge.host.lock import exclusive
    from coldforge.release.draft import Wanted, release

    read(dist / MANIFEST, Manifest)
    wanted = Wanted(**options)
    with nullcontext() if wanted.dry_run else exclusive(dist), reporter().step("release"):
        record = release(dist, wanted, api_url=api_url)
    reporter().output("release-id", str(record.id))
    reporter().output("release-url", record.url)
    return record


def verify(
    what: str,
    *,
    policy: Path | None,
    repo: str | None,
    tag: str | None,
    trusted_root: Path | None,
    offline: bool,
    bundle: Path | None,
    certificate_identity: str | None,
    certificate_oidc_issuer: str | None,
    key: Path | None,
    api_url: str | None,
    rebuilds: Sequence[str] = (),
    installed: str | None = None,
    quiet: bool = False,
) -> Verdict:
    """Check a folder, a release `owner/repo@tag`, one file with its bundle, or what is `installed` of one.

    For a folder the network is used for addresses in `rebuilds`, and for nothing else.
    """
    from coldforge.verify import policy as policies
    from coldforge.verify import rebuilders
    from coldforge.verify import release as checks
    from coldforge.verify.evidence import printable

    path = Path(what)
    remote = remote_of(what) if not path.exists() else None
    demanded = policies.choose(
        policy,
        repository=repo or (remote[0] if remote else None),
        tag=tag or (remote[1] if remote else None),
        identity=certificate_identity,
        issuer=certificate_oidc_issuer,
        key=key,
    )
    if remote and offline:
        raise ConfigurationError(f"{what} is not a folder, and --offline forbids to download it", hint="Download it first.")
    said = tuple(rebuilders.texts(rebuilds, offline=offline))
    with ExitStack() as stack:
        recorded: Mapping[str, Sequence[str]] = {}
        if remote:
            path, recorded = stack.enter_context(downloaded(remote, api_url=api_url, evidence_only=bool(installed)))
        if installed:
            from coldforge.verify.installed import verify_installed

            verdict = verify_installed(path, installed, policy=demanded, trusted_root=trusted_root, recorded=recorded)
        elif bundle is not None or path.is_file():
            verdict = checks.verify_file(path, bundle=bundle, policy=demanded, trusted_root=trusted_root, rebuilds=said)
        else:
            verdict = checks.verify_folder(path, policy=demanded, trusted_root=trusted_root, rebuilds=said, recorded=recorded)
    if not quiet:
        reporter().table(verdict.table())
        for note in verdict.notes:
            reporter().info(printable(note))
        for command in verdict.commands:
            reporter().info(f"To check this with other tools: {command}")
    if verdict.exit_code:
        reporter().error(Refused(verdict.line))
    else:
        reporter().info(verdict.line)
    reporter().output("verdict", verdict.word)
    return verdict


def policy_init(folder: Path, out: Path, *, trusted_root: Path | None) -> None:
    """Write a policy file from a release. Raises ConfigurationError when there is one already."""
    from coldforge.verify.release import write_policy

    if out.exists():
        raise ConfigurationError(f"there is a policy {out} already", hint="Remove it first, or give another name with --out.")
    text = write_policy(folder, trusted_root=trusted_root)
    files.write(out, text.encode())
    reporter().info(text)
    reporter().info(f"{out} is written: read it, and commit it or hand it out with the release.")


def remote_of(what: str) -> tuple[str, str]:
    """Repository and tag of `owner/repo@tag`. Raises ConfigurationError."""
    repository, separator, tag = what.partition("@")
    if not separator or repository.count("/") != 1 or not tag:
        raise ConfigurationError(f"{what} is neither a file, nor a folder, nor OWNER/REPO@TAG")
    return repository, tag


@contextmanager
def downloaded(
    remote: tuple[str, str], *, api_url: str | None, evidence_only: bool = False
) -> Iterator[tuple[Path, Mapping[str, Sequence[str]]]]:
    """The assets of a release, by repository and tag, in a folder that is there as long as the block, and what GitHub has recorded of it.

    Nothing of it is trusted yet.
    """
    from coldforge.release.download import download_release
    from coldforge.release.publication import recorded

    with files.scratch("release") as folder:
        with reporter().step(f"download {remote[0]}@{remote[1]}"):
            download_release(*remote, folder, api_url=api_url, only=_is_evidence if evidence_only else None)
            found = recorded(folder, remote[0], api_url=api_url)
        yield folder, found


def _is_evidence(name: str) -> bool:
    """Whether a file of a release is one of those that tell of the others."""
    return name.endswith(BUNDLE_SUFFIX) or name in (ATTESTATIONS, MANIFEST)


def inspect_file(path: Path, *, quiet: bool, authorities: Path | None = None) -> Any:
    """What is in a file that coldforge or another tool made; with `authorities` whether its Authenticode signature leads to one of them."""
    from coldforge.bundle.inspect import inspect
    from coldforge.bundle.inspection import tables
    from coldforge.host import authenticode

    document = inspect(path)
    if authorities:
        document = msgspec.structs.replace(document, fields={**document.fields, "chain": authenticode.chain(path, authorities)})
    if not quiet:
        for table in tables(document):
            reporter().table(table)
    return plain(document)


def schema(name: str | None) -> Mapping[str, Any]:
    """One JSON Schema, or all of them by name. Raises ConfigurationError for an unknown name."""
    from coldforge.plan.schemas import schemas
    from coldforge.predicate import Predicate
    from coldforge.rebuild.verdict import Rebuild
    from coldforge.records import schema_of
    from coldforge.verify.policy import Policy
    from coldforge.verify.verdict import Verdict

    ours = {"policy": Policy, "verdict": Verdict, "rebuild": Rebuild, "predicate": Predicate}
    known = {**schemas(), **{title: schema_of(kind) for title, kind in ours.items()}}
    if name is None:
        return known
    if name not in known:
        raise ConfigurationError(f"there is no schema {name!r}", hint=f"Known: {', '.join(sorted(known))}.")
    return known[name]


def cache_entries(*, quiet: bool) -> Any:
    """What the cache holds."""
    from coldforge.host.cache import entries, table

    found = entries()
    if not quiet:
        reporter().table(table(found))
    return plain(found)


def cache_prune() -> None:
    """Empty the cache."""
    from coldforge.host.cache import prune

    freed = prune()
    reporter().info(f"{freed / 1e6:.1f} MB freed.")
