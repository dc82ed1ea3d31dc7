"""Rebuilding a release from its manifest: fetch, freeze and bundle again from nothing, compare, and when asked attest it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from coldforge import __version__, capability, pipeline, recording, verifying
from coldforge.errors import ConfigurationError, Missing, Refused
from coldforge.host import cache, engine, files, zsyncmake
from coldforge.plan.model import Plan, PlannedTarget
from coldforge.project.images import WINE, Image, find_image
from coldforge.rebuild import inputs, replay, rows, signatures
from coldforge.rebuild.fetch import check, fetch, is_plain, origin_of
from coldforge.rebuild.verdict import Rebuild, Row, Used, worst
from coldforge.records import DETACHED, INDEX, MANIFEST, Manifest, Payload, TargetRecord, plain, read
from coldforge.report import reporter
from coldforge.target import Target, host_target

if TYPE_CHECKING:
    from coldforge.verify.policy import Policy

COMMAND: Final = "command"  # the freezer that runs the project's own commands
_HERE: Final = "--host freezes on this machine, and so runs the code of the commit here."


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How it is wanted: on this machine (`host`) or in the recorded image; `source` and `keep` may be empty."""

    targets: Sequence[str] = ()
    source: str = ""
    keep: Path | None = None
    host: bool = False
    jobs: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Replay:
    """One target that is built again: what is recorded, the checked-out project, and where things lie."""

    dist: Path
    manifest: Manifest
    record: TargetRecord
    project: Path
    out: Path
    scratch: Path
    host: bool


@contextmanager
def released(what: str, who: verifying.Demand, *, unverified: bool) -> Iterator[tuple[Path, str]]:
    """The folder of a release (itself a folder, or `owner/repo@tag`) that is what was signed, and the repository that it was signed for.

    Files that are not there do not matter: their digests are in the manifest. Nor do rebuilders of the policy: this is to become one.
    The repository is empty for a signer who has none, and for a build of one's own, which is `unverified`: nobody must have signed it.
    Raises ConfigurationError when nobody said who must have signed, Refused for a release that is not what was signed.
    """
    path = Path(what)
    remote, demanded = verifying.chosen(what, who)
    if unverified and (demanded or remote):
        hint = "Leave --unverified out, or download the release and rebuild its folder."
        raise ConfigurationError("--unverified is for a folder of which nothing else is demanded", hint=hint)
    if unverified:
        yield path, ""
        return
    if demanded is None:
        hint = "Give --repo OWNER/REPO, or --policy; for a build of your own --unverified."
        raise ConfigurationError("nobody said who must have signed it", why="Its manifest decides what code runs, and where.", hint=hint)
    with ExitStack() as stack:
        recorded: Mapping[str, Sequence[str]] = {}
        if remote:
            path, recorded = stack.enter_context(verifying.downloaded(remote, api_url=who.api_url))
        yield path, _verified(path, msgspec.structs.replace(demanded, k=0), who.trusted_root, recorded)


def _verified(folder: Path, policy: Policy, trusted_root: Path | None, recorded: Mapping[str, Sequence[str]]) -> str:
    """The address of the repository that a release was signed for. Raises Refused when anything in the folder is not what was signed."""
    from coldforge.verify.release import verify_folder

    with reporter().step("verify it"):
        verdict = verify_folder(folder, policy=policy, trusted_root=trusted_root, recorded=recorded)
    allowed = {row.name: {"ok"} if row.name == MANIFEST else {"ok", "missing"} for row in verdict.rows}
    if any(row.word not in allowed[row.name] for row in verdict.rows):
        reporter().table(verdict.table())
        raise Refused("it is not rebuilt, because it is not what was signed", why=verdict.line, hint="coldforge verify tells more.")
    return verdict.signer.repository if verdict.signer else ""


