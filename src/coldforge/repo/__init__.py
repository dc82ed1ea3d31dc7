"""The packages of releases as static, signed repositories for apt, dnf, pacman and apk: one module a family, one line in `FAMILIES`.

Everything that is written follows from the packages, the newest source's time and the keys: the same ones give the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol

import msgspec

from coldforge.host import files
from coldforge.records import Record
from coldforge.sign import openpgp, rsa

CONTENTS: Final = "repository.json"
Form = Literal["deb", "rpm", "arch", "apk"]
_PART: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+~-]*")
_VERSION: Final = re.compile(r"[A-Za-z0-9._+~^:-]+")


class Held(Record, frozen=True, kw_only=True):
    """A package that a repository holds: `path` in it, what the package calls itself, the release that it is of, and its bytes.

    `epoch` is the time of the release's source. Raises ValueError for names and paths that no package of ours has.
    """

    path: str
    format: Form
    name: str
    version: str
    arch: str
    release: str
    epoch: int
    size: int
    sha256: str

    def __post_init__(self) -> None:
        if not _VERSION.fullmatch(self.version):
            raise ValueError(f"{self.version!r} cannot be the version of a package")
        for text in (*self.path.split("/"), self.name, self.arch):
            if not _PART.fullmatch(text):
                raise ValueError(f"{text!r} cannot be the name of a package, or of what it lies in")


class Contents(Record, frozen=True, kw_only=True, omit_defaults=False):
    """`repository.json`: what the repositories in a folder are called and hold.

    `indices` are the files that were written about the packages; `earlier` those of the run before whose names say their bytes:
    whoever fetched a list that names them still finds them.
    """

    schema: Literal[1] = 1
    name: str
    url: str
    packages: tuple[Held, ...] = ()
    indices: tuple[str, ...] = ()
    earlier: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for path in (*self.indices, *self.earlier):
            if not all(map(_PART.fullmatch, path.split("/"))):
                raise ValueError(f"{path!r} cannot be a file of a repository")


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A package with the file that it can be read from."""

    held: Held
    file: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What is the same for all families: name, address without a slash at its end, the time of everything, the keys there are."""

    name: str
    url: str
    epoch: int
    openpgp: openpgp.Key | None = None
    rsa: rsa.Key | None = None

    @property
    def public(self) -> str:
        """The file with the public key of OpenPGP."""
        return f"{self.name}.asc"

    @property
    def rsa_public(self) -> str:
        """The file with the public key of RSA, under the name that signatures give."""
        return self.rsa.file if self.rsa else ""

    def detached(self, data: bytes, *, armor: bool = False) -> bytes:
        """A signature of bytes. Only with a key."""
        return self._signed(data, clear=False, armor=armor)

    def clear(self, data: bytes) -> bytes:
        """A text with its signature in one. Only with a key."""
        return self._signed(data, clear=True, armor=True)

    def _signed(self, data: bytes, *, clear: bool, armor: bool) -> bytes:
        if self.openpgp is None:
            raise ValueError("nothing is signed without a key")
        with files.scratch("index") as folder:
            path = folder / "data"
            path.write_bytes(data)
            if clear:
                return self.openpgp.clear(path, epoch=self.epoch)
            return self.openpgp.detached(path, epoch=self.epoch, armor=armor)


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """What a package calls itself."""

    name: str
    version: str
    arch: str


class Family(Protocol):
    """The repositories of one package manager."""

    format: Form

    def identify(self, file: Path) -> Identity:
        """What a package calls itself. Raises what damaged archives raise."""

    def path(self, identity: Identity, name: str) -> str:
        """Where a package lies in the repository; `name` is what its release calls the file."""

    def indices(self, packages: Sequence[Package], site: Site) -> Mapping[str, bytes]:
        """The files about the packages, by path, in the order in which they are written: what names others comes after them."""

    def lines(self, site: Site, package: str) -> tuple[str, ...]:
        """The lines that a user types to install a package."""


def by_arch(packages: Iterable[Package]) -> dict[str, list[Package]]:
    """Packages by their architecture, in the order of their paths."""
    found: dict[str, list[Package]] = {}
    for package in sorted(packages, key=lambda package: package.held.path):
        found.setdefault(package.held.arch, []).append(package)
    return dict(sorted(found.items()))
