"""The default freezer: PyInstaller in the frozen environment's own Python, through build/freeze.py."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from coldforge import recipes
from coldforge.freeze import FreezeJob, Workshop, gates
from coldforge.freeze.binaries import Elf, external, is_elf, read_elf
from coldforge.freeze.environment import Lock, freezer_lock, install, install_project, normalised, pins, put_uv
from coldforge.freeze.sources import copy, source_files
from coldforge.host import cache, files
from coldforge.records import Environment, FileEntry, Finding, Interpreter, Origin, Payload, digest_of
from coldforge.report import reporter

FREEZE: Final = "build/freeze.py"
HOOKS: Final = ("build/hooks/library_path.py",)
ONE_FILE: Final = "onefile"


class PyInstaller:
    """Freezes a Python project: `job.out` gets `payload/` and `onefile/`."""

    name = "pyinstaller"

    def __init__(self, *, python: str, identity: object, lock: Lock) -> None:
        """`python` is the interpreter as the workshop sees it, `identity` what is known of it, `lock` the environment."""
        self._python = python
        self._identity = identity
        self._lock = lock

    def freeze(self, job: FreezeJob, workshop: Workshop) -> Payload:
        """Raises BuildFailed, and Refused when a gate says that the result would not work."""
        log = job.out / "logs"
        with files.scratch("job") as scratch:
            freezer = freezer_lock(self._lock, job.project)
            with reporter().step("environment"):
                self._environment(job, workshop, freezer, scratch, log / "environment.log")
            with reporter().step("PyInstaller"):
                result = self._run(job, workshop, freezer, scratch, log / "freeze.log")
        findings = [*gates.from_imports(result["failures"])]
        gates.judge(findings, {})  # nothing was frozen then; no reason helps
        return self._payload(job, workshop, freezer, result)

    def _environment(self, job: FreezeJob, workshop: Workshop, freezer: str, scratch: Path, log: Path) -> None:
        config = job.plan.config.environment
        key = digest_of([self._lock.text, freezer, workshop.identity, self._identity, config, 1])
        if cached := cache.fetch("environment", key):
            reporter().info("taken from the cache")
            workshop.restore(cached, "environment")
        else:
            install(workshop, python=self._python, lock=self._lock, freezer=freezer, config=config, scratch=scratch, log=log)
            workshop.save("environment", scratch / "environment")
            cache.store("environment", key, scratch / "environment")
        copy(job.project, source_files(job.project, job.out.parent), scratch / "source")
        workshop.put(scratch / "source", "source")
        python = workshop.path("environment/bin/python")
        install_project(workshop, tool=put_uv(workshop), python=python, log=log)

    def _run(self, job: FreezeJob, workshop: Workshop, freezer: str, scratch: Path, log: Path) -> Mapping[str, Any]:
        for recipe in (FREEZE, *HOOKS):
            workshop.put(recipes.find(recipe, job.project), recipe)
        (scratch / "job.json").write_text(json.dumps(self._job(job, workshop, freezer)), encoding="utf-8")
        workshop.put(scratch / "job.json", "job.json")
        environment = {
            "PYTHONPATH": workshop.path("application"),
            "PYTHONHASHSEED": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYINSTALLER_CONFIG_DIR": workshop.path("home/pyinstaller"),
            "SOURCE_DATE_EPOCH": str(job.plan.source.epoch),
            "TZ": "UTC",
            "LC_ALL": "C.UTF-8",
        }
        words = [workshop.path("environment/bin/python"), workshop.path(FREEZE), workshop.path("job.json")]
        workshop.run(words, env=environment, network=False, log=log)
        workshop.get("out/result.json", scratch / "result.json")
        result: Mapping[str, Any] = json.loads((scratch / "result.json").read_text(encoding="utf-8"))
        return result

    def _job(self, job: FreezeJob, workshop: Workshop, freezer: str) -> dict[str, Any]:
        return {
            "application": job.plan.product.name,
            "executables": msgspec.to_builtins(job.plan.product.executables),
            "options": msgspec.to_builtins(job.plan.config.pyinstaller),
            "freezer": [dist.name for dist in pins(freezer)],
            "hooks": [workshop.path(hook) for hook in HOOKS],
            "source": workshop.path("source"),
            "work": workshop.path("work"),
            "out": workshop.path("out"),
        }

    def _payload(self, job: FreezeJob, workshop: Workshop, freezer: str, result: Mapping[str, Any]) -> Payload:
        with files.folder_beside(job.out / "payload") as tree, files.folder_beside(job.out / ONE_FILE) as singles:
            workshop.get("out/payload", tree)
            workshop.get("out/onefile", singles)
            normalise(tree, job.plan.source.epoch)
            normalise(singles, job.plan.source.epoch)
            made = index(tree, result["origins"], job.plan.product.name)
            lone = index(singles, {}, job.plan.product.name)
            elfs = tuple(elfs_of(tree, made))
            asked = job.plan.config.pyinstaller.hidden_imports
            found: list[Finding] = [*gates.from_warnings(result["warnings"], asked), *gates.from_floor(job.target.floor, elfs, made)]
            findings = gates.judge(found, job.plan.config.gates)
        floor = max((elf.glibc for elf in elfs), default=())
        return Payload(
            target=job.target.target,
            freezer=self.name,
            key="",
            files=made,
            singles=lone,
            environment=self._record(workshop, freezer, result),
            findings=findings,
            requires=tuple(external(elfs, (entry.path for entry in made))),
            glibc_floor=f"glibc-{'.'.join(map(str, floor))}" if floor else "",
        )

    def _record(self, workshop: Workshop, freezer: str, result: Mapping[str, Any]) -> Environment:
        return Environment(
            interpreter=Interpreter(**result["python"]),
            distributions=installed(self._lock.text, result),
            freezer_distributions=installed(freezer, result),
            lock=self._lock.name,
            lock_sha256=self._lock.sha256,
            resolved=self._lock.resolved,
            workshop=workshop.identity,
            system=result["system"]["name"],
            glibc=result["system"]["glibc"],
            network="off" if workshop.network_off else "not isolated",
        )


def installed(lock: str, result: Mapping[str, Any]) -> tuple[Any, ...]:
    """The locked distributions that are really there: a marker may have left some out."""
    present = {normalised(name) for name, _ in result["distributions"]}
    return tuple(dist for dist in pins(lock) if dist.name in present)


def normalise(root: Path, epoch: int) -> None:
    """Modes 755 or 644 and one time for every file, whatever the umask and the clock were."""
    for path in sorted(root.rglob("*"), reverse=True):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        os.utime(path, (epoch, epoch), follow_symlinks=False)
    os.utime(root, (epoch, epoch))


def index(root: Path, origins: Mapping[str, Mapping[str, str]], application: str) -> tuple[FileEntry, ...]:
    """Every file of a tree with its digest, kind and origin, sorted by path."""
    return tuple(_entry(path, root, origins, application) for path in sorted(_listed(root), key=lambda p: p.relative_to(root).as_posix()))


def _listed(root: Path) -> Iterator[Path]:
    for path in root.rglob("*"):
        if path.is_symlink() or path.is_file() or not any(path.iterdir()):
            yield path


def _entry(path: Path, root: Path, origins: Mapping[str, Mapping[str, str]], application: str) -> FileEntry:
    name = path.relative_to(root).as_posix()
    known = origins.get(name) or origins.get(name.removeprefix("_internal/")) or {"kind": "application", "name": application}
    origin = msgspec.convert(dict(known), Origin)
    if path.is_symlink():
        return FileEntry(path=name, kind="link", link=path.readlink().as_posix(), origin=origin)
    if path.is_dir():
        return FileEntry(path=name, kind="directory", mode=0o755, origin=origin)
    mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
    return FileEntry(path=name, kind=_kind(path, mode), mode=mode, size=path.stat().st_size, sha256=files.sha256(path), origin=origin)


def _kind(path: Path, mode: int) -> Any:
    if not is_elf(path):
        return "executable" if mode == 0o755 else "data"
    if ".so" not in path.name:
        return "executable"
    return "extension" if "cpython" in path.name or ".abi3." in path.name else "library"


def elfs_of(root: Path, entries: tuple[FileEntry, ...]) -> Iterator[Elf]:
    """The facts of every ELF file of a tree."""
    for entry in entries:
        if entry.kind in ("executable", "library", "extension") and is_elf(root / entry.path):
            elf = read_elf(root / entry.path, entry.path)
            if elf is not None:
                yield elf
