"""The default freezer: PyInstaller in the frozen environment's own Python, through build/freeze.py."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from coldforge import recipes
from coldforge.errors import BuildFailed, ConfigurationError, Location
from coldforge.freeze import FreezeJob, Workshop, windows
from coldforge.freeze.building import BUILT, HOOK, Builder, BuildLock, built, find_build_lock
from coldforge.freeze.declared import declared
from coldforge.freeze.described import described
from coldforge.freeze.environment import FREEZER_LOCK, FREEZER_NEEDS, freezer_pins, install, install_project, python_version
from coldforge.freeze.finish import Frozen, finish, wants_one_file
from coldforge.freeze.gates import Known, judge
from coldforge.freeze.gates.warned import ASKED, from_imports, from_warnings
from coldforge.freeze.installer import Installer, open_supply, put_uv
from coldforge.freeze.lock import RESOLVED, Lock, find_lock, read_lock
from coldforge.freeze.managed import archive, is_managed
from coldforge.freeze.requirements import Pin, pins, recorded
from coldforge.freeze.resolve import resolve
from coldforge.freeze.sources import copy, source_files
from coldforge.freeze.wheelhouse import check_held, listing
from coldforge.host import cache, files
from coldforge.plan import libraries
from coldforge.project.config import Product
from coldforge.project.pyinstaller import meant_for
from coldforge.project.supply import indexes, wheelhouse
from coldforge.records import Component, Distribution, Environment, Interpreter, Payload, digest_of
from coldforge.report import reporter
from coldforge.target import Target, host_target

OURS: Final = "build"  # the folder of the workshop that the following are in
FREEZE: Final = "build/freeze.py"
HOOKS: Final = ("build/hooks/library_path.py", "build/hooks/children.py")
PARTS: Final = (
    "asked", "byte_code", "collected", "compressed", "computed", "facts", "imported", "inside", "installed", "kept", "licences", "loaded",
    "options", "origins", "outlook", "own", "package_files", "parts", "plugins", "resources", "search_path", "spec", "typelibs", "unfit",
    "unseen", "warned", "wrapper",
)  # fmt: skip
RECIPES: Final = (FREEZE, *(f"build/freezing/{part}.py" for part in PARTS), *HOOKS)
ORDER: Final = "build/job.json"
ICON: Final = "build/product.ico"
KEPT: Final = "kept"  # the analysis, in the workshop
ANALYSED: Final = ("application", "executables", "options", "anyway", "freezer")  # what of the order decides it
ENVIRONMENT: Final = 4  # raised when the same lock is installed in another way


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """What the freeze stands on: the interpreter as the workshop calls it, its version, what else is known of it, and its locks.

    `build_lock` is for what is built from source. `uv` is the installer's path in the workshop, `machine` the architecture
    that markers ask for.
    """

    python: str
    version: str
    identity: Mapping[str, str]
    lock: Lock
    build_lock: BuildLock
    uv: str
    machine: str


class PyInstaller:
    """Freezes a Python project: `job.out` gets `payload/` and `onefile/`."""

    name = "pyinstaller"

    def inputs(self, job: FreezeJob) -> Mapping[str, Any]:
        """The locked environment with its interpreter, the options, and what coldforge brings along."""
        config = job.plan.config
        lock = find_lock(job.project, config.environment)
        return {
            "lock": files.sha256(lock) if lock else RESOLVED,
            "recipes": recorded_recipes(job.project),
            "config": msgspec.to_builtins([config.environment, config.pyinstaller]),
            "build-lock": find_build_lock(job.project, config.environment).sha256,
            "wheelhouse": listing(wheelhouse(job.project, config.environment)),
            "interpreter": _interpreter(job)[1],
        }

    def freeze(self, job: FreezeJob, workshop: Workshop) -> Payload:
        """Raises BuildFailed, and Refused when a gate says that the result would not work."""
        with files.scratch("job") as scratch:
            base = _base(job, workshop, scratch)
            freezer = freezer_pins(base.lock, job.project, base.version, base.machine)
            with reporter().step("environment"):
                environment = _prepare(job, workshop, base, freezer, scratch)
            with reporter().step("PyInstaller"):
                result = _run(job, workshop, freezer, scratch, environment)
            made = _built(workshop, base, scratch)
        check_fit(job, result)
        packages = {**libraries.known(job.project), **job.plan.config.deb.libraries}
        config, failures = job.plan.config, tuple(from_imports(result["failures"], packages))
        judge(failures, config.gates)  # before anything else: nothing was frozen then
        check_version(job.plan.product, dict(result["distributions"]))
        known = msgspec.convert({key: result[key] for key in ("origins", "modules", "importers", "imports")}, Known)
        options = msgspec.structs.replace(config.pyinstaller, hidden_imports=tuple(result["hidden-imports"]))
        windowed = not all(executable.console for executable in job.plan.product.executables)
        record = _record(job, workshop, base, freezer, {**result, "built": made})
        if left := sorted({dist.name for dist in record.distributions} - {part["name"] for part in result["components"]}):
            reporter().info(f"in the lock and not in the tree: {', '.join(left)}")
        frozen = Frozen(
            freezer=self.name,
            tree="out/payload",
            singles="out/onefile",
            origins=result["origins"],
            components=tuple(msgspec.convert(result["components"], list[Component])),
            gates=ASKED,
            findings=(*failures, *from_warnings(result["warnings"], options, known, packages, windowed=windowed)),
            known=known,
            python=result["machine"]["python"],
            host=result["machine"]["name"],
            environment=record,
        )
        return finish(job, workshop, frozen)


def _interpreter(job: FreezeJob) -> tuple[str, dict[str, str]]:
    """The interpreter as its workshop calls it, and what is known of it before."""
    wanted = job.plan.config.environment.python
    if job.image is not None and job.image.wine:
        taken = windows.choose(wanted, job.plan.product.requires_python, job.project)
        return taken.minor, {"image": job.image.identity, "sha256": taken.sha256}
    if job.image is not None:
        own = {"archive": archive(wanted, Target.parse(job.target.target))} if is_managed(wanted) else {}
        return wanted or job.image.python, {"image": job.image.identity, **own}
    from coldforge.freeze.interpreter import find_python

    found = find_python(wanted, job.plan.product.requires_python, project=job.project, fetch=True)
    return found.path, {**found.identity(), "library": found.library.name}


def _base(job: FreezeJob, workshop: Workshop, scratch: Path) -> Base:
    python, identity = _interpreter(job)
    target = Target.parse(job.target.target)
    tool, requires = put_uv(workshop, target), job.plan.product.requires_python
    log = job.out / "logs" / "python.log"
    if workshop.windows:
        version = _bring(job, requires, scratch / "python")
    else:
        version = identity.get("version") or python_version(workshop, tool=tool, python=python, requires=requires, log=log)
    return Base(
        python=python,
        version=version,
        identity=identity,
        lock=_lock(job, version, target),
        build_lock=find_build_lock(job.project, job.plan.config.environment),
        uv=tool,
        machine=target.machine,
    )


def _bring(job: FreezeJob, requires: str, destination: Path) -> str:
    """Windows' Python in a folder of this machine; its version."""
    config = job.plan.config.environment
    with reporter().step("Python for Windows"):
        return windows.unpack(windows.choose(config.python, requires, job.project), job.project, config, destination)


