"""Where distributions are taken from, when a project says so: its own indexes too, or a folder that holds all and then nothing else."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from coldforge.errors import ConfigurationError
from coldforge.host.client import secrets
from coldforge.host.secrets import hide
from coldforge.project.config import EnvironmentConfig


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
    for name, keys in (("uv.toml", ()), ("pyproject.toml", ("tool", "uv"))):  # the first hides the second: uv's own rule
        path = project / name
        if path.is_file():
            table = tomllib.loads(path.read_text(encoding="utf-8"))
            for key in keys:
                table = table.get(key, {})
            yield from (each for each in table.get("index", ()) if "://" in str(each.get("url", "")))
            if name == "uv.toml":
                return


def _named(table: Mapping[str, Any]) -> str:
    return f"{table['name']}={table['url']}" if table.get("name") else str(table["url"])
