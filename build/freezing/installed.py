"""What is installed in the frozen environment: distributions, their files, modules and data."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.metadata import Distribution, PackagePath, PathDistribution, distributions
from os.path import islink
from pathlib import Path
from typing import Any

NOT_PACKAGED = ("..", "bin", "Scripts")  # console-script wrappers: they hold the path of the interpreter that they were made for


class Read(PathDistribution):
    """A distribution whose metadata and list of files are read and parsed once, not at each look."""

    @cached_property
    def metadata(self) -> Any:
        return super().metadata

    @cached_property
    def files(self) -> Any:
        return super().files


def installed() -> Iterable[Distribution]:
    """Every installed distribution; not those that setuptools carries within, which it puts on the search path once it is loaded."""
    return read(tuple(folder for folder in sys.path if Path(folder).name != "_vendor"))


@cache
def read(folders: tuple[str, ...]) -> Sequence[Distribution]:
    """The distributions in some folders."""
    return [Read(dist._path) if isinstance(dist, PathDistribution) else dist for dist in distributions(path=list(folders))]  # noqa: SLF001


def named(name: str) -> Distribution | None:
    """An installed distribution by its normalised name."""
    return by_name(tuple(sys.path)).get(normalised(name))


@cache
def by_name(_: tuple[str, ...]) -> Mapping[str, Distribution]:
    """The installed distributions by normalised name, of one search path."""
    found: dict[str, Distribution] = {}
    for dist in installed():
        found.setdefault(normalised(dist.name or ""), dist)  # the first on the path counts
    return found


def normalised(name: str) -> str:
    """A distribution's name as the index compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def application_files(name: str) -> tuple[list[str], list[tuple[str, str]]]:
    """The application's own modules, and its data files with the folders they belong into.

    All of them, because a program may import its own modules by name and open its own data from
    anywhere; what it installs is what it means to ship.
    """
    modules: set[str] = set()
    data: list[tuple[str, str]] = []
    distribution = named(name)
    for file in distribution.files or () if distribution else ():
        path = Path(str(distribution.locate_file(file))) if distribution else Path()
        if file.parts[0] in NOT_PACKAGED or file.parts[0].endswith((".dist-info", ".data")) or "__pycache__" in file.parts:
            continue
        if file.suffix == ".py":
            parts = file.with_suffix("").parts
            modules.add(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
        elif file.suffix not in (".pyc", ".so", ".pyd", ".pyi", ".pth"):
            data.append((str(path), file.parent.as_posix()))
    return sorted(module for module in modules if all(part.isidentifier() for part in module.split("."))), sorted(data)


def declared_modules(name: str) -> set[str]:
    """The top-level modules of the application's direct dependencies.

    What it declares it uses, if only through a name that no analysis sees (zoneinfo loads tzdata so);
    and PyInstaller's hooks for a package apply only when the package is imported.
    """
    application = named(name)
    declared = {normalised(re.split(r"[^\w.-]", text, maxsplit=1)[0]) for text in (application.requires if application else None) or ()}
    found = {top for dist in installed() if normalised(dist.name or "") in declared for top in top_level(dist)}
    return {module for module in found if module.isidentifier() and not module.startswith("_")}


def top_level(dist: Distribution) -> Iterator[str]:
    """The importable names at a distribution's top: its packages and single modules."""
    for file in dist.files or ():
        if len(file.parts) == 1 and file.suffix == ".py":
            yield file.stem
        elif len(file.parts) == 2 and file.name == "__init__.py":
            yield file.parts[0]


@cache
def importable(freezer: frozenset[str]) -> Mapping[str, str]:
    """Every module that the distributions bring, but for those of the freezer, with its distribution."""
    found: dict[str, str] = {}
    for dist in installed():
        name = normalised(dist.name or "")
        for file in dist.files or () if name not in freezer else ():
            module = module_name(file)
            if all(part.isidentifier() for part in module.split(".")):
                found[module] = name
    return found


def module_name(file: PackagePath) -> str:
    """The module that an installed file is; empty when it is none."""
    if file.suffix == ".py":
        parts = file.with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return ".".join([*file.parts[:-1], file.name.partition(".")[0]]) if is_extension(file) else ""


def is_extension(file: PackagePath) -> bool:
    """Whether an installed file is a module in machine code; a library that is loaded by its path may have the same suffix."""
    tagged = any(file.name.endswith(suffix) for suffix in EXTENSION_SUFFIXES if suffix.count(".") > 1)
    bare = file.suffix in EXTENSION_SUFFIXES and file.name.count(".") == 1
    return tagged or (bare and f"PyInit_{file.stem}".encode() in Path(str(file.locate())).read_bytes())


@cache
def groups(freezer: frozenset[str]) -> Mapping[str, set[str]]:
    """The modules of the plugins of each group that a distribution of the application registers; commands are none."""
    found: dict[str, set[str]] = {}
    for dist in installed():
        for point in dist.entry_points if normalised(dist.name) not in freezer else ():
            if point.group not in ("console_scripts", "gui_scripts"):
                found.setdefault(point.group, set()).add(point.module)
    return found


@cache
def carried(name: str) -> frozenset[str]:
    """The distributions that one carries within, as copies in a folder `_vendor`: it can do without those that are installed."""
    distribution = named(name)
    found = (file for file in (distribution.files or () if distribution else ()) if file.name == "METADATA" and "_vendor" in file.parts)
    return frozenset(normalised(file.parent.name.partition("-")[0]) for file in found)


@cache
def recorded_files() -> Mapping[str, tuple[str, str]]:
    """Every installed file with the distribution that brought it, and the distribution's version."""
    return dict(_recorded_files())


def _recorded_files() -> Iterator[tuple[str, tuple[str, str]]]:
    for dist in installed():
        owner = normalised(dist.name), dist.version  # once: each look reads and parses the metadata
        folder = getattr(dist, "_path", None) if isinstance(dist, PathDistribution) else None
        for file in dist.files or ():
            yield real(str(dist.locate_file(file))), owner
        for path in Path(str(folder)).rglob("*") if folder else ():
            yield real(str(path)), owner


def real(path: str) -> str:
    """A path without links, in the spelling that compares: Windows tells no upper case from lower."""
    folder, _, name = path.rpartition("/")
    plain = os.name != "nt" and folder.startswith("/") and name not in ("", ".", "..")
    if not plain or islink(path):  # noqa: PTH114  # thousands are asked about: making a Path of each takes four times as long
        return os.path.normcase(os.path.realpath(path))
    return f"{real_folder(folder)}/{name}"


@cache
def real_folder(path: str) -> str:
    """A folder without links: thousands of files are asked about, which are in few."""
    return os.path.realpath(path)
