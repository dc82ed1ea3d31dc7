"""What was made, as it is recorded in `dist/`: a manifest for each target, one for the release, the sums, and the page about it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from coldforge.errors import ColdforgeError, ConfigurationError
from coldforge.host import files
from coldforge.plan.model import Plan
from coldforge.records import INDEX, MANIFEST, REPORT, SUMS, Manifest, Payload, R, TargetRecord, canonical, merge, read, sums
from coldforge.report import reporter
from coldforge.report.reporter import explain


def files_of(record: TargetRecord) -> Iterator[str]:
    """The files in a target's folder that its record names."""
    yield from (artifact.name for artifact in record.artifacts)
    yield from (shown.screenshot for trial in record.smoke.trials for shown in trial.windows)


def recorded(path: Path, kind: type[R]) -> R | None:
    """What an earlier run recorded; None when there is nothing to go on."""
    if not path.is_file():
        return None
    try:
        return read(path, kind)
    except ConfigurationError:  # of another version of coldforge: it is written anew
        return None


def frozen_version(out: Path) -> str:
    """The version of what was frozen into `out`. Raises ConfigurationError when nothing was."""
    found = (recorded(path, Manifest) for path in sorted(out.glob(f"*/{MANIFEST}")))
    if version := next((manifest.version for manifest in found if manifest), ""):
        return version
    raise ConfigurationError(
        f"nothing is frozen in {out}", hint="`coldforge freeze` does it, or `coldforge unpack` what another job froze."
    )


def head(manifest: Manifest) -> Manifest:
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
        notarization=payload.notarization,
        glibc_floor=payload.glibc_floor,
        macos_floor=payload.macos_floor,
        needs=payload.needs,
        environment=payload.environment,
        gates=payload.gates,
        findings=payload.findings,
    )


def remove_files(folder: Path, records: Iterable[TargetRecord], *, kept: Collection[str] = ()) -> None:
    """Remove the files in a target's folder that records name, but for those that are `kept`: nothing else is ever removed."""
    for name in (name for record in records for name in files_of(record)):
        if name not in kept and name == Path(name).name:  # a record is no reason to reach into other folders
            (folder / name).unlink(missing_ok=True)


def optional(out: Path) -> frozenset[str]:
    """The targets that may be missing in `out`, by the plan that lies there; none without one."""
    plan = recorded(out / "plan.json", Plan)
    return frozenset(target.target for target in plan.targets if not target.required) if plan else frozenset()


def leave_out(out: Path, target: str, why: ColdforgeError) -> None:
    """Forget what is recorded of an optional target that failed, and tell why; its packages go, its tree stays.

    For good: whatever comes later goes by the records. Freezing it again brings it back.
    """
    path = out / target / MANIFEST
    before, whole = recorded(path, Manifest), recorded(out / MANIFEST, Manifest)
    remove_files(path.parent, before.targets if before else ())
    path.unlink(missing_ok=True)
    if whole:
        _write_manifest(out, msgspec.structs.replace(whole, targets=tuple(one for one in whole.targets if one.target != target)))
    told = explain(why)
    reporter().warn("\n".join((f"{target} is optional and left out, because it failed:", *told)))
    reporter().summary("\n".join((f"### Left out, because it failed: {target}", "", *(f"    {line}" for line in told))))


def record_release(plan: Plan, out: Path, targets: Sequence[str]) -> Manifest:
    """Merge the manifests of all targets of the matrix into dist/manifest.json and write SHA256SUMS."""
    manifest = recorded_release(plan, out, targets)
    _write_manifest(out, manifest)
    return manifest


def recorded_release(plan: Plan, out: Path, targets: Sequence[str]) -> Manifest:
    """What `out` records of these targets, in one manifest; what was built from another source or version is left out, and told."""
    found = [manifest for name in targets if (manifest := recorded(out / name / MANIFEST, Manifest))]
    ours = manifest_of(plan, ())
    current = [manifest for manifest in found if head(manifest) == ours]
    for stale in (m for m in found if m not in current):
        names = ", ".join(record.target for record in stale.targets)
        reporter().warn(f"{names} in {out} was built from another source or version; it is left out of the manifest")
    return merge([ours, *current])


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

    payloads = (recorded(out / record.target / INDEX, Payload) for record in manifest.targets)
    found = {(payload.target, payload.digest): payload for payload in payloads if payload}
    files.write(out / REPORT, report(manifest, found).encode())


def manifest_of(plan: Plan, records: tuple[TargetRecord, ...]) -> Manifest:
    return Manifest(coldforge=plan.coldforge, product=plan.product.name, version=plan.product.version, source=plan.source, targets=records)