def _lock(job: FreezeJob, version: str, target: Target) -> Lock:
    config = job.plan.config.environment
    path = find_lock(job.project, config)
    if path is None:
        platform = "" if target == host_target() else target.triple
        return resolve(job.project, config, epoch=job.plan.source.epoch, python=version, platform=platform)
    return read_lock(path, job.project, config, python=version, machine=target.machine)


def _prepare(job: FreezeJob, workshop: Workshop, base: Base, freezer: tuple[Pin, ...], scratch: Path) -> str:
    """Install everything; the key of what is not the project's own."""
    config, lines = job.plan.config.environment, "".join(f"{pin.line}\n" for pin in freezer)
    folder = wheelhouse(job.project, config)
    installer = Installer(
        workshop=workshop,
        tool=base.uv,
        supply=open_supply(workshop, folder),
        indexes=indexes(job.project, os.environ),
        log=job.out / "logs" / "environment.log",
    )
    builder = Builder(workshop=workshop, lock=base.build_lock, epoch=job.plan.source.epoch)
    builder.open(job.project, scratch)
    decided = [base.lock.text, lines, workshop.identity, base.identity, base.python, job.target.target, listing(folder)]
    key = digest_of([ENVIRONMENT, *decided, _of_sources(job, base)])
    if not job.clean and (kept := cache.fetch("environment", key)):
        reporter().info("taken from the cache")
        workshop.restore(kept, "environment")
    else:
        wanted = (*pins(base.lock.text), *base.build_lock.pins)
        check_held(folder, (*(pin for pin in wanted if pin.applies(base.version, base.machine)), *freezer))
        locks = {"application": base.lock.text, "freezer": lines}
        if workshop.windows:
            workshop.put(scratch / "python", "environment")
        install(installer, builder, python=base.python, version=base.version, locks=locks, allowed=config.allow_sdists, scratch=scratch)
        workshop.save("environment", scratch / "environment")
        cache.store("environment", key, scratch / "environment")
    copy(job.project, source_files(job.project, job.out.parent), scratch / "source")
    workshop.put(scratch / "source", "source")
    product, target = job.plan.product, Target.parse(job.target.target)
    install_project(installer, builder, target=target, python=base.version, name=product.name, version=product.version, scratch=scratch)
    return key