def rebuild(dist: Path, options: Options) -> Rebuild:
    """Build again what `dist/manifest.json` records, and compare it with the files that lie beside it.

    Nothing is taken from a cache or from an earlier build. Raises ConfigurationError for a manifest that cannot be
    rebuilt, Missing when this machine lacks what it takes, and all that a build raises.
    """
    manifest = read(dist / MANIFEST, Manifest)
    check(manifest.source, f"{manifest.product} {manifest.version}")
    replay.check_version(manifest, __version__)
    chosen = _chosen(manifest, options.targets, host=options.host)
    origin = origin_of(manifest.source, options.source)
    for record in chosen:
        _check_place(record, host=options.host)
    if options.keep and any(options.keep.glob("*")):
        raise ConfigurationError(f"{options.keep} is not empty", hint="What was rebuilt is kept in a folder of its own.")
    with files.scratch("rebuild") as folder, cache.apart(folder / "cache"):
        with reporter().step(f"fetch {manifest.source.commit[:12]} from {origin}"):
            project = fetch(origin, manifest.source, folder / "source")
        out = options.keep.absolute() if options.keep else folder / "dist"
        replays = [
            _Replay(dist=dist, manifest=manifest, record=record, project=project, out=out, scratch=folder, host=options.host)
            for record in chosen
        ]
        made = [(one, _build(one, options.jobs)) for one in sorted(replays, key=_comes_last)]
        with reporter().step("compare"):
            found = tuple(row for one, record in made for row in _rows(one, record))
            return Rebuild(
                product=manifest.product,
                version=manifest.version,
                commit=manifest.source.commit,
                coldforge=__version__,
                manifest=files.sha256(dist / MANIFEST),
                source=origin if is_plain(origin) else "",  # where a folder lies, or with which password one gets in, is nobody's business
                used=tuple(_used(record) for _, record in made),
                word=worst(found),
                rows=found,
                inputs=tuple(text for one, record in made for text in _inputs(one, record)),
                left=tuple(record.target for record in manifest.targets if record not in chosen),
            )


def _chosen(manifest: Manifest, named: Sequence[str], *, host: bool) -> tuple[TargetRecord, ...]:
    """The targets that are rebuilt here: those named, else all that can be. Raises Missing when one cannot, or none is left."""
    wanted = {str(Target.parse(name)) for name in named}
    records = {str(Target.parse(record.target)): record for record in manifest.targets}
    if unknown := sorted(wanted - records.keys()):
        hint = f"It has {', '.join(sorted(records)) or 'no target'}."
        raise ConfigurationError(f"the manifest has nothing for {', '.join(unknown)}", hint=hint)
    if not records:
        raise ConfigurationError("the manifest lists no target", hint="Run `coldforge build` first.")
    here = host_target()
    alone = {name for name, record in records.items() if _is_able(here, record, host=host)}
    able = {name for name in alone if alone.issuperset(map(str, Target.parse(name).halves))}
    lacking = sorted((wanted or records.keys()) - able)
    if lacking and (wanted or not able):
        untold = sorted({str(half) for name in lacking for half in Target.parse(name).halves} - records.keys())
        hint = f"It is made of {' and '.join(untold)}, which the release left out." if untold else "A freeze needs its target's system."
        raise Missing(f"{', '.join(lacking)} cannot be rebuilt on {here}", hint=hint)
    return tuple(record for name, record in sorted(records.items()) if name in (wanted or able))


def _is_able(here: Target, record: TargetRecord, *, host: bool) -> bool:
    """Whether a machine that is `here` can be the target's system; by Wine only what was frozen so.

    On the `host` itself commands are run again for any system that they compile for.
    """
    target, contained = Target.parse(record.target), record.environment.workshop != replay.HOST
    if target.halves:  # it is made here, of what is frozen elsewhere
        return True
    able = capability.runs(here, target) or (capability.by_wine(here, target) and contained)
    return able or (host and capability.compiled(record, here))


def _check_place(record: TargetRecord, *, host: bool) -> None:
    """Raises ConfigurationError before the commit's code would run outside of a container unasked, Missing without an engine."""
    if host:
        return
    if record.environment.workshop == replay.HOST:
        raise ConfigurationError(f"{record.target} was frozen on a machine, not in a container", hint=_HERE)
    if not engine.configured():
        message = f"{record.target} was frozen in a container, and there is no container engine on this machine"
        hint = f"Install Docker or Podman, or set DOCKER_HOST. {_HERE}"
        raise Missing(message, why=f"The image is {record.environment.image or record.environment.workshop}.", hint=hint)


def _comes_last(one: _Replay) -> bool:
    """What is made of two trees takes them before signatures come back to them."""
    return not Target.parse(one.record.target).halves


