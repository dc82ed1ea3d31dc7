"""The plan of a commit with what a manifest records of a target in it: image, interpreter, lock, time. Pure but for the kept lock."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from coldforge.errors import ConfigurationError, Missing
from coldforge.host import files
from coldforge.plan.model import Plan, PlannedTarget
from coldforge.project.config import EnvironmentConfig
from coldforge.project.images import Image, is_pinned
from coldforge.rebuild.inputs import unlike
from coldforge.records import DETACHED, Environment, Manifest, TargetRecord
from coldforge.target import Target

HOST: Final = "host"
RESOLVED: Final = "resolved"  # the lock's name when there was none
_PYTHON: Final = re.compile(r"[A-Za-z0-9/][\w./+@-]*", re.ASCII)
_LINE: Final = re.compile(r"[a-z0-9][a-z0-9-]*==[\w.!+-]+\n", re.ASCII)
_VERSION: Final = re.compile(r"\d+(\.\d+)*[\w.+]*", re.ASCII)


def check_version(manifest: Manifest, here: str) -> None:
    """Raises Missing when another coldforge made it: other recipes and bundlers make other bytes."""
    if manifest.coldforge != here:
        known = _VERSION.fullmatch(manifest.coldforge)  # it may come from anybody, and a hint is there to be pasted
        hint = f"Use that one: uvx coldforge=={manifest.coldforge} rebuild …" if known else ""
        message = f"{manifest.product} {manifest.version} was built by coldforge {manifest.coldforge!r}, and this is {here}"
        raise Missing(message, why="Another version makes other bytes.", hint=hint)


def check_recipes(record: TargetRecord, here: Mapping[str, str]) -> None:
    """Raises Missing when the files that run inside a freeze are not those that are recorded. `here` is by name with their sha256."""
    if others := unlike(record.environment.recipes, here):
        hint = "The version is the same: one of both is no release of coldforge. Use the checkout that built it."
        message = f"the recipes that froze {record.target} are not those of this coldforge"
        raise Missing(message, why=f"Other ones: {', '.join(others)}.", hint=hint)


def check_lock(record: TargetRecord, name: str, sha256: str) -> None:
    """Raises ConfigurationError when the lock of the commit, by name and digest, is not the one that is recorded."""
    environment = record.environment
    if not environment.resolved:
        _check_same(record.target, "lock", (environment.lock, environment.lock_sha256), (name, sha256))


def check_build_lock(record: TargetRecord, name: str, sha256: str) -> None:
    """Raises ConfigurationError when what may build is not what is recorded."""
    environment = record.environment
    _check_same(record.target, "build lock", (environment.build_lock, environment.build_lock_sha256), (name, sha256))


def _check_same(target: str, what: str, recorded: tuple[str, str], found: tuple[str, str]) -> None:
    if recorded[1] == found[1]:
        return
    (before, digest), (name, sha256) = recorded, found
    why = f"Recorded: {before or 'none'} {digest[:12]}. In the commit: {name or 'none'} {sha256[:12]}".rstrip()
    hint = f"Is the {what} left out of the repository (.gitignore)? Commit it, then build and release."
    raise ConfigurationError(f"the {what} that {target} was frozen with is not in the commit", why=f"{why}.", hint=hint)


def replayed(
    plan: Plan, manifest: Manifest, record: TargetRecord, *, container: str, settings: EnvironmentConfig, toolbox: str = ""
) -> Plan:
    """The plan of the commit with what the manifest records of a target.

    `container` and `settings` are as the freeze takes them, `toolbox` as the bundlers do. Raises ConfigurationError when the commit is
    not what the manifest is about.
    """
    product = plan.product
    if (product.name, product.version) != (manifest.product, manifest.version):
        found, recorded = f"{product.name} {product.version}", f"{manifest.product} {manifest.version}"
        hint = "If its version comes from git's tags: does the repository have the tag, and no newer one there?"
        raise ConfigurationError(f"the commit is {found}, and the manifest is about {recorded}", hint=hint)
    (target,) = (target for target in plan.targets if target.target == record.target)
    _check_target(target, record)
    config = msgspec.structs.replace(plan.config, environment=settings)
    target = msgspec.structs.replace(target, container=container, toolbox=toolbox)
    return msgspec.structs.replace(plan, source=manifest.source, config=config, targets=(target,))


def settings(
    given: EnvironmentConfig, recorded: Environment, *, project: Path, python: str, lock: str, build_lock: str
) -> EnvironmentConfig:
    """What the commit in the folder `project` says of the environment, with what is recorded. Empty locks are the commit's own.

    A wheelhouse that is not committed is left out: an index has the same files.
    """
    return msgspec.structs.replace(
        given,
        python=python,
        lock=lock or given.lock,
        build_lock=build_lock or given.build_lock,
        extras=recorded.extras,
        groups=recorded.groups,
        wheelhouse=given.wheelhouse if (project / given.wheelhouse).is_dir() else "",
    )


def _check_target(target: PlannedTarget, record: TargetRecord) -> None:
    if target.freezer != record.freezer:
        raise ConfigurationError(f"the commit freezes {record.target} with {target.freezer}, and the manifest says {record.freezer!r}")
    names = {artifact.name for artifact in target.artifacts}
    if strange := sorted({artifact.name for artifact in record.artifacts if artifact.format != DETACHED} - names):
        why = f"The commit plans {', '.join(sorted(names))}."
        raise ConfigurationError(f"the commit does not make {', '.join(strange)}", why=why)


def container_of(record: TargetRecord, planned: Image | None, name: str) -> str:
    """The build image to freeze in: what the commit plans (`name` means `planned`) if it is the recorded one, else the recorded one.

    Raises Missing when the recorded one cannot be had, ConfigurationError when what is recorded makes no sense.
    """
    environment = record.environment
    return _image_of(environment.image or environment.workshop, environment.workshop, planned, name, f"froze {record.target}")


def toolbox_of(record: TargetRecord, planned: Image | None, name: str) -> str:
    """The toolbox whose programs make the formats, chosen and refused like the build image; empty when the machine's own did."""
    if not record.toolbox:
        return ""
    image, at, digests = record.toolbox.rpartition("@")
    base, _, _ = digests.partition("+")
    return _image_of(f"{image}{at}{base}", digests, planned, name, f"packaged {record.target}")


