"""Names and versions: what each format calls the same product, as pure functions.

A version is read once into (major, minor, patch, stage, number); every format spells it so that
its own comparison sorts dev < alpha < beta < rc < final < post.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple, Self

from packaging.version import InvalidVersion
from packaging.version import Version as Pep440

from coldforge.errors import ConfigurationError
from coldforge.target import Target

_STAGES: Final = {"a": "alpha", "b": "beta", "rc": "rc"}
_ORDER: Final = ("dev", "alpha", "beta", "rc", "", "post")
UNINSTALLER: Final = "uninstall.exe"  # what a setup program leaves beside the product, to remove it
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")


class Version(NamedTuple):
    """A version in parts. `stage` is dev, alpha, beta, rc, post or empty for a final one; `number` counts within it."""

    release: tuple[int, ...]
    stage: str = ""
    number: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read PEP 440 (`1.2.3b1`) or SemVer (`1.2.3-beta.1`) text; local parts and build metadata are dropped.

        Raises ConfigurationError for what cannot be told to every package manager: an epoch, or two stages at once.
        """
        try:
            version = Pep440(text.strip().removeprefix("v").partition("+")[0])
        except InvalidVersion as error:
            raise ConfigurationError(f"{text!r} is not a version", hint="Write it like 1.2.3, 1.2.3b1 or 1.2.3.dev4.") from error
        stages = [(_STAGES[version.pre[0]], version.pre[1])] if version.pre else []
        stages += [("post", version.post)] if version.post is not None else []
        stages += [("dev", version.dev)] if version.dev is not None else []
        if version.epoch or len(stages) > 1:
            why = "an epoch" if version.epoch else " and ".join(stage for stage, _ in stages)
            message = f"the version {text} cannot be mapped to package versions: it has {why}"
            instead = "without it" if version.epoch else "as a plain pre-release, such as 1.2.3rc1"
            raise ConfigurationError(message, hint=f"Release it {instead}.")
        release = version.release + (0,) * (3 - len(version.release))
        while len(release) > 3 and not release[-1]:  # 1.2.3.0 is 1.2.3 to Python, and greater to package managers
            release = release[:-1]
        return cls(release, *(stages[0] if stages else ("", 0)))

    @property
    def core(self) -> str:
        """The release part, at least three numbers."""
        return ".".join(map(str, self.release))


def semver(version: Version) -> str:
    """The text in artifact names: `1.2.3`, `1.2.3-beta.1`, `1.2.3-post.1`; only characters that GitHub keeps.

    >>> semver(Version.parse("1.2.3b1"))
    '1.2.3-beta.1'
    """
    return f"{version.core}-{version.stage}.{version.number}" if version.stage else version.core


def debian(version: Version, revision: int = 1) -> str:
    """Debian's spelling: `~` sorts below nothing, `+` above (deb-version(7)).

    >>> debian(Version.parse("1.2.3-beta.1"))
    '1.2.3~beta.1-1'
    """
    mark = {"": "", "dev": "~~dev.", "post": "+post."}.get(version.stage, f"~{version.stage}.")
    return f"{version.core}{mark}{version.number if version.stage else ''}-{revision}"


def rpm(version: Version) -> str:
    """RPM's spelling: `~` sorts below nothing, `^` above (rpm-version(7)); the revision is a tag of its own.

    >>> rpm(Version.parse("1.2.3.post1"))
    '1.2.3^post.1'
    """
    mark = {"": "", "dev": "~~dev.", "post": "^post."}.get(version.stage, f"~{version.stage}.")
    return f"{version.core}{mark}{version.number if version.stage else ''}"


def arch(version: Version) -> str:
    """Pacman's spelling, without the revision: letters that follow a number at once sort below it, a further number above (vercmp(8)).

    >>> arch(Version.parse("1.2.3rc2")), arch(Version.parse("1.2.3.dev4"))
    ('1.2.3rc2', '1.2.3adev4')
    """
    mark = {"": "", "dev": "adev", "post": ".post"}.get(version.stage, version.stage)
    return f"{version.core}{mark}{version.number if version.stage else ''}"


