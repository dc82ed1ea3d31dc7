"""Dynamic metadata, asked from the project's own build backend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from coldforge.errors import BuildFailed
from coldforge.report import reporter

# What a product needs; other dynamic fields (dependencies, …) are the lock's business.
NEEDED = ("version", "description", "license", "scripts", "gui-scripts", "requires-python")


def needs_backend(project: Mapping[str, Any]) -> bool:
    """Whether a field that a product needs is left to the build backend."""
    return any(field in NEEDED for field in project.get("dynamic", ()))


def resolve(root: Path, project: Mapping[str, Any]) -> dict[str, Any]:
    """`[project]` with its dynamic fields filled in by the backend, in an isolated environment.

    Source: https://packaging.python.org/specifications/core-metadata/
    Raises BuildFailed with the backend's own words.
    """
    from build import BuildBackendException, BuildException
    from build.util import project_wheel_metadata

    with reporter().step("ask the build backend for dynamic metadata"):
        try:
            metadata = project_wheel_metadata(root, isolated=True, runner=_run)
        except (BuildBackendException, BuildException) as error:
            message = f"the build backend of {root.name} could not tell the dynamic metadata"
            raise BuildFailed(message, why=str(error), hint="`python -m build` in the project shows the same failure.") from error
    filled = dict(project)
    for field, header in (("version", "Version"), ("description", "Summary"), ("requires-python", "Requires-Python")):
        if value := metadata.get(header):
            filled.setdefault(field, str(value))
    if value := metadata.get("License-Expression") or metadata.get("License"):
        filled.setdefault("license", str(value))
    return filled


def _run(cmd: Sequence[str], cwd: str | None = None, extra_environ: Mapping[str, str] | None = None) -> None:
    import os

    from coldforge.host.run import run

    run(cmd, cwd=Path(cwd) if cwd else None, env={**os.environ, **(extra_environ or {})})
