"""The smoke stage: which bare systems, what is known from before, and what could not be proven."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from coldforge.errors import ConfigurationError, Missing
from coldforge.host import cache, engine, files
from coldforge.plan import libraries
from coldforge.plan.model import Plan, PlannedTarget
from coldforge.project.images import WINE, Image, Manager, find_image, images_of, is_pinned, known
from coldforge.records import Smoke, TargetRecord, Trial, canonical, digest_of, read
from coldforge.report import reporter
from coldforge.smoke import unpacked, windows
from coldforge.smoke.managers import MANAGERS
from coldforge.smoke.trial import ANYWHERE, Job, attempt, windowed
from coldforge.target import Target, host_target

VERSION: Final = 4  # of how things are tried: raised when the same inputs are tried in another way
FORMATS: Final = (*sorted({manager.format for manager in MANAGERS.values()}), *ANYWHERE, *unpacked.FORMS)
_NO_PROGRAMS: Final = frozenset({"sbom", "zsync"})
_HERE: Final = ("http_proxy", "https_proxy", "no_proxy", "all_proxy", "ftp_proxy")
_RECORD: Final = "trial.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A bare system by name, and the display server for it, if there is one and something needs it.

    `formats` are those that are tried there.
    """

    name: str
    image: Image
    display: Image | None
    formats: tuple[str, ...]


def smoke_target(plan: Plan, target: PlannedTarget, record: TargetRecord, *, project: Path, out: Path, host: bool, clean: bool) -> Smoke:
    """Try the artifacts of `record`, which lie in `out/<target>/`, in bare systems; what was tried before is not tried again.

    Raises Refused when something does not work there, Missing when an image that the project names cannot be had.
    """
    if reason := left_out(plan, record, host=host):
        reporter().info(f"Not proven: {reason}")
        return Smoke(unproven=(reason,))
    if Target.parse(target.target).os == "windows":
        return _by_wine(plan, target, record, project=project, folder=out / target.target, clean=clean)
    places, left = _places(plan, target, record, project)
    trials = []
    for place in places:
        trial = partial(_trial, plan, target, record, place, project=project, folder=out / target.target, clean=clean)
        try:
            trials.append(trial())
        except Missing as error:
            if plan.config.smoke.images:
                raise
            left = (*left, f"{place.name}: {error.what}")
    for reason in left:
        reporter().info(f"Not proven: {reason}")
    return Smoke(trials=tuple(trials), unproven=left)


def left_out(plan: Plan, record: TargetRecord, *, host: bool) -> str:
    """Why nothing is tried at all; empty when it is."""
    here, target = host_target(), Target.parse(record.target)
    if plan.config.smoke.skip:
        return plan.config.smoke.skip
    formats = windows.FORMATS if target.os == "windows" else FORMATS
    if not any(artifact.format in formats for artifact in record.artifacts):
        return "nothing is packaged"
    if host:
        return "--host uses no containers, so nothing was started in a bare system"
    by_wine = (here.os, str(target)) == ("linux", "windows-x86_64") and here.arch == target.arch
    if not by_wine and (target.os != "linux" or (here.os, here.arch) != (target.os, target.arch)):
        return f"programs of {record.target} cannot be started on {here}"
    return "" if engine.configured() else "there is no container engine here, so nothing was started in a bare system"


def _by_wine(plan: Plan, target: PlannedTarget, record: TargetRecord, *, project: Path, folder: Path, clean: bool) -> Smoke:
    """Try what is for Windows under Wine, in the image that freezes for it.

    Raises Missing when matrix.yml names that image, and it cannot be had or has no Wine.
    """
    named = bool(target.container) and bool(find_image(target.container, project).wine)  # commands may compile where there is none
    name = target.container if named else WINE
    image = find_image(name, project)
    names = [artifact.name for artifact in record.artifacts if artifact.format in windows.FORMATS]
    job = windows.Job(
        plan=plan,
        artifacts=tuple(artifact for artifact in target.artifacts if artifact.name in names),
        folder=folder,
        reference=image.base,
    )
    left = [
        f"the {artifact.format} was tried nowhere: Wine cannot install it" for artifact in record.artifacts if artifact.format == "msix"
    ]
    if any(windowed(plan, artifact) for artifact in target.artifacts):
        left.append("no window was shown: Wine has no display here")
    key = digest_of(
        {
            "version": VERSION,
            "coldforge": plan.coldforge,
            "artifacts": {artifact.name: artifact.sha256 for artifact in record.artifacts if artifact.name in names},
            "commands": plan.config.smoke.run,
            "system": [name, image.identity],
        }
    )
    try:
        trial = (None if clean else _kept(key, folder)) or _new(key, job, image, target, folder / "logs" / f"smoke-{name}.log")
    except Missing as error:
        if named:
            raise
        left = [f"{name}: {error.what}"]
        trial = None
    for reason in left:
        reporter().info(f"Not proven: {reason}")
    return Smoke(trials=(trial,) if trial else (), unproven=tuple(left))