def _build(one: _Replay, jobs: int) -> TargetRecord:
    """Freeze and bundle one target again, as it was recorded; what came out. What it is made of is frozen before."""
    records = {record.target: record for record in one.manifest.targets}
    for half in map(str, Target.parse(one.record.target).halves):
        _run(replace(one, record=records[half]), (pipeline.freeze,), jobs)
    return _run(one, tuple(stages(one.record)), jobs)


def _run(one: _Replay, todo: Sequence[pipeline.Stage], jobs: int) -> TargetRecord:
    """Run stages for one target as it was recorded; what came out."""
    record = one.record
    known = "" if one.host else one.manifest.version  # what could only be asked of the commit's code is not asked here
    config = one.manifest.source.config
    planned = pipeline.make(one.project, targets=(record.target,), host=one.host, version=known, config=config).whole
    _check_recorded(one, planned)
    container, python = _place(one, planned)
    target, recorded = Target.parse(record.target), record.environment
    settings = replay.settings(
        planned.config.environment,
        recorded,
        project=one.project,
        python=python,
        lock=replay.kept_lock(recorded, target, one.scratch / "locks"),
        build_lock=replay.kept_build_lock(recorded, target, one.scratch / "locks"),
    )
    plan = replay.replayed(planned, one.manifest, record, container=container, toolbox=_toolbox(one, planned), settings=settings)
    this = pipeline.Run(
        project=one.project,
        plan=plan,
        asked=frozenset(artifact.name for artifact in record.artifacts if artifact.format != DETACHED),
        targets=tuple(each.target for each in one.manifest.targets),
        out=one.out,
        host=one.host,
        jobs=jobs or (os.cpu_count() or 1),
    )
    manifest = pipeline.carry_out(this, plan.targets, todo, shown=plan)
    return next(made for made in manifest.targets if made.target == record.target)


def stages(record: TargetRecord) -> Iterator[pipeline.Stage]:
    """What is done for a target, in order: signatures come back where they came from."""
    yield pipeline.freeze
    if record.signed:
        yield partial(_sign_again, record)
    if record.carried:  # a plug-in is signed before the uninstaller is made that has it in it
        yield from (pipeline.carry, partial(_sign_carried_again, record)) * 2
    yield pipeline.bundle


def _sign_carried_again(recorded: TargetRecord, this: pipeline.Run, target: PlannedTarget, record: TargetRecord | None) -> TargetRecord:
    """A stage after `carry`: the signatures of what packages bring of their own are put back."""
    if record is None:
        raise ValueError("nothing was made that could be signed")
    found = signatures.put_back_into_carried(recorded.carried, record.carried, this.out / target.target)
    return msgspec.structs.replace(record, carried=found)


def _sign_again(recorded: TargetRecord, this: pipeline.Run, target: PlannedTarget, _record: TargetRecord | None) -> TargetRecord:
    """A stage after the freeze: the signatures of the tree's programs are put back, so that packages hold what was released."""
    return recording.record_of(signatures.put_back_into_tree(recorded.signed, this.out / target.target, recorded.notarization))


def _check_recorded(one: _Replay, plan: Plan) -> None:
    """Raises Missing or ConfigurationError when the lock or the recipes in force are not those that are recorded."""
    if one.record.freezer == COMMAND:  # what commands made has neither
        return
    from coldforge.freeze.building import find_build_lock
    from coldforge.freeze.lock import find_lock
    from coldforge.freeze.pyinstaller import recorded_recipes

    replay.check_recipes(one.record, recorded_recipes(one.project))
    lock = None if one.record.environment.resolved else find_lock(one.project, plan.config.environment)
    replay.check_lock(one.record, lock.name if lock else "", files.sha256(lock) if lock else "")
    building = find_build_lock(one.project, plan.config.environment)
    replay.check_build_lock(one.record, building.name, building.sha256)


def _place(one: _Replay, plan: Plan) -> tuple[str, str]:
    """The image to freeze in and its Python; on this machine nothing and the Python's path. What commands made needs no Python."""
    python = "" if one.record.freezer == COMMAND else _python(one, plan.config.environment.python)
    if one.host:
        return "", python
    by_wine = Target.parse(one.record.target).os == "windows" and one.record.freezer != COMMAND
    name = plan.targets[0].container or (WINE if by_wine else "")
    planned: Image | None = find_image(name, one.project) if name else None
    return replay.container_of(one.record, planned, name), python


