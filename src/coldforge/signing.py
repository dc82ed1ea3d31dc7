"""What `sign` and `notarize` do to a `dist/`: keys are opened, things are signed, and the records say so."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from coldforge import pipeline, recording
from coldforge.host import files
from coldforge.plan.model import Plan
from coldforge.records import (
    MANIFEST,
    Manifest,
    Payload,
    TargetRecord,
    canonical,
    read,
)
from coldforge.report import reporter

if TYPE_CHECKING:
    from coldforge.sign.keys import Given, Keys
    from coldforge.sign.payload import Named


def sign_release(dist: Path, given: Given) -> Manifest:
    """Put the signatures of their formats to the packages of `dist`. Takes the manifest only: the project's code is not even read."""
    from coldforge.host.lock import exclusive
    from coldforge.plan.summary import results
    from coldforge.sign.keys import Keys
    from coldforge.sign.stage import sign

    manifest = read(dist / MANIFEST, Manifest)
    with exclusive(dist), reporter().step("sign"), Keys(given) as keys:
        signed = sign(dist, manifest, keys)
        recording.write_records(dist, signed)
    reporter().table(results(signed, seconds={}, out=dist))
    reporter().info(f"Next: coldforge attest {files.shown(dist)}")
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
    plan = recording.recorded(dist / "plan.json", Plan)
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
    reporter().info(f"Next: coldforge bundle --out {files.shown(dist)}")
    return signed


def _with_payloads(dist: Path, manifest: Manifest, payloads: Mapping[str, Payload]) -> Manifest:
    """The manifest with what payloads are now, written."""
    found = {target: recording.record_of(payload) for target, payload in payloads.items()}
    kept = (
        record if _same_payload(record, found) else msgspec.structs.replace(found[record.target], carried=record.carried)
        for record in manifest.targets
    )
    made = msgspec.structs.replace(manifest, targets=tuple(kept))
    recording.write_records(dist, made)
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
    whole = plan if here else pipeline.make(project, targets=(payload.target,), version=plan.product.version).whole
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
        made = notarize(dist, manifest, service, seconds=60 * minutes, save=partial(recording.write_records, dist))
        recording.write_records(dist, made)
    reporter().info(f"Next: coldforge attest {files.shown(dist)}")
    return made
