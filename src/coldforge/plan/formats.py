"""The formats that can be planned: for which system, and what their files are called."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from coldforge.errors import ConfigurationError, Problem
from coldforge.plan import flatpaks, macos, msix, names, pkgs, snaps
from coldforge.plan.model import PlannedArtifact, PlannedTarget
from coldforge.project.config import Config, Product
from coldforge.target import Target

Namer = Callable[[Product, Config, names.Version, Target], Iterator[PlannedArtifact]]


Check = Callable[[Product, Config, names.Version], Iterator[Problem]]


def _fine(_product: Product, _config: Config, _version: names.Version) -> Iterator[Problem]:
    yield from ()


class Format(NamedTuple):
    """One format: the operating systems it is for (empty: every one), and a function that names its files.

    `programs` are those of other projects that make it (see host.programs), and `check` finds what the format does not take.
    `glibc`: every system that takes it has that for its C library. `of` is the format from whose file it is made, if it is.
    """

    os: str
    artifacts: Namer
    programs: tuple[str, ...] = ()
    check: Check = _fine
    glibc: bool = False
    of: str = ""

    def suits(self, system: str) -> bool:
        """Whether an operating system has it."""
        return not self.os or system in self.os.split()


def package_name(form: str, product: Product, config: Config) -> str:
    """What a package of this format is called: what the format's table says, else it is made of the product's name."""
    own: str = getattr(config, form).package
    return own or names.debian_package(product.name)


def _archive(suffix: str) -> Namer:
    def named(product: Product, _config: Config, version: names.Version, target: Target) -> Iterator[PlannedArtifact]:
        yield PlannedArtifact(name=names.archive(product.name, version, target, suffix), format=suffix)

    return named


def _onefile(product: Product, _config: Config, version: names.Version, target: Target) -> Iterator[PlannedArtifact]:
    for executable in product.executables:
        yield PlannedArtifact(name=names.onefile(executable.name, version, target), format="onefile", executable=executable.name)


def _deb(product: Product, config: Config, version: names.Version, target: Target) -> Iterator[PlannedArtifact]:
    yield PlannedArtifact(name=names.deb(package_name("deb", product, config), version, target), format="deb")


def _package(form: str, suffix: str) -> Namer:
    def named(product: Product, config: Config, version: names.Version, target: Target) -> Iterator[PlannedArtifact]:
        yield PlannedArtifact(name=names.package(package_name(form, product, config), version, target, suffix), format=form)

    return named


def _appimage(product: Product, _config: Config, version: names.Version, target: Target) -> Iterator[PlannedArtifact]:
    yield PlannedArtifact(name=names.appimage(product.name, version, target), format="appimage")


def _zsync(product: Product, _config: Config, version: names.Version, target: Target) -> Iterator[PlannedArtifact]:
    yield PlannedArtifact(name=names.zsync(names.appimage(product.name, version, target)), format="zsync")


def _updated(_product: Product, config: Config, _version: names.Version) -> Iterator[Problem]:
    if not config.appimage.update:
        hint = 'write update = "zsync|https://…" into [tool.coldforge.appimage]'
        yield Problem(what="nothing looks for the file, because the AppImage does not say where newer ones are", hint=hint)


def _flatpak(product: Product, _config: Config, version: names.Version, target: Target) -> Iterator[PlannedArtifact]:
    yield PlannedArtifact(name=names.package(product.name, version, target, "flatpak"), format="flatpak")


def _snap(product: Product, config: Config, version: names.Version, target: Target) -> Iterator[PlannedArtifact]:
    yield PlannedArtifact(name=names.snap(snaps.name(product, config), version, target), format="snap")


def _setup(product: Product, _config: Config, version: names.Version, target: Target) -> Iterator[PlannedArtifact]:
    yield PlannedArtifact(name=names.setup(product.name, version, target), format="nsis")


def _unmapped(_product: Product, config: Config, version: names.Version) -> Iterator[Problem]:
    try:
        names.msi(version, scaled=config.windows.msi_version == "scaled")
    except ConfigurationError as error:
        yield Problem(what=error.what, hint=error.hint)


def _sbom(product: Product, _config: Config, version: names.Version, target: Target) -> Iterator[PlannedArtifact]:
    yield PlannedArtifact(name=names.sbom(product.name, version, target), format="sbom")


# A new format is one line here, one bundler, and one line in bundle.formats (a test keeps the two alike).
FORMATS: Final[Mapping[str, Format]] = {
    "tar.gz": Format("linux macos", _archive("tar.gz")),
    "tar.zst": Format("linux", _archive("tar.zst")),
    "onefile": Format("linux windows", _onefile),
    "deb": Format("linux", _deb, glibc=True),
    "rpm": Format("linux", _package("rpm", "rpm"), glibc=True),
    "arch": Format("linux", _package("arch", "pkg.tar.zst"), glibc=True),
    "apk": Format("linux", _package("apk", "apk")),
    "ipk": Format("linux", _package("ipk", "ipk")),
    "appimage": Format("linux", _appimage, ("mksquashfs",)),
    "zsync": Format("linux", _zsync, ("zsyncmake", "mksquashfs"), _updated, of="appimage"),
    "flatpak": Format("linux", _flatpak, ("flatpak",), flatpaks.problems, glibc=True),
    "snap": Format("linux", _snap, ("mksquashfs",), snaps.problems, glibc=True),
    "zip": Format("windows", _archive("zip")),
    "nsis": Format("windows", _setup, ("makensis",)),
    "msi": Format("windows", _archive("msi"), ("wixl", "msibuild"), _unmapped),
    "msix": Format("windows", _archive("msix"), check=msix.problems),
    "app.tar.gz": Format("macos", _archive("app.tar.gz"), check=macos.problems),
    "app.zip": Format("macos", _archive("app.zip"), check=macos.problems),
    "dmg": Format("macos", _archive("dmg"), check=macos.problems),
    "pkg": Format("macos", _archive("pkg"), check=pkgs.problems),
    "sbom": Format("", _sbom),
}


def programs(targets: Iterable[PlannedTarget]) -> dict[str, tuple[str, ...]]:
    """The programs that the planned formats take, each with the formats that do."""
    formats = dict.fromkeys(artifact.format for target in targets for artifact in target.artifacts)
    wanted = dict.fromkeys(program for form in formats for program in FORMATS[form].programs)
    return {program: tuple(form for form in formats if program in FORMATS[form].programs) for program in wanted}