def _image_of(image: str, identity: str, planned: Image | None, name: str, did: str) -> str:
    """The planned image if it is the one of this identity, else `image`, which must be. `did` is what was done in it, for messages."""
    if planned is not None and planned.identity == identity:
        return name
    if is_pinned(image) and image.rpartition("@")[2] == identity:
        return image
    if is_pinned(image) and identity.startswith(f"{image.rpartition('@')[2]}+"):
        hint = "It is made by a Dockerfile, and the one in force here is another: use the coldforge that built it."
        raise Missing(f"the image that {did} cannot be made", why=f"It is {identity}.", hint=hint)
    raise ConfigurationError(f"the manifest does not tell which image {did}", why=f"It says {image[:200]!r}.")


def python_of(record: TargetRecord) -> str:
    """What the interpreter is called in the image. Raises ConfigurationError for what cannot be a name: it is given to a program."""
    python = record.environment.python
    if not _PYTHON.fullmatch(python):
        raise ConfigurationError(f"the manifest does not tell which Python froze {record.target}", why=f"It says {python[:200]!r}.")
    return python


def kept_lock(environment: Environment, target: Target, folder: Path) -> str:
    """The path of the recorded lock when the commit has none, written into `folder`; else empty. Raises ConfigurationError."""
    if not environment.resolved:
        return ""
    path = folder / str(target) / RESOLVED
    files.write(path, environment.resolved.encode())
    if files.sha256(path) != environment.lock_sha256:
        raise ConfigurationError(f"the manifest's lock of {target} is not the one whose digest it records")
    return str(path)


def kept_build_lock(environment: Environment, target: Target, folder: Path) -> str:
    """The path of what is recorded of the builds when the commit has no lock for them, written into `folder`; else empty.

    One list is for all builds: a distribution that served some of them in another version is left to its time.
    """
    if environment.build_lock or not environment.built:
        return ""
    versions: dict[str, set[str]] = {}
    for dist in (dist for used in environment.built.values() for dist in used):
        versions.setdefault(dist.name, set()).add(dist.version)
    lines = [f"{name}=={version}\n" for name, (version, *others) in sorted((n, sorted(v)) for n, v in versions.items()) if not others]
    if any(not _LINE.fullmatch(line) for line in lines):
        raise ConfigurationError(f"the manifest does not tell what built {target}", why="Its distributions have no names or versions.")
    path = folder / str(target) / "build" / RESOLVED
    files.write(path, "".join(lines).encode())
    return str(path)