def _toolbox(one: _Replay, plan: Plan) -> str:
    """The image whose programs make the formats; nothing on this machine."""
    name = plan.targets[0].toolbox
    if one.host or not one.record.toolbox:
        return ""
    planned = find_image(name, one.project, "toolbox") if name else None
    return replay.toolbox_of(one.record, planned, name)


def _python(one: _Replay, wanted: str) -> str:
    from coldforge.freeze.interpreter import find_same

    recorded = one.record.environment.interpreter
    if recorded is None:
        raise ConfigurationError(f"the manifest does not tell which Python froze {one.record.target}")
    return find_same(recorded, wanted, project=one.project).path if one.host else replay.python_of(one.record)


def _rows(one: _Replay, made: TargetRecord) -> Iterator[Row]:
    places = {"dist": one.dist, "out": one.out}
    yield rows.tree_row(one.record, made, **places)
    rebuilt = {artifact.name: artifact for artifact in made.artifacts}
    # what is about other artifacts comes after them: they may have got their signature back by then
    for artifact in sorted(one.record.artifacts, key=lambda artifact: artifact.format == zsyncmake.FORMAT):
        if artifact.format == DETACHED:  # nobody makes it without the key; what it signs is compared
            continue
        again = rebuilt[artifact.name]
        if artifact.format == zsyncmake.FORMAT:
            again = signatures.about_signed(again, one.out, one.manifest.source.epoch)
        yield rows.artifact_row(artifact, again, **places)


def _inputs(one: _Replay, made: TargetRecord) -> Iterator[str]:
    """What was not as it is recorded."""
    yield from inputs.changed(one.record.environment, made.environment)
    yield from inputs.toolbox(one.record.toolbox, made.toolbox)
    yield from inputs.tools(one.record.artifacts, made.artifacts)
    before = rows.index(one.dist, one.record.target, one.record.payload_digest)
    if before and made.payload_digest != one.record.payload_digest:
        yield from inputs.origins(before, read(one.out / one.record.target / INDEX, Payload))


def _used(made: TargetRecord) -> Used:
    environment = made.environment
    return Used(
        target=made.target,
        workshop=environment.workshop,
        interpreter=environment.interpreter.sha256 if environment.interpreter else "",
        lock=environment.lock_sha256,
        build_lock=environment.build_lock_sha256,
    )


def tell(found: Rebuild, *, quiet: bool, keep: Path | None) -> None:
    """Say it: the table unless `quiet`, every difference with its likely cause, and the verdict."""
    if not quiet:
        reporter().table(found.table())
    for text in found.inputs if not found.exit_code else ():
        reporter().info(f"Not as recorded, and without effect: {text}")
    if found.exit_code:
        hint = f"What was rebuilt is in {keep}: diffoscope shows all differences." if keep else "--keep FOLDER keeps the rebuilt files."
        reporter().error(Refused(found.line, why=found.explained(), hint=hint))
    else:
        reporter().info(found.line)
    reporter().output("verdict", found.word)


def write_report(found: Rebuild, path: Path) -> None:
    """Write the page about it into a file."""
    from coldforge.rebuild.report import html

    files.write(path, html(found).encode())
    reporter().info(f"{path} shows it.")


def check_identity(identity_token: str | None) -> None:
    """Raises Missing when nothing could be signed in the end: building takes minutes."""
    from coldforge.attest.signer import find_token

    find_token(identity_token)


def attest(found: Rebuild, out: Path, *, identity_token: str | None, trust_config: Path | None) -> None:
    """Sign what came out, whatever it is, into `out`. Raises Missing without an identity, RemoteFailed when sigstore does not answer."""
    from coldforge.attest import rebuilt

    subjects = {row.name: row.recorded for row in found.rows if row.is_artifact}
    if not subjects:
        raise ConfigurationError("there is no artifact that a statement could be about", hint="Build it first: `coldforge build`.")
    with reporter().step("attest the rebuild"):
        rebuilt.sign(rebuilt.statement(subjects, plain(found)), out, identity_token=identity_token, trust_config=trust_config)
    reporter().info(f"Next: publish {out}; `coldforge verify --rebuilds` takes its address, or the file.")
