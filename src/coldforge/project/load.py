"""Finding and reading a project: its metadata, configuration, matrix and source, with every problem at once."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from coldforge.errors import ConfigurationError, Location, Problem
from coldforge.project.check import Read, check, check_entry, names_entry, script
from coldforge.project.config import Config, ExecutableConfig, Matrix, Product
from coldforge.project.discover import how_to_begin, meant
from coldforge.project.matrix import NAME as MATRIX
from coldforge.project.matrix import read_matrix
from coldforge.project.metadata import ProjectTable, product_of
from coldforge.project.read import Findings, Part, read_toml
from coldforge.project.source import is_shallow, read_source
from coldforge.project.supply import closed
from coldforge.records import SourceRecord
from coldforge.report import reporter

_PYPROJECT, _OWN = "pyproject.toml", "coldforge.toml"


@dataclass(frozen=True, kw_only=True)
class Project:
    """A project as its files and its repository describe it."""

    root: Path
    config: Config
    product: Product
    source: SourceRecord
    matrix: Matrix

    def in_matrix(self, *keys: str) -> Location | None:
        """Where a key of the project's own matrix.yml stands; None when it has none."""
        file = self.root / MATRIX
        return Part(file=file).where(*keys) if file.is_file() else None

    def in_project(self, *keys: str) -> Location | None:
        """Where a key of `[project]` stands; None when it is in no file."""
        files = [self.root / name for name in (_PYPROJECT, self.source.config or _OWN) if (self.root / name).is_file()]
        found = (Part(file=file, keys=("project",)).where(*keys) for file in files)
        return next((place for place in found if place.line), None)


def load_project(path: Path, *, version: str = "", config: str = "") -> Project:
    """Read the project in the folder `path`. None of its code runs when its `version` is known.

    `config` names a file of the project that is its configuration instead of [tool.coldforge] or coldforge.toml; the source tells.
    Raises ConfigurationError with all problems, each with file, line and the nearest known key;
    BuildFailed when the build backend could not tell a dynamic version.
    """
    root = _folder(path, config)
    config = _inside(root, config) if config else ""
    findings = Findings()
    read = _tables(root, findings, config)
    matrix = read_matrix(root, findings)
    if read is not None:
        check(read, findings)
    if findings.problems or read is None:
        raise _refusal(root, findings)
    source = msgspec.structs.replace(read_source(root), config=config)  # before a build backend leaves anything behind
    table = _resolved(read, version)
    if "version" in read.table.dynamic and not version and not source.tag and ".dev" in table.version and is_shallow(root):
        told = f"{table.version} may not be the version: it comes from git, and the tags before this commit are not in this shallow clone"
        reporter().warn(f"{told} (git fetch --unshallow --tags; in actions/checkout: fetch-depth: 0)")
    return Project(root=root, config=read.config, product=product_of(table, read.config, root=root), source=source, matrix=matrix)


def configured_in(root: Path, config: str) -> tuple[Path, tuple[str, ...]]:
    """The file that holds the configuration of a project that was read, and the keys that lead to its table.

    `config` is what the source tells of it.
    """
    pyproject = root / _PYPROJECT
    if not config and pyproject.is_file() and "coldforge" in tomllib.loads(pyproject.read_text(encoding="utf-8")).get("tool", {}):
        return pyproject, ("tool", "coldforge")
    return root / (config or _OWN), ()


def _inside(root: Path, config: str) -> str:
    """The path below the project of another configuration file; empty for the usual one.

    Raises ConfigurationError for one that a rebuild would not have.
    """
    path = root / config
    if not path.is_file():
        hint = "--config names a file by its path in the project's folder. Is it committed?"
        raise ConfigurationError(f"there is no configuration {config[:200]!r} in {root}", hint=hint)
    if not path.resolve().is_relative_to(root.resolve()):
        why = "It would not be in the source that is recorded, so that nobody could build it again."
        raise ConfigurationError(f"the configuration {config[:200]!r} lies outside of {root}", why=why, hint="Put it into the project.")
    found = path.resolve().relative_to(root.resolve()).as_posix()
    return "" if found == _PYPROJECT else found


def _folder(path: Path, config: str) -> Path:
    if not path.exists():
        raise ConfigurationError(f"{path} does not exist", hint="Name the folder that holds pyproject.toml.")
    root = Path(os.path.abspath(path.parent if path.is_file() else path))  # noqa: PTH100  # resolve() would follow a symlinked folder
    if not any((root / name).is_file() for name in (_PYPROJECT, _OWN)) and not config:
        why = "It holds neither pyproject.toml nor coldforge.toml."
        raise ConfigurationError(f"there is no project in {root}", why=why, hint=how_to_begin(root))
    return root


