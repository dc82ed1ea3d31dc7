"""The freeze stage: decides by the digest of all inputs whether anything has to be done at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from coldforge import recipes
from coldforge.errors import ConfigurationError
from coldforge.freeze import FreezeJob
from coldforge.freeze.environment import FREEZER_LOCK, Lock, find_lock, read_lock
from coldforge.freeze.images import Image
from coldforge.freeze.interpreter import find_python
from coldforge.freeze.sources import digest, source_files
from coldforge.freeze.workshop import choose_image, open_workshop
from coldforge.host import cache, files
from coldforge.plan.model import Plan, PlannedTarget
from coldforge.records import FileEntry, Payload, canonical, digest_of, read
from coldforge.report import reporter
from coldforge.target import Target

VERSION = 1  # of what a freeze makes: raised when the same inputs give other bytes


def freeze_target(plan: Plan, target: PlannedTarget, *, project: Path, out: Path, host: bool = False, clean: bool = False) -> Payload:
    """The payload of one target in `out/<target>/`: what is there already, from the cache, or frozen now.

    Raises Missing, BuildFailed or Refused; whatever was in the folder before is then still there.
    """
    job = FreezeJob(project=project, plan=plan, target=target, out=out / target.target)
    image = choose_image(target.container, host=host, project=project)
    python, identity = _interpreter(plan, image)
    key = _key(job, image, identity)
    if not clean and (present := _present(job, key) or _cached(job, key)):
        reporter().info("Nothing has changed.")
        return present
    payload = _freeze(job, image, python, identity, key)
    _keep(job, payload)
    return payload


def _interpreter(plan: Plan, image: Image | None) -> tuple[str, dict[str, str]]:
    """The interpreter as its workshop calls it, and what is known of it before."""
    if image is not None:
        return plan.config.environment.python or image.python, {"image": image.identity}
    found = find_python(plan.config.environment.python, plan.product.requires_python)
    return found.path, {**found.identity(), "library": found.library.name}


def _key(job: FreezeJob, image: Image | None, identity: dict[str, str]) -> str:
    """The digest of everything that decides the payload's bytes."""
    from coldforge.freeze.pyinstaller import FREEZE, HOOKS

    lock = find_lock(job.project, job.plan.config.environment)
    return digest_of(
        {
            "version": VERSION,
            "coldforge": job.plan.coldforge,
            "source": digest(job.project, source_files(job.project, job.out.parent)),
            "lock": files.sha256(lock) if lock else "resolved",
            "recipes": [files.sha256(recipes.find(name, job.project)) for name in (FREEZER_LOCK, FREEZE, *HOOKS)],
            "product": msgspec.to_builtins(job.plan.product),
            "config": msgspec.to_builtins([job.plan.config.environment, job.plan.config.pyinstaller, job.plan.config.gates]),
            "target": [job.target.target, job.target.floor],
            "epoch": job.plan.source.epoch,
            "image": image.identity if image else "host",
            "interpreter": identity,
        }
    )


def _present(job: FreezeJob, key: str) -> Payload | None:
    """What lies in the output folder, if it was made from the same inputs and is whole."""
    path = job.out / "payload.json"
    if not path.is_file():
        return None
    try:
        payload = read(path, Payload)
    except ConfigurationError:  # written by another version
        return None
    whole = payload.key == key and _whole(payload.files, job.out / "payload") and _whole(payload.singles, job.out / "onefile")
    return payload if whole else None


def _whole(entries: tuple[FileEntry, ...], root: Path) -> bool:
    """Whether every file is there with its bytes, and nothing else is."""
    listed = {entry.path for entry in entries}
    present = {p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_symlink() or p.is_file()} if root.is_dir() else set()
    return present <= listed and all(_same(entry, root / entry.path) for entry in entries)


def _same(entry: FileEntry, path: Path) -> bool:
    if entry.kind == "link":
        return path.is_symlink() and path.readlink().as_posix() == entry.link
    if entry.kind == "directory":
        return path.is_dir()
    if path.is_symlink() or not path.is_file():
        return False
    state = path.stat()
    return state.st_size == entry.size and state.st_mode & 0o777 == entry.mode and files.sha256(path) == entry.sha256


def _cached(job: FreezeJob, key: str) -> Payload | None:
    """The payload from the cache, copied into the output folder."""
    from coldforge.freeze.pyinstaller import normalise

    entry = cache.fetch("payload", key)
    if entry is None:
        return None
    import shutil

    for name in ("payload", "onefile"):
        with files.folder_beside(job.out / name) as folder:
            shutil.copytree(entry / name, folder, symlinks=True, dirs_exist_ok=True)
            normalise(folder, job.plan.source.epoch)
    payload = read(entry / "payload.json", Payload)
    files.write(job.out / "payload.json", canonical(payload))
    return payload


def _freeze(job: FreezeJob, image: Image | None, python: str, identity: dict[str, Any], key: str) -> Payload:
    from coldforge.freeze.pyinstaller import PyInstaller

    with open_workshop(image, Target.parse(job.target.target)) as workshop:
        lock = _lock(job, identity)
        payload = PyInstaller(python=python, identity=identity, lock=lock).freeze(job, workshop)
    return msgspec.structs.replace(payload, key=key)


def _lock(job: FreezeJob, identity: dict[str, Any]) -> Lock:
    version = ".".join(str(identity.get("version", "3.13")).split(".")[:2])
    return read_lock(job.project, job.plan.config.environment, epoch=job.plan.source.epoch, python=version)


def _keep(job: FreezeJob, payload: Payload) -> None:
    """Write the index, and put tree, one-file programs and index into the cache."""
    files.write(job.out / "payload.json", canonical(payload))
    import shutil

    with files.scratch("keep") as folder:
        for name in ("payload", "onefile"):
            shutil.copytree(job.out / name, folder / name, symlinks=True)
        shutil.copyfile(job.out / "payload.json", folder / "payload.json")
        cache.store("payload", payload.key, folder)
