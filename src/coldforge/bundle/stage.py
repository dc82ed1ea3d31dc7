"""The bundle stage: every format of a target, side by side, each only if its inputs have changed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

from coldforge import recipes
from coldforge.bundle import BundleJob, Bundler
from coldforge.bundle.formats import BUNDLERS
from coldforge.bundle.tree import Tree, load
from coldforge.errors import ConfigurationError
from coldforge.host import cache, files
from coldforge.host.clock import now
from coldforge.plan.model import Plan, PlannedArtifact, PlannedTarget
from coldforge.records import MANIFEST, Artifact, Manifest, Payload, digest_of, read
from coldforge.report import reporter

VERSION = 1  # of what the bundlers write: raised when the same inputs give other bytes


def bundle_target(
    plan: Plan,
    target: PlannedTarget,
    payload: Payload,
    *,
    project: Path,
    out: Path,
    jobs: int = 1,
    clean: bool = False,
    seconds: dict[str, float] | None = None,
) -> tuple[Artifact, ...]:
    """Make the planned artifacts of one target in `out/<target>/`; those that are there already stay as they are.

    `seconds` is filled with the time that each one took, by its path. Raises Refused when the payload
    has changed since it was frozen, BuildFailed and Missing from the tools.
    """
    folder = out / target.target
    before = {artifact.name: artifact for artifact in _before(folder)}
    todo: list[tuple[BundleJob, Bundler, str]] = []
    done: list[Artifact] = []
    for planned in target.artifacts:
        job = BundleJob(project=project, plan=plan, target=target, artifact=planned, payload=payload, folder=folder)
        bundler = BUNDLERS[planned.format]()
        key = _key(job, bundler)
        kept = None if clean else _kept(job, key, before.get(planned.name)) or _cached(job, key)
        if kept:
            done.append(kept)
        else:
            todo.append((job, bundler, key))
    if todo:
        tree = load(payload, folder / "payload", plan.source.epoch)
        with ThreadPoolExecutor(max_workers=jobs) as pool:
            done += pool.map(lambda item: _make(*item, tree=tree, seconds=seconds), todo)
    else:
        reporter().info("Nothing has changed.")
    _sweep(folder, before, target.artifacts)
    return tuple(sorted(done, key=lambda artifact: artifact.name))


def _before(folder: Path) -> tuple[Artifact, ...]:
    if not (folder / MANIFEST).is_file():
        return ()
    try:
        return read(folder / MANIFEST, Manifest).artifacts
    except ConfigurationError:  # written by another version: everything is made anew
        return ()


def _key(job: BundleJob, bundler: Bundler) -> str:
    """The digest of everything that decides the artifact's bytes."""
    product = job.plan.product
    project_files = [product.icon, *product.license_files, *(f"man/{executable.name}.1" for executable in product.executables)]
    templates = [recipes.find(name, job.project) for name in getattr(bundler, "templates", ())]
    return digest_of(
        {
            "version": VERSION,
            "payload": job.payload.digest,
            "requires": job.payload.requires,
            "floor": job.payload.glibc_floor,
            "artifact": job.artifact,
            "target": job.target.target,
            "product": msgspec.to_builtins(product),
            "config": msgspec.to_builtins(job.plan.config.deb) if job.artifact.format == "deb" else {},
            "files": list(_digests([job.project / name for name in project_files if name])),
            "templates": list(_digests(templates)),
            "epoch": job.plan.source.epoch,
            "tool": bundler.tool(),
        }
    )


def _digests(paths: list[Path]) -> Iterator[str]:
    yield from (files.sha256(path) if path.is_file() else "" for path in paths)


def _kept(job: BundleJob, key: str, before: Artifact | None) -> Artifact | None:
    """The artifact that is there already, if it was made from the same inputs and is whole."""
    path = job.folder / job.artifact.name
    if before is None or before.key != key or not path.is_file() or path.stat().st_size != before.size:
        return None
    return before if files.sha256(path) == before.sha256 else None


def _cached(job: BundleJob, key: str) -> Artifact | None:
    cached = cache.fetch("artifact", key)
    if cached is None:
        return None
    with files.beside(job.folder / job.artifact.name) as temporary:
        shutil.copy(cached, temporary)
    return _record(job, key)


def _make(job: BundleJob, bundler: Bundler, key: str, *, tree: Tree, seconds: dict[str, float] | None) -> Artifact:
    start = now()
    path = job.folder / job.artifact.name
    with files.beside(path) as temporary:
        bundler.bundle(job, tree, temporary)
    cache.store("artifact", key, path)
    artifact = _record(job, key)
    if seconds is not None:
        seconds[artifact.path] = now() - start
    return artifact


def _record(job: BundleJob, key: str) -> Artifact:
    path = job.folder / job.artifact.name
    return Artifact(
        name=job.artifact.name,
        path=f"{job.target.target}/{job.artifact.name}",
        target=job.target.target,
        format=job.artifact.format,
        size=path.stat().st_size,
        sha256=files.sha256(path),
        key=key,
    )


def _sweep(folder: Path, before: dict[str, Any], planned: tuple[PlannedArtifact, ...]) -> None:
    """Remove what an earlier run made and this plan does not name; nothing else is ever removed."""
    for name in sorted(before.keys() - {artifact.name for artifact in planned}):
        (folder / name).unlink(missing_ok=True)
