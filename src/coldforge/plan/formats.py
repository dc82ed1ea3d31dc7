"""The formats that can be planned: for which system, and what their files are called."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from coldforge.plan import names
from coldforge.plan.model import PlannedArtifact
from coldforge.project.config import Config, Product
from coldforge.target import Target

Namer = Callable[[Product, Config, names.Version, Target], Iterator[PlannedArtifact]]


class Format(NamedTuple):
    """One format: the operating system it is for (empty: every one), and a function that names its files."""

    os: str
    artifacts: Namer


def _archive(suffix: str) -> Namer:
    def named(product: Product, _config: Config, version: names.Version, target: Target) -> Iterator[PlannedArtifact]:
        yield PlannedArtifact(name=names.archive(product.name, version, target, suffix), format=suffix)

    return named


def _onefile(product: Product, _config: Config, version: names.Version, target: Target) -> Iterator[PlannedArtifact]:
    for executable in product.executables:
        yield PlannedArtifact(name=names.onefile(executable.name, version, target), format="onefile", executable=executable.name)


def _deb(product: Product, config: Config, version: names.Version, target: Target) -> Iterator[PlannedArtifact]:
    yield PlannedArtifact(name=names.deb(config.deb.package or names.debian_package(product.name), version, target), format="deb")


def _package(form: str, suffix: str, own_name: Callable[[Config], str]) -> Namer:
    def named(product: Product, config: Config, version: names.Version, target: Target) -> Iterator[PlannedArtifact]:
        name = own_name(config) or names.debian_package(product.name)
        yield PlannedArtifact(name=names.package(name, version, target, suffix), format=form)

    return named


def _sbom(product: Product, _config: Config, version: names.Version, target: Target) -> Iterator[PlannedArtifact]:
    yield PlannedArtifact(name=names.sbom(product.name, version, target), format="sbom")


# A new format is one line here, one bundler, and one line in bundle.formats (a test keeps the two alike).
FORMATS: Final[Mapping[str, Format]] = {
    "tar.gz": Format("linux", _archive("tar.gz")),
    "tar.zst": Format("linux", _archive("tar.zst")),
    "onefile": Format("linux", _onefile),
    "deb": Format("linux", _deb),
    "rpm": Format("linux", _package("rpm", "rpm", lambda config: config.rpm.package)),
    "arch": Format("linux", _package("arch", "pkg.tar.zst", lambda config: config.arch.package)),
    "apk": Format("linux", _package("apk", "apk", lambda config: config.apk.package)),
    "ipk": Format("linux", _package("ipk", "ipk", lambda config: config.ipk.package)),
    "sbom": Format("", _sbom),
}
