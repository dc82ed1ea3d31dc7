"""From one payload to the files for users: one module a format, one line in the registry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from coldforge.bundle.tree import Tree
from coldforge.host.toolbox import HOST, Tools
from coldforge.plan.formats import package_name
from coldforge.plan.model import Plan, PlannedArtifact, PlannedTarget
from coldforge.records import Payload


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleJob:
    """What one bundler works from. `folder` is the target's folder in `dist/`, `project` the source's root, `tools` others' programs.

    `carried` are signed programs, by name, that go into the package in the place of the bundler's own.
    """

    project: Path
    plan: Plan
    target: PlannedTarget
    artifact: PlannedArtifact
    payload: Payload
    folder: Path
    tools: Tools = HOST
    carried: Mapping[str, Path] = field(default_factory=dict)

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


class Carrier(Bundler, Protocol):
    """A bundler whose packages bring programs of their own, which can be signed before the package is made."""

    def plug_ins(self, job: BundleJob, folder: Path) -> Sequence[Path]:
        """Copy the tool's own programs that go into the package to a folder."""

    def uninstaller(self, job: BundleJob, tree: Tree, out: Path) -> None:
        """Write the program that removes what is installed, with those of `job.carried` in it.

        Its bytes depend on the names of the tree's files, not on what is in them: those are signed at the same time.
        """