def _of_sources(job: FreezeJob, base: Base) -> list[Any]:
    """What decides the bytes of distributions that are built from source; nothing where all are wheels."""
    if not job.plan.config.environment.allow_sdists:
        return []
    when = 0 if base.build_lock.name else job.plan.source.epoch
    return [job.plan.config.environment.allow_sdists, base.build_lock.text, when, files.sha256(recipes.find(HOOK, job.project))]


def _run(job: FreezeJob, workshop: Workshop, freezer: tuple[Pin, ...], scratch: Path, environment: str) -> Mapping[str, Any]:
    ordered = order(job, workshop, freezer)
    for recipe in RECIPES:
        (scratch / recipe).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(recipes.find(recipe, job.project), scratch / recipe)
    (scratch / ORDER).write_text(json.dumps(ordered), encoding="utf-8")
    (scratch / ICON).write_bytes(job.icon)
    workshop.put(scratch / OURS, OURS)  # all at once: each way into a container takes a tenth of a second
    key = digest_of([environment, recorded_recipes(job.project), {name: ordered[name] for name in ANALYSED}])
    if not job.clean and (kept := cache.fetch("analysis", key)):
        workshop.restore(kept, KEPT)
    words = [workshop.path(workshop.python), workshop.seen(FREEZE), workshop.seen(ORDER)]
    workshop.run(words, env=surroundings(job, workshop), network=False, log=job.out / "logs" / "freeze.log")
    workshop.get("out/result.json", scratch / "result.json")
    result: Mapping[str, Any] = json.loads((scratch / "result.json").read_text(encoding="utf-8"))
    if (analysis := result.get("analysis")) == "new":
        workshop.save(KEPT, scratch / KEPT)
        cache.store("analysis", key, scratch / KEPT)
    elif analysis == "used":
        reporter().info("the analysis is kept: nothing that it looks at has changed")
    return result


def _built(workshop: Workshop, base: Base, scratch: Path) -> dict[str, tuple[Distribution, ...]]:
    """What built the distributions that came as source, and the project."""
    found: dict[str, tuple[Distribution, ...]] = {}
    for name in (f"environment/{BUILT}", BUILT):
        workshop.get(name, scratch / "records" / name)
        found |= built(scratch / "records" / name, base.build_lock)
    return found


def _record(job: FreezeJob, workshop: Workshop, base: Base, freezer: tuple[Pin, ...], known: Mapping[str, Any]) -> Environment:
    """The record of the environment; `known` is the freeze's result, with what `_built` found."""
    lock, config = base.lock, job.plan.config.environment
    return Environment(
        interpreter=Interpreter(**known["python"]),
        distributions=recorded(pins(lock.text), base.version, base.machine),
        freezer_distributions=recorded(freezer, base.version, base.machine),
        lock=lock.name,
        lock_sha256=lock.sha256,
        resolved=lock.resolved,
        built=known["built"],
        build_lock=base.build_lock.name,
        build_lock_sha256=base.build_lock.sha256,
        extras=config.extras,
        groups=config.groups,
        workshop=workshop.identity,
        python=base.python if workshop.uv_needed else "",  # on the host it may be somebody's path
        recipes=recorded_recipes(job.project),
        system=known["system"]["name"],
        glibc=known["system"]["glibc"],
        network="off" if workshop.network_off else "not isolated",
    )


