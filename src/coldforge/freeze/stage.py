"""The freeze stage: decides by the digest of all inputs whether anything has to be done at all."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from coldforge.errors import ConfigurationError
from coldforge.freeze import FreezeJob
from coldforge.freeze.command import Command
from coldforge.freeze.finish import wants_one_file
from coldforge.freeze.freezers import FREEZERS
from coldforge.freeze.sources import digest, source_files
from coldforge.freeze.workshop import choose_image, open_workshop
from coldforge.host import cache, files
from coldforge.plan.model import Plan, PlannedTarget
from coldforge.records import INDEX, SINGLES, TREE, FileEntry, Payload, canonical, digest_of, read
from coldforge.report import reporter
from coldforge.target import Target

VERSION: Final = 10  # of what a freeze makes: raised when the same inputs give other bytes
# The package managers' own records: libraries of this machine go into a tree that is frozen on it.
_PACKAGES: Final = ("/var/lib/dpkg/status", "/var/lib/rpm/rpmdb.sqlite", "/usr/lib/sysimage/rpm/rpmdb.sqlite")


def freeze_target(
    plan: Plan, target: PlannedTarget, *, project: Path, out: Path, icon: bytes = b"", host: bool = False, clean: bool = False
) -> Payload:
    """The payload of one target in `out/<target>/`: what is there already, from the cache, or frozen now.

    `icon` is an icon file for its programs, for Windows.

    Raises Missing, BuildFailed or Refused; whatever was in the folder before is then still there.
    """
    commands = target.freezer == Command.name
    image = choose_image(target.container, target=Target.parse(target.target), host=host, project=project, commands=commands)
    job = FreezeJob(project=project, plan=plan, target=target, out=out / target.target, image=image, icon=icon, clean=clean)
    freezer = FREEZERS[target.freezer]
    key = _key(job, freezer.inputs(job))
    if not clean and (present := _present(job, key) or _cached(job, key)):
        reporter().info("Nothing has changed.")
        return present
    shutil.rmtree(job.out / "logs", ignore_errors=True)
    with open_workshop(image, Target.parse(target.target)) as workshop:
        payload = freezer.freeze(job, workshop)
    environment = msgspec.structs.replace(payload.environment, image=image.base if image else "")
    payload = msgspec.structs.replace(payload, key=key, environment=environment)
    _keep(job, payload)
    return payload


def _key(job: FreezeJob, inputs: Mapping[str, Any]) -> str:
    """The digest of everything that decides the payload's bytes; `inputs` are the freezer's own."""
    config = job.plan.config
    return digest_of(
        {
            "version": VERSION,
            "coldforge": job.plan.coldforge,
            "freezer": job.target.freezer,
            "inputs": inputs,
            "source": digest(job.project, source_files(job.project, job.out.parent)),
            "product": msgspec.to_builtins(job.plan.product),
            "config": msgspec.to_builtins([config.gates, config.smoke.run, config.licenses]),
            "target": [job.target.target, job.target.floor, job.target.budget, wants_one_file(job)],
            "icon": hashlib.sha256(job.icon).hexdigest(),
            "epoch": job.plan.source.epoch,
            "workshop": job.image.identity if job.image else _packages(),
        }
    )


def _packages() -> list[str]:
    return [files.sha256(path) for path in map(Path, _PACKAGES) if path.is_file()]


def _present(job: FreezeJob, key: str) -> Payload | None:
    """What lies in the output folder, if it was made from the same inputs and is whole."""
    path = job.out / INDEX
    if not path.is_file():
        return None
    try:
        payload = read(path, Payload)
    except ConfigurationError:  # written by another version
        return None
    whole = payload.key == key and _whole(payload.files, job.out / TREE) and _whole(payload.singles, job.out / SINGLES)
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
    same = state.st_mode & 0o777 == entry.mode or os.name == "nt"  # where files have no such modes
    return state.st_size == entry.size and same and files.sha256(path) == entry.sha256


def _cached(job: FreezeJob, key: str) -> Payload | None:
    """The payload from the cache, copied into the output folder."""
    from coldforge.freeze.index import normalise

    entry = cache.fetch("payload", key)
    if entry is None:
        return None
    for name in (TREE, SINGLES):
        with files.folder_beside(job.out / name) as folder:
            shutil.copytree(entry / name, folder, symlinks=True, dirs_exist_ok=True)
            normalise(folder, job.plan.source.epoch, windows=Target.parse(job.target.target).os == "windows")
    payload = read(entry / INDEX, Payload)
    files.write(job.out / INDEX, canonical(payload))
    return payload


def _keep(job: FreezeJob, payload: Payload) -> None:
    """Write the index, and put tree, one-file programs and index into the cache."""
    files.write(job.out / INDEX, canonical(payload))
    folders = {TREE: payload.files, SINGLES: payload.singles}
    known = {f"{folder}/{entry.path}": entry.sha256 for folder, entries in folders.items() for entry in entries if entry.sha256}
    cache.store("payload", payload.key, {name: job.out / name for name in (*folders, INDEX)}, known=known)
