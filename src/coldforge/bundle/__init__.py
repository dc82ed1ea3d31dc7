"""From one payload to the files for users: one module a format, one line in the registry."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from coldforge.bundle.tree import Tree
from coldforge.host.toolbox import HOST, Tools
from coldforge.plan.formats import package_name
from coldforge.plan.model import Plan, PlannedArtifact, PlannedTarget
from coldforge.records import Payload


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleJob:
    """What one bundler works from. `folder` is the target's folder in `dist/`, `project` the source's root, `tools` others' programs."""

    project: Path
    plan: Plan
    target: PlannedTarget
    artifact: PlannedArtifact
    payload: Payload
    folder: Path
    tools: Tools = HOST

    @property
    def package(self) -> str:
        """What the package is called."""
        return package_name(self.artifact.format, self.plan.product, self.plan.config)


class Bundler(Protocol):
    """Makes one artifact of one format.

    `out` is a temporary file that the caller renames when it is whole; the bytes depend on
    nothing but the job and the tree.
    """

    format: str
    templates: tuple[str, ...]
    """The recipes that it reads; part of the cache key."""
    settings: tuple[str, ...]
    """The tables of `[tool.coldforge]` that it reads; part of the cache key."""
    digests: tuple[str, ...]
    """What it writes down of each file besides its sha256, such as md5: reckoned where the files are read anyway."""

    def tool(self) -> str:
        """What writes the bytes, with its version, besides the programs of the format (plan.formats); part of the cache key."""

    def bundle(self, job: BundleJob, tree: Tree, out: Path) -> None: ...