def recorded_recipes(project: Path) -> dict[str, str]:
    """The digests of all files that decide a freeze besides the project's own: its overrides count."""
    return {name: files.sha256(recipes.find(name, project)) for name in (FREEZER_LOCK, FREEZER_NEEDS, HOOK, *RECIPES)}


def check_fit(job: FreezeJob, result: Mapping[str, Any]) -> None:
    """Raises ConfigurationError when the project cannot be frozen as its configuration asks."""
    if problem := result.get("unfit"):
        spec = job.plan.config.pyinstaller.spec
        where = Location(job.project / spec) if spec else None
        raise ConfigurationError(problem["what"], hint=f"{problem['hint'].capitalize()}.", where=where)


def check_version(product: Product, installed: Mapping[str, str]) -> None:
    """Raises BuildFailed when the project that was built calls itself another version than the one that was planned."""
    from packaging.utils import canonicalize_name
    from packaging.version import InvalidVersion, Version

    found = {canonicalize_name(name): version for name, version in installed.items()}.get(canonicalize_name(product.name))
    try:
        differs = found is not None and Version(found) != Version(product.version)
    except InvalidVersion:
        differs = found != product.version
    if differs:
        hint = "If its version comes from git: does its build backend find it without a repository?"
        raise BuildFailed(f"{product.name} {product.version} was planned, and {found} was built", hint=hint)


def order(job: FreezeJob, workshop: Workshop, freezer: tuple[Pin, ...]) -> dict[str, Any]:
    """What build/freeze.py is asked for; its keys are explained there."""
    return {
        "application": job.plan.product.name,
        "executables": [{"name": each.name, "entry": each.entry, "console": each.console} for each in job.plan.product.executables],
        "options": options_of(job),
        "onefile": wants_one_file(job),
        "anyway": "entry-import" in job.plan.config.gates,
        "declared": [str(requirement) for requirement in declared(job.project, job.plan.config.environment)],
        "freezer": [pin.name for pin in freezer],
        "licenses": list(job.plan.product.license_files),
        "resources": {**described(job.plan.product, job.project), "icon": workshop.seen(ICON) if job.icon else ""},
        "hooks": [workshop.seen(hook) for hook in HOOKS],
        "source": workshop.seen("source"),
        "kept": workshop.seen(KEPT),
        "work": workshop.seen("work"),
        "out": workshop.seen("out"),
    }


def options_of(job: FreezeJob) -> dict[str, Any]:
    """PyInstaller's options that are meant for the target's system; says which others are set."""
    target = Target.parse(job.target.target)
    kept, foreign = meant_for(job.plan.config.pyinstaller, target.os)
    if target.os == "macos" and not kept["target-arch"]:  # a Python for both processors would take its own
        kept = {**kept, "target-arch": target.machine}
    if foreign:
        reporter().info(f"{', '.join(foreign)}: not for {job.target.target}, so ignored here.")
    return kept


def surroundings(job: FreezeJob, workshop: Workshop) -> dict[str, str]:
    """The variables of the freeze, beyond the workshop's own."""
    # Windows' Python brings no byte code of its library, and PyInstaller starts it a dozen times
    code = {"PYTHONPYCACHEPREFIX": workshop.seen("home/code")} if workshop.windows else {"PYTHONDONTWRITEBYTECODE": "1"}
    return {
        **code,
        "PYTHONPATH": workshop.seen("application"),
        "PYTHONHASHSEED": "0",
        "PYINSTALLER_CONFIG_DIR": workshop.seen("home/pyinstaller"),
        "PYINSTALLER_ZLIB_COMPRESSION_LEVEL": "6",  # PyInstaller's own 9 takes three times as long for half a per cent
        "SOURCE_DATE_EPOCH": str(job.plan.source.epoch),
        "TZ": "UTC",
        "LC_ALL": "C.UTF-8",
    }