def _refusal(root: Path, findings: Findings) -> ConfigurationError:
    count = len(findings.problems)
    message = f"the configuration of {root.name} has {count} problem{'s' if count > 1 else ''}"
    return ConfigurationError(message, problems=tuple(sorted(findings.problems, key=_place)))


def _place(problem: Problem) -> tuple[bool, str, int]:
    """In the order of lines, the matrix last."""
    where = problem.where
    return (where is not None and where.path.name == MATRIX, where.path.name if where else "", (where.line or 0) if where else 0)


def _tables(root: Path, findings: Findings, config: str) -> Read | None:
    """Both tables, wherever they stand; None when a file of theirs cannot be read at all."""
    names = (_PYPROJECT, config or _OWN)
    documents = [read_toml(root / name, findings) if (root / name).is_file() else Part(file=root / name) for name in names]
    if None in documents:
        return None
    pyproject, own = (document or Part(file=root) for document in documents)
    project, tool = _choose(pyproject, own, findings, named=bool(config))
    if not (project.content or tool.content or "build-system" in pyproject.content or findings.problems):
        why = f"Its {pyproject.file.name} has no [project]."  # that of a workspace, or of tools only
        raise ConfigurationError(f"there is no project in {root}", why=why, hint=how_to_begin(root))
    table = project.typed(ProjectTable, findings)
    if not project.content and pyproject.content.get("build-system"):
        from coldforge.project import dynamic

        table = dynamic.ALL
    return initialised(Read(root=root, table=table, project=project, config=tool.typed(Config, findings), tool=tool))


def initialised(read: Read) -> Read:
    """The project with the one entry point that can be meant, where its files name none; it says so, and what to commit."""
    config, name = read.config, read.config.name or read.table.name
    told_later = {"scripts", "gui-scripts"} & {*read.table.dynamic}
    if names_entry(read) or told_later or config.freezer == "command" or not name:
        return read
    found = meant(read.root, name)
    if not found:
        return read
    lines = script(name, found)
    reporter().info(f"No entry point is given; {found} is taken. To keep it so, add to pyproject.toml:\n{lines}")
    reporter().summary(
        f"### Initialised: {name} starts at `{found}`\n\nNo entry point is given. To keep it so, commit this:\n\n```toml\n{lines}\n```"
    )
    return replace(read, config=msgspec.structs.replace(config, executables={name: ExecutableConfig(entry=found)}))


def _choose(pyproject: Part, own: Part, findings: Findings, *, named: bool) -> tuple[Part, Part]:
    """The tables in force: coldforge.toml has the same ones, for a project whose pyproject.toml has not (or that has none).

    One that somebody `named` has the configuration, whatever else is there.
    """
    project, tool = pyproject.part("project", findings=findings), pyproject.part("tool", "coldforge", findings=findings)
    if named:
        tool = replace(tool, content={})
    other = own.part("project", findings=findings)
    configured = replace(own, content={key: value for key, value in own.content.items() if key != "project"})
    for ours, theirs, what in ((other, project, "described"), (configured, tool, "configured")):
        if ours.content and theirs.content:
            findings.add(
                f"the product is {what} twice: here and in {theirs.file.name}", ours.where(next(iter(ours.content))), "keep one of them"
            )
    alone = not pyproject.file.is_file()
    return (other if other.content or alone else project), (configured if configured.content or alone or named else tool)


def _resolved(read: Read, version: str) -> ProjectTable:
    """The metadata with its dynamic fields known. Raises ConfigurationError when a known `version` is not enough for that."""
    from coldforge.project import dynamic

    if version and dynamic.needs_backend(read.table):
        if asked := dynamic.told_by_backend(read.table) - {"version"}:
            why = "The backend is code of the project, and would run on this machine."
            hint = "Write it into pyproject.toml. A rebuild with --host lets it run here, and freezes here as well."
            raise ConfigurationError(
                f"only the build backend of {read.root.name} can tell its {', '.join(sorted(asked))}", why=why, hint=hint
            )
        return msgspec.structs.replace(
            read.table, version=version, dynamic=tuple(field for field in read.table.dynamic if field != "version")
        )
    if not dynamic.needs_backend(read.table):
        return read.table
    name = read.config.environment.wheelhouse
    folder = read.root / name
    # a plan, and a rebuild, can be made where the wheelhouse is not; a freeze cannot
    table = dynamic.resolve(read.root, read.table, closed(folder) if name and folder.is_dir() else ())
    findings = Findings()
    check_entry(replace(read, table=table), findings)
    if findings.problems:
        raise _refusal(read.root, findings)
    return table
