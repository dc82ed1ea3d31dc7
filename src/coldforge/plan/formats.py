"""The formats that can be planned: for which system, and what their files are called."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from coldforge.plan import names
from coldforge.plan.model import PlannedArtifact
from coldforge.project.config import Config, Product
from coldforge.target import Target


class Format(NamedTuple):
    """One format: the operating system it is for (empty: every one), and a function that names its files."""

    os: str
    artifacts: Callable[[Product, Config, names.Version, Target], Iterator[PlannedArtifact]]


def _archive(product: Product, _config: Config, version: names.Version, target: Target) -> Iterator[PlannedArtifact]:
    yield PlannedArtifact(name=names.archive(product.name, version, target), format="tar.gz")


def _onefile(product: Product, _config: Config, version: names.Version, target: Target) -> Iterator[PlannedArtifact]:
    for executable in product.executables:
        yield PlannedArtifact(name=names.onefile(executable.name, version, target), format="onefile", executable=executable.name)


def _deb(product: Product, config: Config, version: names.Version, target: Target) -> Iterator[PlannedArtifact]:
    package = config.deb.package or names.debian_package(product.name)
    yield PlannedArtifact(name=names.deb(package, version, target), format="deb")


def _sbom(product: Product, _config: Config, version: names.Version, target: Target) -> Iterator[PlannedArtifact]:
    yield PlannedArtifact(name=names.sbom(product.name, version, target), format="sbom")


# A new format is one line here, one bundler, and one line in bundle.formats (a test keeps the two alike).
FORMATS: Final[Mapping[str, Format]] = {
    "tar.gz": Format("linux", _archive),
    "onefile": Format("linux", _onefile),
    "deb": Format("linux", _deb),
    "sbom": Format("", _sbom),
}