def apk(version: Version, revision: int = 1) -> str:
    """Alpine's spelling: `_alpha`, `_beta` and `_rc` sort below nothing, `_p` above; a suffix may have one of its own.

    Source: https://wiki.alpinelinux.org/wiki/APKBUILD_Reference#pkgver
    >>> apk(Version.parse("1.2.3b1")), apk(Version.parse("1.2.3.dev4"))
    ('1.2.3_beta1-r1', '1.2.3_alpha0_pre4-r1')
    """
    mark = {"": "", "dev": "_alpha0_pre", "post": "_p"}.get(version.stage, f"_{version.stage}")
    return f"{version.core}{mark}{version.number if version.stage else ''}-r{revision}"


def appstream(version: Version) -> str:
    """AppStream's spelling, without a revision: `~` sorts below nothing.

    >>> appstream(Version.parse("1.2.3rc2"))
    '1.2.3~rc.2'
    """
    return debian(version).rpartition("-")[0]


def comparable(version: Version) -> str:
    """Numbers whose order is that of versions, for comparisons that know nothing but numbers: four of the release, stage, count.

    >>> comparable(Version.parse("1.2.3rc2")), comparable(Version.parse("1.2.3"))
    ('1.2.3.0.3.2', '1.2.3.0.4.0')
    """
    release = (*version.release, 0)[:4]
    return ".".join(map(str, (*release, _ORDER.index(version.stage), version.number)))


def msi(version: Version, *, scaled: bool = False) -> str:
    """The three numbers that Windows Installer compares (ProductVersion); a calendar's year is counted from 2000.

    Plain, pre-releases have the numbers of their release, which installs over each of them. Scaled, the third is a hundred times
    the patch and the pre-release in it: dev 0, alpha N 1+N, beta N 30+N, rc N 60+N, final 99. Raises ConfigurationError when that
    cannot be: the numbers end at 255, 255 and 65535.
    Source: https://learn.microsoft.com/windows/win32/msi/productversion

    >>> msi(Version.parse("1.2.3rc2")), msi(Version.parse("1.2.3rc2"), scaled=True), msi(Version.parse("2026.4"), scaled=True)
    ('1.2.3', '1.2.362', '26.4.99')
    """
    major, minor, patch = version.release[:3]
    year = major - 2000 if 2000 <= major <= 2255 else major
    third = patch * 100 + _scaled(version) if scaled else patch
    if year > 255 or minor > 255 or third > 65535:
        what = f"Windows Installer has no number for the version {semver(version)}"
        raise ConfigurationError(what, hint="Its three numbers end at 255, 255 and 65535, those of a year at 2255.")
    return f"{year}.{minor}.{third}"


def msix(version: Version) -> str:
    """The four numbers of an app package, each up to 65535; the last is the Store's own, and 0.

    The third has the pre-release in it, as `msi` has it scaled: Windows refuses other content under numbers that are installed. Raises
    ConfigurationError when that cannot be.
    Source: https://learn.microsoft.com/windows/apps/publish/publish-your-app/msix/app-package-requirements

    >>> msix(Version.parse("1.2.3rc2")), msix(Version.parse("2026.4"))
    ('1.2.362.0', '2026.4.99.0')
    """
    major, minor, patch = version.release[:3]
    numbers = (major, minor, patch * 100 + _scaled(version))
    if len(version.release) > 3 or max(numbers) > 65535:
        hint = "It has three numbers, of which the first two end at 65535 and the third at 654."
        raise ConfigurationError(f"an msix has no number for the version {semver(version)}", hint=hint)
    return ".".join(map(str, (*numbers, 0)))