def _kept(key: str, folder: Path) -> Trial | None:
    kept = cache.fetch("smoke", key)
    return _restore(kept, folder) if kept else None


def _new(key: str, job: windows.Job, image: Image, target: PlannedTarget, log: Path) -> Trial:
    from coldforge.host.container import container

    log.unlink(missing_ok=True)
    with reporter().step("smoke by Wine"), closing(engine.connect()) as client, container(client, _image(client, image, target)) as made:
        made.cut_network()
        trial = windows.attempt(job, windows.Machine(made, log))
    _keep(key, trial, job.folder)
    return trial


def _places(plan: Plan, target: PlannedTarget, record: TargetRecord, project: Path) -> tuple[tuple[Place, ...], tuple[str, ...]]:
    """The bare systems to try, and what cannot be tried for want of one."""
    parsed, images = Target.parse(target.target), images_of(project, "smoke")
    made = {artifact.format for artifact in record.artifacts}
    chosen = _named(plan.config.smoke.images, images) or choose(images, parsed, target.floor or record.glibc_floor, made)
    needs_display = any(windowed(plan, artifact) for artifact in target.artifacts)
    displays = [image for image in images_of(project, "display").values() if image.serves(parsed)] if needs_display else []
    left = [] if chosen else [f"containers/images.toml has no bare system for {target.target} that is as old as its floor"]
    managed = {MANAGERS[image.manager].format for image in chosen.values()}
    told = {*managed, *ANYWHERE, *unpacked.FORMS, *_NO_PROGRAMS}
    left += [f"the {form} was tried nowhere: no bare system has its package manager" for form in sorted(made - told)]
    left += unpacked.unproven(made, managed) if chosen else ()
    if needs_display and not displays:
        left.append("containers/images.toml has no display server, so no window was shown")
    display = displays[0] if displays else None
    anywhere = (*ANYWHERE, *(form for form in unpacked.FORMS if form in made - managed and not unpacked.lacking(form)))
    places = [
        Place(name=name, image=image, display=display, formats=(MANAGERS[image.manager].format, *anywhere))
        for name, image in chosen.items()
    ]
    return tuple(places), tuple(left)


def _named(names: Sequence[str], images: Mapping[str, Image]) -> dict[str, Image]:
    """The systems that the project asks for. Raises ConfigurationError for an unknown one."""
    for name in names:
        if name not in images and not is_pinned(name):
            raise ConfigurationError(f"there is no bare system {name!r} for [tool.coldforge.smoke] images", hint=known(name, images))
    return {name.rpartition(":")[2][:12] if is_pinned(name) else name: images.get(name) or Image(base=name, use="smoke") for name in names}


def choose(images: Mapping[str, Image], target: Target, floor: str, formats: Collection[str]) -> dict[str, Image]:
    """Of the systems that the floor promises the oldest and the newest: what lies between them is seldom worse than both.

    So for each package manager whose format is among the `formats`; without one for the first manager that there is a system of.
    """
    promised = _number(floor)
    kin: dict[Manager, list[str]] = {}
    for name in sorted(images, key=lambda name: (_number(images[name].glibc), name)):
        if images[name].serves(target) and _number(images[name].glibc) >= promised:
            kin.setdefault(images[name].manager, []).append(name)
    there = [manager for manager in MANAGERS if manager in kin]
    wanted = [manager for manager in there if MANAGERS[manager].format in formats]
    wanted = wanted or [*there[:1]] * bool({*ANYWHERE, *unpacked.FORMS} & {*formats})
    return {name: images[name] for manager in wanted for name in (kin[manager][0], kin[manager][-1])}


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.removeprefix("glibc-").split(".") if part.isdecimal())


