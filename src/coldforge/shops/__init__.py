"""What shops are told of a release: winget, Scoop, Chocolatey and Homebrew, one module a shop, one line in `stage.SHOPS`.

Everything follows from the release's manifest and the plan beside it: the same ones give the same bytes. The models of the shops'
files are of our own; nothing is written that does not fit them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar
from urllib.parse import quote

import msgspec

from coldforge.bundle.windows import msi
from coldforge.bundle.windows import shared as windows
from coldforge.errors import ConfigurationError
from coldforge.plan import names
from coldforge.plan.model import Plan
from coldforge.project.config import Executable
from coldforge.records import GITHUB, Artifact, Manifest
from coldforge.target import Target

WEB = r"^https?://[^\s\"'<>]+$"
SHA256 = r"^[A-Fa-f0-9]{64}$"
T = TypeVar("T", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A release that can be downloaded: `repository` is `owner/name` on GitHub, `publisher` who is said to offer it."""

    plan: Plan
    manifest: Manifest
    repository: str
    tag: str
    publisher: str

    @property
    def version(self) -> str:
        """The version as the files' names have it."""
        return names.semver(names.Version.parse(self.manifest.version))

    @property
    def name(self) -> str:
        """The name that people read."""
        return windows.display_name(self.plan.product)

    @property
    def page(self) -> str:
        """The repository's address."""
        return GITHUB + self.repository

    @property
    def issues(self) -> str:
        """Where problems are told; empty if nobody says."""
        return self.plan.product.urls.get("issues", "")

    @property
    def licence_url(self) -> str:
        """The first licence file as it was when this was built; empty without one."""
        files = self.plan.product.license_files
        path = "/".join(part for part in (self.manifest.source.path, *files[:1]) if part)
        return f"{self.page}/blob/{quote(self.tag)}/{quote(path)}" if files else ""

    @property
    def folder(self) -> str:
        """The folder that a `zip` unpacks to."""
        return names.archive_folder(self.plan.product.name, names.Version.parse(self.plan.product.version))

    @property
    def notes(self) -> str:
        """The release's page."""
        return f"{self.page}/releases/tag/{quote(self.tag)}"

    def url(self, name: str) -> str:
        """Where a file of the release is downloaded."""
        return f"{self.page}/releases/download/{quote(self.tag)}/{name}"

    def codes(self, artifact: Artifact) -> msi.Codes:
        """What Windows Installer knows an `msi` by: made of the same inputs as in it."""
        record = next(record for record in self.manifest.targets if record.target == artifact.target)
        return msi.Codes.of(self.plan, artifact.target, record.payload_digest)

    def artifacts(self, form: str, system: str = "windows") -> tuple[Artifact, ...]:
        """The files of one format for a system."""
        return tuple(made for made in self.manifest.artifacts if made.format == form and Target.parse(made.target).os == system)

    def programs(self, *, console: bool) -> tuple[Executable, ...]:
        """The programs for the terminal, or those with windows."""
        return tuple(executable for executable in self.plan.product.executables if executable.console == console)


class Shop(Protocol):
    """One shop: for which system, which formats it takes, and what it is told."""

    name: str
    system: str
    formats: tuple[str, ...]

    def files(self, offer: Offer) -> Mapping[str, bytes]:
        """The files by their path in the shop's folder. Raises ConfigurationError for what the shop would refuse."""


def arch(artifact: Artifact) -> str:
    """The processor that a file is for."""
    return Target.parse(artifact.target).arch


def checked(value: T, shop: str, file: str) -> T:
    """A file's content, if it is one. Raises ConfigurationError with the key that the shop would refuse, and why."""
    try:
        return msgspec.convert(msgspec.to_builtins(value), type(value))
    except msgspec.ValidationError as error:
        hint = "The texts are those of [project] and [tool.coldforge]; what the shop asks for stands in its documentation."
        raise ConfigurationError(f"{shop} would refuse {file}", why=str(error), hint=hint) from error