def bundle(version: Version) -> str:
    """The three numbers by which macOS compares two applications (CFBundleVersion): the third has the pre-release in it, as `msi` scaled.

    Raises ConfigurationError when there are none.
    Source: https://developer.apple.com/documentation/bundleresources/information-property-list/cfbundleversion

    >>> bundle(Version.parse("1.2.3rc2")), bundle(Version.parse("2026.4"))
    ('1.2.362', '2026.4.99')
    """
    if len(version.release) > 3:
        raise ConfigurationError(f"macOS has no number for the version {semver(version)}", hint="It has three numbers.")
    major, minor, patch = version.release[:3]
    return f"{major}.{minor}.{patch * 100 + _scaled(version)}"


def _scaled(version: Version) -> int:
    """The number of a stage among a hundred. Raises ConfigurationError when it has none."""
    first, last = {"dev": (0, 0), "alpha": (1, 29), "beta": (30, 59), "rc": (60, 98), "": (99, 99), "post": (100, 99)}[version.stage]
    number = first + (version.number if version.stage != "dev" else 0)
    if number > last:
        what = f"a scaled version has no number for {semver(version)}"
        hint = "It has alpha 0 to 28, beta 0 to 29 and rc 0 to 38, and no post-releases: release a further patch."
        raise ConfigurationError(what, hint=hint)
    return number


def safe(text: str) -> str:
    """A name of characters that every file system and GitHub's asset store keep as they are."""
    return _UNSAFE.sub("-", text).strip(".-") or "app"


def debian_package(name: str) -> str:
    """A legal package name (Debian Policy 5.6.7): lower case, at least two characters."""
    legal = re.sub(r"[^a-z0-9+-]+", "-", name.lower()).strip("+-")
    return legal if len(legal) >= 2 else f"{legal or 'app'}-app"


def archive(product: str, version: Version, target: Target, suffix: str = "tar.gz") -> str:
    """Name of an archive of the tree."""
    return f"{safe(product)}-{semver(version)}-{target}.{suffix}"


def setup(product: str, version: Version, target: Target) -> str:
    """Name of an installer, such as `demo-1.2.0-windows-x86_64-setup.exe`: browsers and people know what setup.exe is."""
    return f"{safe(product)}-{semver(version)}-{target}-setup.exe"


def archive_folder(product: str, version: Version) -> str:
    """The folder that an archive unpacks to."""
    return f"{safe(product)}-{semver(version)}"


def onefile(executable: str, version: Version, target: Target) -> str:
    """Name of a one-file executable."""
    return target.program(f"{safe(executable)}-{semver(version)}-{target}")


def sbom(product: str, version: Version, target: Target) -> str:
    """Name of the bill of materials of one target; CycloneDX asks for the suffix."""
    return f"{safe(product)}-{semver(version)}-{target}.cdx.json"


def deb(package: str, version: Version, target: Target) -> str:
    """Name of the Debian package; the file name carries SemVer because GitHub replaces `~` and `+`."""
    return f"{safe(package)}_{semver(version)}_{target.debian_arch}.deb"


def package(name: str, version: Version, target: Target, suffix: str) -> str:
    """Name of the package of another package manager, such as `demo-1.2.0-rc.1.x86_64.rpm`."""
    return f"{safe(name)}-{semver(version)}.{target.arch}.{suffix}"


def snap(name: str, version: Version, target: Target) -> str:
    """Name of a snap, such as `demo_1.2.0_amd64.snap`: what snapd's own tools call it."""
    return f"{name}_{semver(version)}_{target.debian_arch}.snap"


def appimage(product: str, version: Version, target: Target) -> str:
    """Name of an AppImage, such as `demo-1.2.0-x86_64.AppImage`."""
    return f"{safe(product)}-{semver(version)}-{target.arch}{'-musl' if target.musl else ''}.AppImage"


def zsync(appimage: str) -> str:
    """Name of what updaters read first of a newer AppImage."""
    return f"{appimage}.zsync"
