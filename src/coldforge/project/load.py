"""Finding and reading a project: its metadata, configuration and matrix, with every problem at once."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from msgspec import Struct

from coldforge import recipes
from coldforge.errors import ConfigurationError, Location, Problem
from coldforge.project import dynamic
from coldforge.project.config import Config, Matrix, Product
from coldforge.project.metadata import product_of
from coldforge.project.source import read_source
from coldforge.project.walk import convert
from coldforge.records import SourceRecord

S = TypeVar("S", bound=Struct)
NO_ENTRY = 'Add an entry point, for example:\n[project.scripts]\n{name} = "{module}.cli:main"'
_ENTRY = re.compile(r"^[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*$")


@dataclass(frozen=True, kw_only=True)
class Project:
    """A project as its files describe it."""

    root: Path
    config: Config
    product: Product
    source: SourceRecord
    matrix: Matrix


@dataclass(frozen=True, kw_only=True)
class _Reading:
    """The problems found so far; the only thing that changes while a project is read."""

    problems: list[Problem] = field(default_factory=list)

    def add(self, what: str, where: Location | None = None, hint: str = "") -> None:
        self.problems.append(Problem(what=what, where=where, hint=hint))


def load_project(path: Path) -> Project:
    """Read the project in the folder `path`.

    Raises ConfigurationError with all problems, each with file, line and the nearest known key;
    BuildFailed when a dynamic version could not be asked from the build backend.
    """
    root = _folder(path)
    reading = _Reading()
    metadata, config, file = _configuration(root, reading)
    matrix = _matrix(root, reading)
    _check(root, metadata, config, file, reading)
    if reading.problems:
        count = len(reading.problems)
        message = f"the configuration of {root.name} has {count} problem{'s' if count > 1 else ''}"
        raise ConfigurationError(message, problems=tuple(reading.problems))
    if dynamic.needs_backend(metadata):
        metadata = dynamic.resolve(root, metadata)
    product = product_of(metadata, config, root=root)
    return Project(root=root, config=config, product=product, source=read_source(root), matrix=matrix)


def _folder(path: Path) -> Path:
    if not path.exists():
        raise ConfigurationError(f"{path} does not exist", hint="Name the folder that holds pyproject.toml.")
    root = path.parent if path.is_file() else path
    if not any((root / name).is_file() for name in ("pyproject.toml", "coldforge.toml")):
        raise ConfigurationError(f"there is no project in {root}", why="It holds neither pyproject.toml nor coldforge.toml.",
                                 hint="Name the folder that holds pyproject.toml.")  # fmt: skip
    return root


def _configuration(root: Path, reading: _Reading) -> tuple[Mapping[str, Any], Config, Path]:
    """`[project]`, the configuration, and the file that the configuration stands in."""
    pyproject, own = root / "pyproject.toml", root / "coldforge.toml"
    document = _toml(pyproject, reading) if pyproject.is_file() else {}
    table = _table(document.get("tool", {}), "coldforge")
    keys: tuple[str, ...] = ("tool", "coldforge")
    file = pyproject
    metadata = _table(document, "project")
    if own.is_file():
        separate = dict(_toml(own, reading))
        if table:
            reading.add("coldforge is configured twice: here and in pyproject.toml", Location(own), "keep one of them")
        metadata = metadata or _table(separate, "project")
        separate.pop("project", None)
        table, keys, file = separate, (), own
    return metadata, _typed(table, Config, file, keys, reading), file


def _table(document: Any, key: str) -> Mapping[str, Any]:
    value = document.get(key, {}) if isinstance(document, Mapping) else {}
    return value if isinstance(value, Mapping) else {}


def _toml(path: Path, reading: _Reading) -> Mapping[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        where = Location(path, int(place[1]), int(place[2])) if place else Location(path)
        reading.add(f"not valid TOML: {re.sub(r' [(]at .*', '', str(error))}", where)
    except UnicodeDecodeError:
        reading.add("not UTF-8 text", Location(path))
    return {}


def _typed(table: Mapping[str, Any], kind: type[S], file: Path, keys: tuple[str, ...], reading: _Reading) -> S:
    from coldforge.project import locate

    find = locate.in_yaml if file.suffix in (".yml", ".yaml") else locate.in_toml

    def report(path: tuple[str, ...], what: str, hint: str) -> None:
        reading.add(what, find(file, (*keys, *path)), hint)

    return convert(table, kind, report)


def _matrix(root: Path, reading: _Reading) -> Matrix:
    import yaml

    path = recipes.find("matrix.yml", root)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506  # both are the safe loader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = Location(path, mark.line + 1, mark.column + 1) if mark else Location(path)
        reading.add(f"not valid YAML: {error.problem}", where)
        return Matrix()
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reading.add(f"not valid YAML: {error}", Location(path))
        return Matrix()
    if not isinstance(document, Mapping):
        reading.add("must be a mapping with the key 'targets'", Location(path))
        return Matrix()
    return _typed(document, Matrix, path, (), reading)


def _check(root: Path, metadata: Mapping[str, Any], config: Config, file: Path, reading: _Reading) -> None:
    """What types cannot say: things that must exist, and fit together."""
    if any("not valid TOML" in problem.what for problem in reading.problems):
        return  # whatever is missing now is missing for that reason
    pyproject = root / "pyproject.toml"
    where = Location(pyproject if pyproject.is_file() else file)
    if not (config.name or metadata.get("name")):
        reading.add("the product has no name", where, "add [project] with a name")
    if not metadata.get("version") and "version" not in metadata.get("dynamic", ()):
        reading.add("the product has no version", where, 'add `version = "0.1.0"` to [project]')
    _check_executables(metadata, config, where, reading)
    _check_icon(root, config.icon, file, reading)
    for key in ("lock", "python"):
        value = getattr(config.environment, key)
        if value and (key == "lock" or "/" in value) and not (root / value).exists():
            reading.add(f"{value} does not exist", _where(file, "environment", key), f"[tool.coldforge.environment] {key}")


def _where(file: Path, *keys: str) -> Location:
    from coldforge.project import locate

    return locate.in_toml(file, keys if file.name == "coldforge.toml" else ("tool", "coldforge", *keys))


def _check_executables(metadata: Mapping[str, Any], config: Config, where: Location, reading: _Reading) -> None:
    from coldforge.project import locate

    scripts = [(table, name, entry) for table in ("scripts", "gui-scripts") for name, entry in _table(metadata, table).items()]
    dynamic_scripts = {"scripts", "gui-scripts"} & set(metadata.get("dynamic", ()))
    if not scripts and not config.executables:
        name = str(metadata.get("name") or config.name or "app")
        hint = NO_ENTRY.format(name=name, module=re.sub(r"\W", "_", name))
        why = "dynamic scripts are not supported; " if dynamic_scripts else ""
        reading.add("there is no entry point: nothing to build", where, why + hint)
    for table, name, entry in scripts:
        if not _ENTRY.match(str(entry).partition("[")[0].strip().replace(" ", "")):
            place = locate.in_toml(where.path, ("project", table, name))
            reading.add(f"the entry point {name!r} is {entry!r}", place, "it must read `package.module:function`")


def _check_icon(root: Path, icon: str, file: Path, reading: _Reading) -> None:
    if not icon:
        return
    path = root / icon
    where = _where(file, "icon")
    if not path.is_file():
        reading.add(f"the icon {icon} does not exist", where)
    elif path.suffix == ".png":
        head = path.read_bytes()[:24]
        if head[:8] != b"\x89PNG\r\n\x1a\n" or len(head) < 24:
            reading.add(f"the icon {icon} is not a PNG file", where)
        elif head[16:20] != head[20:24]:
            width, height = int.from_bytes(head[16:20]), int.from_bytes(head[20:24])
            reading.add(f"the icon {icon} is {width} by {height} pixels", where, "it must be square")
    elif path.suffix != ".svg":
        reading.add(f"the icon {icon} is neither PNG nor SVG", where)
