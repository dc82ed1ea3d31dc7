"""Where distributions are taken from, when a project says so: its own indexes too, or a folder that holds all and then nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from coldforge.errors import ConfigurationError
from coldforge.host.client import secrets
from coldforge.host.secrets import hide
from coldforge.project.config import Config, EnvironmentConfig
from coldforge.project.read import Findings, Part, read_toml


def wheelhouse(project: Path, config: EnvironmentConfig) -> Path | None:
    """The configured folder of distributions. Raises ConfigurationError when there is no such folder."""
    if not config.wheelhouse:
        return None
    folder = project / config.wheelhouse
    if not folder.is_dir():
        hint = "[tool.coldforge.environment] wheelhouse names it, relative to the project."
        raise ConfigurationError(f"the wheelhouse {config.wheelhouse} is no folder", hint=hint)
    return folder


def closed(folder: Path | str) -> tuple[str, ...]:
    """uv's options that take everything from a folder, and nothing from any network."""
    return ("--offline", "--no-index", "--find-links", str(folder))


def indexes(project: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """The project's own indexes (`[[tool.uv.index]]`) as uv's variables, after those that the environment names already.

    uv reads that table where it works on a project, and a freeze installs beside it. Credentials for an index are
    given by its name (`UV_INDEX_NAME_PASSWORD`); those that somebody wrote into the table are hidden from all output.
    """
    found = list(_tables(project))
    others = [_named(table) for table in found if not table.get("default")]
    default = next((_named(table) for table in found if table.get("default")), "")
    given = {"UV_INDEX": " ".join(filter(None, (environment.get("UV_INDEX", ""), *others)))}
    if not environment.get("UV_DEFAULT_INDEX") and not environment.get("UV_INDEX_URL"):
        given["UV_DEFAULT_INDEX"] = default
    for secret in secrets(" ".join(given.values())):
        hide(secret)
    return {name: value for name, value in given.items() if value}


def _tables(project: Path) -> Iterator[dict[str, Any]]:
    yield from (table for _, table in listed(project) if not is_folder(table))


def listed(project: Path) -> Iterator[tuple[Part, dict[str, Any]]]:
    """The project's indexes, each with the part of a file that holds it; files that cannot be read have none."""
    for name, keys in (("uv.toml", ()), ("pyproject.toml", ("tool", "uv"))):  # the first hides the second: uv's own rule
        path, findings = project / name, Findings()
        if path.is_file():
            found = read_toml(path, findings)
            part = found.part(*keys, findings=findings) if found else Part(file=path)
            tables = part.content.get("index", ())
            for number, table in enumerate(tables if isinstance(tables, list) else ()):
                if isinstance(table, dict) and table.get("url"):
                    yield replace(part, keys=(*keys, "index", str(number))), table
            if name == "uv.toml":
                return


def is_folder(table: Mapping[str, Any]) -> bool:
    """Whether an index is a folder, not an address."""
    url = str(table["url"])
    return "://" not in url or url.startswith("file:")


def check_indexes(project: Path, config: Config, findings: Findings) -> None:
    """Find indexes that are folders: what is frozen elsewhere, or again, would not have them. A wheelhouse takes their place."""
    if config.freezer != "pyinstaller" or config.environment.wheelhouse:
        return
    for part, table in listed(project):
        if is_folder(table):
            hint = "name a folder that holds all that is installed: [tool.coldforge.environment] wheelhouse"
            name = table.get("name") or table["url"]
            findings.add(f"the index {name} is a folder: a freeze takes from addresses only", part.where("url"), hint)


def _named(table: Mapping[str, Any]) -> str:
    return f"{table['name']}={table['url']}" if table.get("name") else str(table["url"])
