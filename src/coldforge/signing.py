"""What `sign` and `notarize` do to a `dist/`: keys are opened, things are signed, and the records say so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from coldforge import pipeline, recording
from coldforge.errors import ColdforgeError, ConfigurationError, Missing, Refused
from coldforge.host import files
from coldforge.plan.model import Plan
from coldforge.records import ADHOC, INDEX, MANIFEST, TREE, Manifest, Notarization, Payload, TargetRecord, canonical, merge, read
from coldforge.report import reporter
from coldforge.sign import NothingToSign

if TYPE_CHECKING:
    from coldforge.bundle import BundleJob
    from coldforge.sign.keys import Given, Keys
    from coldforge.sign.payload import Made, Named
    from coldforge.sign.submission import Subject


def sign_release(dist: Path, given: Given, *, forgiving: bool = False) -> Manifest:
    """Put the signatures of their formats to the packages of `dist`. Takes the manifest only: the project's code is not even read.

    With `forgiving` optional targets that fail are left out, here and below. Raises Missing when no key is given at all.
    """
    from coldforge.host.lock import exclusive
    from coldforge.plan.summary import results
    from coldforge.sign.keys import Keys
    from coldforge.sign.stage import sign

    read(dist / MANIFEST, Manifest)  # before a lock is left where nothing was built
    if given.is_empty:
        hint = "Give --openpgp-key, --rsa-key, --authenticode-key, --apple-key or --apple-installer-key, or a variable that --help names."
        raise Missing("no key is given, and without one no package is signed", hint=hint)
    with exclusive(dist), reporter().step("sign"), Keys(given) as keys:
        signed = _each(dist, lambda part: sign(dist, part, keys, save=partial(_save, dist)), forgiving=forgiving)
    reporter().table(results(signed, seconds={}, out=dist))
    reporter().info(f"Next: coldforge attest {files.shown(dist)}")
    return signed


def _each(dist: Path, work: Callable[[Manifest], None], *, forgiving: bool) -> Manifest:
    """Do the work on what `dist` records, which saves what it made; all that is recorded after that.

    When it is `forgiving`, the required targets go first, and each optional one alone: it is left out when it fails. Keys for what such a
    target would have are then no mistake. Raises what the work raises.
    """
    manifest = read(dist / MANIFEST, Manifest)
    optional = recording.optional(dist) if forgiving else frozenset()
    needed = tuple(record for record in manifest.targets if record.target not in optional)
    idle: list[NothingToSign] = []
    for group in (needed, *((record,) for record in manifest.targets if record.target in optional)):
        try:
            work(msgspec.structs.replace(manifest, targets=group))
        except NothingToSign as error:
            idle.append(error)
        except ColdforgeError as error:
            if group is needed:
                raise
            recording.leave_out(dist, group[0].target, error)
    made = read(dist / MANIFEST, Manifest)
    if len(idle) == 1 + len(manifest.targets) - len(needed):
        missing = sorted(optional - {record.target for record in made.targets})
        if not missing:
            raise idle[0]
        reporter().warn(f"{idle[0].what}: {', '.join(missing)} would have it, and is missing")
    return made


def _save(dist: Path, part: Manifest) -> None:
    """Write the records of some targets; what is recorded of others stays."""
    recording.write_records(dist, merge((read(dist / MANIFEST, Manifest), part)))


def sign_payloads(dist: Path, given: Given, project: Path | None = None, *, forgiving: bool = False) -> Manifest:
    """Sign the programs in the frozen trees of `dist`, and the applications for macOS that are made of them, for packages made afterwards.

    What an application is besides its code, such as its name and icon, stands in the plan and in `project` (default: the current folder);
    no code of that runs.
    The record of packages of another tree goes: they are to be made again.
    """
    from coldforge.host.lock import exclusive
    from coldforge.sign.keys import Keys
    from coldforge.sign.payload import sign_payloads as sign

    read(dist / MANIFEST, Manifest)  # before a lock is left where nothing was built
    plan = recording.recorded(dist / "plan.json", Plan)
    named = _named(plan)

    def work(manifest: Manifest) -> None:
        found = sign(dist, manifest, keys, named, save=partial(_save_payloads, dist, manifest))
        # what is signed stays so whatever fails from here on
        for target, (payload, _) in found.items():
            made = _sealed(dist, payload, keys, named, plan=plan, project=project or Path.cwd())
            if made != payload:
                files.write(dist / target / INDEX, canonical(made))
                _with_payloads(dist, read(dist / MANIFEST, Manifest), {target: made})

    with exclusive(dist), reporter().step("sign payloads"), Keys(given) as keys:
        all_signed = _each(dist, work, forgiving=forgiving)
    reporter().info(f"Next: coldforge bundle --out {files.shown(dist)}")
    return all_signed


def _save_payloads(dist: Path, manifest: Manifest, made: Made) -> None:
    """Write the indexes of trees that are signed, and then the records of them, which tell of the same."""
    for target, (payload, _) in made.items():
        files.write(dist / target / INDEX, canonical(payload))
    carrying = (
        msgspec.structs.replace(record, carried=made[record.target][1]) if record.target in made else record for record in manifest.targets
    )
    payloads = {target: payload for target, (payload, _) in made.items()}
    _with_payloads(dist, msgspec.structs.replace(manifest, targets=tuple(carrying)), payloads)


def _with_payloads(dist: Path, manifest: Manifest, payloads: Mapping[str, Payload]) -> Manifest:
    """The manifest with what payloads are now, written."""
    found = {target: recording.record_of(payload) for target, payload in payloads.items()}
    kept = (
        record if _same_payload(record, found) else msgspec.structs.replace(found[record.target], carried=record.carried)
        for record in manifest.targets
    )
    made = msgspec.structs.replace(manifest, targets=tuple(kept))
    _save(dist, made)
    return made


def _sealed(dist: Path, payload: Payload, keys: Keys, named: Named, *, plan: Plan | None, project: Path) -> Payload:
    """A payload with the signatures of the application that is made of it; itself when none is planned, or nobody signs."""
    from coldforge.bundle import tree
    from coldforge.bundle.macos import sealed
    from coldforge.bundle.macos import shared as macos
    from coldforge.filetypes.apple import About
    from coldforge.sign.payload import sealing

    job = None if keys.apple.is_adhoc else _application(dist, payload, plan, project)
    if job is None:
        return payload
    epoch = job.plan.source.epoch
    sign = sealing(keys.apple.since(epoch), named, payload)
    with files.scratch("app") as scratch:
        frozen = tree.load(payload, job.folder / TREE, epoch)
        unsealed = macos.unsealed(job, frozen, scratch)
        _, found = sealed.sealed(
            unsealed, lambda code: sign(code.source, About(identifier=code.identifier, info=code.info, resources=code.resources)), scratch
        )
    known = payload.notarization if found == payload.sealed else None  # Apple accepted another one
    return msgspec.structs.replace(payload, sealed=found, notarization=known)


def _application(dist: Path, payload: Payload, plan: Plan | None, project: Path) -> BundleJob | None:
    """The job of making the application of a payload, in the first format that holds one; None where none is planned.

    The plan beside what several jobs made may be that of another target.
    """
    from coldforge.bundle import BundleJob
    from coldforge.bundle.macos import app
    from coldforge.plan import pkgs

    if plan is None or not payload.target.startswith("macos-"):
        return None
    here = any(each.target == payload.target for each in plan.targets)
    whole = plan if here else _planned(project, payload.target, plan)
    target = next(each for each in whole.targets if each.target == payload.target)
    artifact = next((each for each in target.artifacts if each.format in app.FORMATS), None)
    if artifact is None or not pkgs.is_application(whole.product):
        return None
    return BundleJob(project=project, plan=whole, target=target, artifact=artifact, payload=payload, folder=dist / payload.target)


def _planned(project: Path, target: str, plan: Plan) -> Plan:
    """The plan of another target of the same release."""
    return pipeline.make(project, targets=(target,), version=plan.product.version, config=plan.source.config).whole


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
    return (now.payload_digest, now.signed, now.notarization) == (record.payload_digest, record.signed, record.notarization)


def notarize_release(dist: Path, options: Mapping[str, str | None], *, minutes: float, forgiving: bool = False) -> Manifest:
    """Have Apple accept the disk images and packages of `dist`, and put its tickets to them.

    What is known is written at once, for the next run.
    """
    from coldforge.host.lock import exclusive
    from coldforge.sign import notary
    from coldforge.sign.notarize import notarize

    read(dist / MANIFEST, Manifest)  # before a lock is left where nothing was built
    service = notary.opened(options)
    save = partial(_save, dist)
    with exclusive(dist), reporter().step("notarize"):
        made = _each(dist, lambda part: save(notarize(dist, part, service, seconds=60 * minutes, save=save)), forgiving=forgiving)
    reporter().info(f"Next: coldforge attest {files.shown(dist)}")
    return made


def notarize_payloads(
    dist: Path, options: Mapping[str, str | None], project: Path | None = None, *, minutes: float, forgiving: bool = False
) -> Manifest:
    """Have Apple accept the signed applications that are made of the trees of `dist`: packages made afterwards have them with tickets.

    An application is laid out as `bundle` will do it, and submitted as a zip. The record of packages without the ticket goes.
    """
    from contextlib import ExitStack

    from coldforge.host.lock import exclusive
    from coldforge.sign import notary
    from coldforge.sign.notarize import notarize_applications

    read(dist / MANIFEST, Manifest)  # before a lock is left where nothing was built
    plan = recording.recorded(dist / "plan.json", Plan)
    service = notary.opened(options)

    def work(manifest: Manifest) -> None:
        with ExitStack() as stack:
            found = [
                _laid_out(dist, record, job, stack.enter_context(files.scratch("application")))
                for record in manifest.targets
                if (job := _application(dist, read(dist / record.target / INDEX, Payload), plan, project or Path.cwd()))
            ]
            if not found:
                reporter().info("There is no application for macOS that Apple could be asked about.")
            notarize_applications(found, service, seconds=60 * minutes)

    with exclusive(dist), reporter().step("notarize applications"):
        made = _each(dist, work, forgiving=forgiving)
    reporter().info(f"Next: coldforge bundle --out {files.shown(dist)}")
    return made


def _laid_out(dist: Path, record: TargetRecord, job: BundleJob, scratch: Path) -> tuple[Subject, Notarization | None, str]:
    """An application as a zip, what is known of its notarization, and what its ticket is asked for by."""
    from coldforge.bundle import tree, zips
    from coldforge.bundle.macos import sealed
    from coldforge.bundle.macos import shared as macos
    from coldforge.sign.submission import Subject

    payload = job.payload
    if payload.digest != record.payload_digest:
        raise Refused(f"the tree of {record.target} is not the one that the manifest is about", hint="Freeze it again: `coldforge freeze`.")
    if not any(signature.key != ADHOC for signature in payload.sealed.values()):
        hint = "Sign it first: `coldforge sign --payload --apple-key`. What is not signed by a Developer ID, Apple refuses."
        raise ConfigurationError(f"the application of {record.target} is not signed", hint=hint)

    def save(state: Notarization | None) -> None:
        made = msgspec.structs.replace(payload, notarization=state)
        files.write(dist / payload.target / INDEX, canonical(made))
        _with_payloads(dist, read(dist / MANIFEST, Manifest), {payload.target: made})

    frozen = tree.load(payload, job.folder / TREE, job.plan.source.epoch)
    whole = macos.without_ticket(job, frozen, scratch)
    file = scratch / f"{job.plan.product.name}-{payload.target}.zip"
    zips.write(whole, file)
    subject = Subject(name=file.name, file=file, size=file.stat().st_size, sha256=files.sha256(file), save=save)
    return subject, payload.notarization, sealed.record(whole)