def _trial(plan: Plan, target: PlannedTarget, record: TargetRecord, place: Place, *, project: Path, folder: Path, clean: bool) -> Trial:
    """What is known of the same artifacts in the same system, else a new trial."""
    manager = MANAGERS[place.image.manager]
    made = {artifact.name for artifact in record.artifacts if artifact.format in place.formats}
    packages = {
        "deb": {**libraries.known(project), **plan.config.deb.libraries},
        "arch": {**libraries.known(project, libraries.ARCH), **plan.config.arch.libraries},
    }
    job = Job(
        plan=plan,
        target=target,
        artifacts=tuple(artifact for artifact in target.artifacts if artifact.name in made),
        folder=folder,
        needs=record.needs,
        image=place.name,
        reference=place.image.base,
        manager=manager,
        packages=packages,
    )
    key = _key(job, record, place)
    if not clean and (known := _kept(key, folder)):
        return known
    with reporter().step(f"smoke {place.name}"):
        trial = _try(job, place, folder / "logs" / f"smoke-{place.name}.log")
    for soname in trial.lacking:
        reporter().warn(f"{soname} is not in {trial.system}, though a file is linked with it; nothing that was tried needed it")
    _keep(key, trial, folder)
    return trial


def _key(job: Job, record: TargetRecord, place: Place) -> str:
    """The digest of everything that decides how a trial ends, short of what the system's archive has today."""
    names = {artifact.name for artifact in job.artifacts}
    return digest_of(
        {
            "version": VERSION,
            "coldforge": job.plan.coldforge,
            "artifacts": {artifact.name: artifact.sha256 for artifact in record.artifacts if artifact.name in names},
            "commands": job.plan.config.smoke.run,
            "executables": msgspec.to_builtins(job.plan.product.executables),
            "needs": job.manager.needed(job.needs, job.packages),
            "system": [place.name, place.image.identity, place.display.identity if place.display else ""],
        }
    )


def _restore(kept: Path, folder: Path) -> Trial:
    """The trial that was kept, with its screenshots."""
    trial = read(kept / _RECORD, Trial)
    for shown in trial.windows:
        files.write(folder / shown.screenshot, (kept / shown.screenshot).read_bytes())
    return trial


def _keep(key: str, trial: Trial, folder: Path) -> None:
    with files.scratch("trial") as kept:
        (kept / _RECORD).write_bytes(canonical(trial))
        for shown in trial.windows:
            shutil.copyfile(folder / shown.screenshot, kept / shown.screenshot)
        cache.store("smoke", key, kept)


def _try(job: Job, place: Place, log: Path) -> Trial:
    """Open the system, and the display server if there is one, and try everything in it."""
    from coldforge.host.container import container
    from coldforge.smoke.display import Display
    from coldforge.smoke.machine import Machine

    log.unlink(missing_ok=True)
    with ExitStack() as stack:
        client = stack.enter_context(closing(engine.connect()))
        system = _image(client, place.image, job.target)
        server = stack.enter_context(container(client, _image(client, place.display, job.target))) if place.display else None
        made = stack.enter_context(container(client, system, installs=True, beside=server))

        def cut() -> Display | None:
            (server or made).cut_network()
            return Display(server, log) if server else None

        return attempt(job, Machine(made, job.manager, _proxies(), log), cut)


def _image(client: engine.Engine, image: Image, target: PlannedTarget) -> str:
    architecture = Target.parse(target.target).debian_arch
    identity = engine.ensure_image(client, image.base, architecture)
    return engine.build_image(client, base=identity, recipe=image.recipe, architecture=architecture) if image.recipe else identity


def _proxies() -> dict[str, str]:
    """How package archives are reached from here."""
    import os

    from coldforge.host.client import client_environment

    return {name.lower(): value for name, value in client_environment(os.environ).items() if name.lower() in _HERE}
