"""The application's lock: which file it is, what it says, and that it says what the project demands."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from coldforge.errors import ConfigurationError, Location
from coldforge.freeze.declared import check_complete, check_hashes
from coldforge.freeze.requirements import normalised
from coldforge.host import files
from coldforge.host.run import run
from coldforge.project.config import EnvironmentConfig

RESOLVED: Final = "resolved"
KEEP: Final = "uv pip compile --universal --generate-hashes pyproject.toml -o requirements.txt"
# Locks of other tools, and how each tool writes one with hashes: https://github.com/python-poetry/poetry-plugin-export,
# https://pdm-project.org/latest/usage/lockfile/, https://pipenv.pypa.io/en/latest/cli.html
_FOREIGN: Final = {
    "poetry.lock": "`poetry export --output requirements.txt` (the plugin poetry-plugin-export has it)",
    "pdm.lock": "`pdm export --prod --output requirements.txt`",
    "Pipfile.lock": "`pipenv requirements --hash > requirements.txt`",
}
_EXPORT: Final = (
    "--format", "requirements-txt", "--no-emit-project", "--no-default-groups", "--no-header", "--no-annotate", "--locked",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """The application's distributions, as requirements with hashes.

    `name` is the file that it came from, or `resolved`; `text` is what the installer is given.
    """

    name: str
    sha256: str
    text: str

    @property
    def resolved(self) -> str:
        """The whole text when it was resolved now and stands nowhere else."""
        return self.text if self.name == RESOLVED else ""


def uv() -> str:
    """The uv that came with coldforge."""
    from uv import find_uv_bin

    return str(find_uv_bin())


def find_lock(project: Path, config: EnvironmentConfig) -> Path | None:
    """The project's lock: the configured one, else the first of the usual names (a requirements.txt only with hashes), else that of uv's
    workspace that the project is a member of.

    Raises ConfigurationError when the configured one does not exist.
    """
    if config.lock:
        path = project / config.lock
        if not path.is_file():
            raise ConfigurationError(f"the lock {config.lock} does not exist", hint="See [tool.coldforge.environment] lock.")
        return path
    for name in ("uv.lock", "pylock.toml", "requirements.txt"):
        path = project / name
        if path.is_file() and (name != "requirements.txt" or "--hash=" in path.read_text(encoding="utf-8", errors="replace")):
            return path
    return _of_workspace(project)


def _of_workspace(project: Path) -> Path | None:
    """The lock of the nearest workspace above, if the project is a member. https://docs.astral.sh/uv/concepts/projects/workspaces/"""
    for root in project.parents:
        workspace = _workspace(root / "pyproject.toml")
        if workspace is not None:
            member = project in _listed(root, workspace.get("members")) - _listed(root, workspace.get("exclude"))
            return root / "uv.lock" if member and (root / "uv.lock").is_file() else None
    return None


def _listed(root: Path, patterns: object) -> set[Path]:
    """The folders that a workspace's patterns name; one that is none is uv's to refuse."""
    found: set[Path] = set()
    for pattern in patterns if isinstance(patterns, list) else ():
        with suppress(ValueError, NotImplementedError, TypeError, AttributeError, IndexError):  # `.`, an absolute path, no text at all
            found.update(root.glob(pattern))
    return found


def _workspace(path: Path) -> dict[str, Any] | None:
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {}).get("uv", {}).get("workspace")
    except (OSError, ValueError, AttributeError):  # what lies above the project need not concern it
        return None
    return found if isinstance(found, dict) else None


def lacking(project: Path) -> tuple[str, str]:
    """Why a project has no lock that is read, and how it gets one: a file that looks like one is not passed over in silence."""
    for name, command in _FOREIGN.items():
        if (project / name).is_file():
            return f"{name} is not read", f"Freeze what it says: {command}"
    why = "requirements.txt has no hashes" if (project / "requirements.txt").is_file() else "there is no lock"
    return why, f"Keep it: {KEEP}"


def read_lock(path: Path, project: Path, config: EnvironmentConfig, *, python: str, machine: str = "") -> Lock:
    """The environment that the lock at `path` describes, for Python `python` (its version), on another `machine` than this if it is given.

    It may lie elsewhere: what an earlier build resolved is kept under that name (`resolved`).
    Raises ConfigurationError when it cannot be read, cannot be enforced, or does not match the project.
    """
    if path.name == "uv.lock":
        text = _export(project, config, path)
    elif path.suffix == ".toml":
        text = "\n".join(_from_pylock(path, project)) + "\n"
    else:
        text = text_of(path)
        check_hashes(path, text)
    check_complete(project, config, path, text, python=python, machine=machine)
    name = path.relative_to(project).as_posix() if path.is_relative_to(project) else path.name
    return Lock(name=name, sha256=files.sha256(path), text=text)


def selection(project: Path, config: EnvironmentConfig, *, qualified: bool) -> list[str]:
    """uv's options for the configured extras and groups; `qualified` names the project's file with each group."""
    place = f"{project / 'pyproject.toml'}:" if qualified else ""
    return [*(f"--extra={extra}" for extra in config.extras), *(f"--group={place}{group}" for group in config.groups)]


def text_of(path: Path) -> str:
    """A lock's text. Raises ConfigurationError when it is none."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path.name} is not text in UTF-8", why=str(error), where=Location(path)) from error


def _export(project: Path, config: EnvironmentConfig, path: Path) -> str:
    words = [uv(), "export", "--quiet", "--project", str(project), *_EXPORT, *selection(project, config, qualified=False)]
    done = run(words, check=False)
    if done.code:
        message = f"{path.name} does not match the project"
        raise ConfigurationError(message, why=done.output[-800:], hint="Run `uv lock` and commit the result.", where=Location(path))
    text = done.output + "\n"
    check_hashes(path, text)
    return text


def _from_pylock(path: Path, project: Path) -> Iterator[str]:
    """The requirements of a PEP 751 lock, without the project itself."""
    try:
        document = tomllib.loads(text_of(path))
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path.name} is not valid TOML", why=str(error), where=Location(path)) from error
    for package in document.get("packages", ()):
        if not _is_project(package, project):
            yield _requirement(package, path)


def _is_project(package: dict[str, Any], project: Path) -> bool:
    folder = package.get("directory", {}).get("path")
    return folder is not None and (project / folder).resolve() == project.resolve()


def _requirement(package: dict[str, Any], path: Path) -> str:
    dists: list[dict[str, Any]] = [*package.get("wheels", ()), *([package["sdist"]] if "sdist" in package else [])]
    hashes = sorted({f"--hash=sha256:{dist['hashes']['sha256']}" for dist in dists if "sha256" in dist.get("hashes", {})})
    if "version" not in package or not hashes:
        message = f"{package.get('name')} has no version or no sha256"
        raise ConfigurationError(message, where=Location(path), hint="Only released distributions with hashes can be enforced.")
    marker = f" ; {package['marker']}" if package.get("marker") else ""
    return " ".join([f"{normalised(package['name'])}=={package['version']}{marker}", *hashes])
