"""Where distributions are taken from, when a project says so: a folder that holds all of them, and then nothing else."""

from __future__ import annotations

from pathlib import Path

from coldforge.errors import ConfigurationError
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
