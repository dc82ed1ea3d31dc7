"""The typed configuration: `[tool.coldforge]` (or coldforge.toml) and `matrix.yml`.

The structs are the single source of the accepted keys, of `coldforge schema` and of the
reference page; a field's text is its `Meta` description. Everything has a default.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Final, Literal

from msgspec import Meta, field

from coldforge.project.desktop import Desktop
from coldforge.project.dmg import DmgConfig
from coldforge.project.linux import LinuxConfig
from coldforge.project.macos import MacosConfig
from coldforge.project.pkg import PkgConfig
from coldforge.project.pyinstaller import PyInstallerConfig
from coldforge.project.section import Section
from coldforge.project.windows import WindowsConfig

_DOTTED: Final = r"[^\W\d]\w*(\.[^\W\d]\w*)*"
# Spaces and extras are allowed: https://packaging.python.org/specifications/entry-points/
EntryPoint = Annotated[
    str,
    Meta(description="Where it starts: `package.module:function`.", pattern=rf"^\s*{_DOTTED}\s*:\s*{_DOTTED}\s*(\[[^\]]*\]\s*)?$"),
]


class ExecutableConfig(Desktop, frozen=True, kw_only=True):
    """`[tool.coldforge.executables.NAME]`: one launcher. Default: one for each script of `[project]`."""

    entry: Annotated[
        str,
        Meta(
            description="Where it starts: `package.module:function`; for the command freezer its path in the tree. "
            "Default: that of the script of the same name."
        ),
    ] = ""
    console: Annotated[
        bool | None, Meta(description="False for a program with windows of its own and no terminal; default: true but for gui-scripts.")
    ] = None


class EnvironmentConfig(Section, frozen=True, kw_only=True):
    """`[tool.coldforge.environment]`: the locked set of distributions, and the Python, that is frozen."""

    python: Annotated[
        str,
        Meta(description="Version or path of the interpreter, or uv's name of one to fetch: `cpython-3.13.5`; default: a fitting one."),
    ] = ""
    lock: Annotated[str, Meta(description="The lock file; default: uv.lock, pylock.toml or requirements.txt with hashes.")] = ""
    extras: Annotated[tuple[str, ...], Meta(description="Extras of the project to include.")] = ()
    groups: Annotated[tuple[str, ...], Meta(description="Dependency groups to include.")] = ()
    build_lock: Annotated[
        str, Meta(description="Requirements with hashes for everything that builds the project and distributions that come as source.")
    ] = ""
    wheelhouse: Annotated[
        str, Meta(description="Folder with every distribution that is installed: then nothing is taken from an index, or any network.")
    ] = ""
    allow_sdists: Annotated[
        tuple[str, ...], Meta(description="Distributions that may be built from source; all others must be wheels.")
    ] = ()


class CommandConfig(Section, frozen=True, kw_only=True):
    """`[tool.coldforge.command]`: what the command freezer runs, in a copy of the source.

    In a command line `{out}` is the folder to write to, `{source}` the copy of the source, `{version}` the product's version,
    `{target}` the target, such as `linux-x86_64`.
    No shell is started; `sh -c '…'` is one.
    """

    prepare: Annotated[tuple[str, ...], Meta(description="Command lines that may use the network; they run first.")] = ()
    run: Annotated[tuple[str, ...], Meta(description="Command lines that make the tree, without network.")] = ()
    output: Annotated[
        str,
        Meta(
            description="What they leave, a folder or one program, relative to the project; default: `{out}`.",
            pattern=r"^((?!/)(?!(.*/)?\.\.(/|$)).+)?$",
        ),
    ] = ""
    environment: Annotated[
        tuple[str, ...], Meta(description="Variables that the commands get to see; a changed value is a new build.")
    ] = ()
    tools: Annotated[tuple[str, ...], Meta(description="Command lines whose first line of output is recorded, such as `go version`.")] = ()


class SmokeConfig(Section, frozen=True, kw_only=True):
    """`[tool.coldforge.smoke]`: commands that must work from the installed package in a clean system."""

    run: Annotated[tuple[str, ...], Meta(description="Command lines; each must exit 0.")] = ()
    images: Annotated[
        tuple[str, ...],
        Meta(
            description="Bare systems: entries of containers/images.toml, or images by digest; default: the oldest and the newest fitting."
        ),
    ] = ()
    skip: Annotated[str, Meta(description="Why nothing is tried in bare systems; the reason goes into the manifest.")] = ""


PackageName = Annotated[
    str,
    Meta(
        description="Name of the package: lower-case letters, digits and `+._-`, at least two; default: made from the product's.",
        pattern=r"^([a-z0-9][a-z0-9+._-]+)?$",
    ),
]
# Debian Policy 5.6.1
DebianName = Annotated[
    str,
    Meta(
        description="Name of the package: lower-case letters, digits and `+.-`, at least two; default: made from the product's.",
        pattern=r"^([a-z0-9][a-z0-9+.-]+)?$",
    ),
]
# What a package says of others, in the words of its own manager: who installs it would find out otherwise (deb-control(5), dependency(7)
# of rpm, PKGBUILD(5), apk-world(5)).
_DEBIAN: Final = r"[a-z0-9][a-z0-9+.-]+(:[a-z0-9-]+)?( ?\( ?(<<|<=|=|>=|>>) ?[A-Za-z0-9.+~:-]+ ?\))?"
DebianRelation = Annotated[
    str,
    Meta(description="Such as `git` or `libfoo2 (>= 1.2) | libfoo1`, each an item of its own.", pattern=rf"^{_DEBIAN}( ?\| ?{_DEBIAN})*$"),
]
RpmRelation = Annotated[
    str,
    Meta(
        description="Such as `git`, `foo >= 1.2` or `(foo if bar)`, each an item of its own.",
        pattern=r"^(\([^()\s].*\)|[A-Za-z0-9/_][^\s<>=]*( ?(<|<=|=|>=|>) ?[A-Za-z0-9.+~^:_-]+)?)$",
    ),
]
PlainRelation = Annotated[
    str,
    Meta(
        description="Such as `git` or `foo>=1.2`, without spaces, each an item of its own.",
        pattern=r"^!?[A-Za-z0-9@_+][A-Za-z0-9@._+:/-]*((<|<=|=|>=|>|~|~=|><)[A-Za-z0-9.:_+~-]+)?$",
    ),
]
_DEPENDS: Final = Meta(description="Added to the dependencies that are found by themselves.")
_RECOMMENDS: Final = Meta(description="Packages that are usually wanted with it.")
_SUGGESTS: Final = Meta(description="Packages that go well with it.")
_CONFLICTS: Final = Meta(description="Packages that cannot be installed beside it.")
_PROVIDES: Final = Meta(description="Names by which others may ask for it.")
_REPLACES: Final = Meta(description="Packages whose files it takes over.")
Libraries = Annotated[
    Mapping[str, str],
    Meta(description='Packages of libraries that are not known: `"libfoo.so.1" = "libfoo1"`; empty text: the program can do without.'),
]
Revision = Annotated[int, Meta(description="Revision of the packaging.", ge=1)]
PackageSection = Annotated[
    str,
    Meta(description="Section of the archive, such as `utils` or `non-free/utils`.", pattern=r"^([a-z][a-z0-9-]*/)?[a-z0-9][a-z0-9-]*$"),
]


class DebConfig(Section, frozen=True, kw_only=True):
    """`[tool.coldforge.deb]`: what the Debian package says beyond the product's metadata."""

    package: DebianName = ""
    section: PackageSection = "utils"
    priority: Annotated[Literal["required", "important", "standard", "optional", "extra"], Meta(description="Priority.")] = "optional"
    depends: Annotated[tuple[DebianRelation, ...], _DEPENDS] = ()
    libraries: Libraries = field(default_factory=dict)
    recommends: Annotated[tuple[DebianRelation, ...], _RECOMMENDS] = ()
    suggests: Annotated[tuple[DebianRelation, ...], _SUGGESTS] = ()
    conflicts: Annotated[tuple[DebianRelation, ...], _CONFLICTS] = ()
    provides: Annotated[tuple[DebianRelation, ...], _PROVIDES] = ()
    replaces: Annotated[tuple[DebianRelation, ...], _REPLACES] = ()
    revision: Revision = 1


class RpmConfig(Section, frozen=True, kw_only=True):
    """`[tool.coldforge.rpm]`: what the package for Fedora, openSUSE and their kin says beyond the product's metadata."""

    package: PackageName = ""
    group: Annotated[str, Meta(description="Group, which old systems sort by.")] = ""
    depends: Annotated[tuple[RpmRelation, ...], _DEPENDS] = ()
    recommends: Annotated[tuple[RpmRelation, ...], _RECOMMENDS] = ()
    suggests: Annotated[tuple[RpmRelation, ...], _SUGGESTS] = ()
    conflicts: Annotated[tuple[RpmRelation, ...], _CONFLICTS] = ()
    provides: Annotated[tuple[RpmRelation, ...], _PROVIDES] = ()
    replaces: Annotated[tuple[RpmRelation, ...], Meta(description="Packages that it makes obsolete.")] = ()
    revision: Revision = 1


class ArchConfig(Section, frozen=True, kw_only=True):
    """`[tool.coldforge.arch]`: what the package for Arch Linux says beyond the product's metadata."""

    package: PackageName = ""
    depends: Annotated[tuple[PlainRelation, ...], _DEPENDS] = ()
    libraries: Libraries = field(default_factory=dict)
    optional: Annotated[tuple[str, ...], Meta(description="Optional dependencies, `name: what for`.")] = ()
    conflicts: Annotated[tuple[PlainRelation, ...], _CONFLICTS] = ()
    provides: Annotated[tuple[PlainRelation, ...], _PROVIDES] = ()
    replaces: Annotated[tuple[PlainRelation, ...], _REPLACES] = ()
    revision: Revision = 1


class ApkConfig(Section, frozen=True, kw_only=True):
    """`[tool.coldforge.apk]`: what the package for Alpine, Wolfi and their kin says beyond the product's metadata."""

    package: PackageName = ""
    depends: Annotated[tuple[PlainRelation, ...], _DEPENDS] = ()
    conflicts: Annotated[tuple[PlainRelation, ...], _CONFLICTS] = ()
    provides: Annotated[tuple[PlainRelation, ...], _PROVIDES] = ()
    replaces: Annotated[tuple[PlainRelation, ...], _REPLACES] = ()
    revision: Revision = 1


class IpkConfig(Section, frozen=True, kw_only=True):
    """`[tool.coldforge.ipk]`: what the package for OpenWrt and other small systems says beyond the product's metadata."""

    package: DebianName = ""
    architecture: Annotated[str, Meta(description="Word for the architecture; default: OpenWrt's, `x86_64` or `aarch64_generic`.")] = ""
    section: PackageSection = "utils"
    depends: Annotated[
        tuple[DebianRelation, ...], Meta(description="Packages that it needs; nothing is known of these systems' packages.")
    ] = ()
    conflicts: Annotated[tuple[DebianRelation, ...], _CONFLICTS] = ()
    provides: Annotated[tuple[DebianRelation, ...], _PROVIDES] = ()
    replaces: Annotated[tuple[DebianRelation, ...], _REPLACES] = ()
    revision: Revision = 1


class AppImageConfig(Section, frozen=True, kw_only=True):
    """`[tool.coldforge.appimage]`: what the AppImage says beyond the product's metadata."""

    update: Annotated[
        str,
        Meta(
            description="Where newer ones are found: `zsync|URL`, or `gh-releases-zsync|OWNER|REPO|latest|NAME-*.AppImage.zsync`.",
            pattern=r"^((zsync|gh-releases-zsync)\|[!-~]+)?$",
        ),
    ] = ""


class SnapConfig(Section, frozen=True, kw_only=True):
    """`[tool.coldforge.snap]`: what the snap says beyond the product's metadata. It is confined, and has no rights but those named here.

    A program with windows has those that a window takes: `desktop`, `wayland`, `x11`.
    """

    package: Annotated[str, Meta(description="Name of the snap, as registered in the store.", pattern=r"^([a-z0-9]+(-[a-z0-9]+)*)?$")] = ""
    base: Annotated[
        str, Meta(description="The system it runs in; default: the oldest of core20, core22 and core24 that is new enough.")
    ] = ""
    grade: Annotated[
        Literal["", "stable", "devel"], Meta(description="What the store may offer it as; default: devel for pre-releases, else stable.")
    ] = ""
    confinement: Annotated[
        Literal["strict", "classic", "devmode"], Meta(description="How it is kept apart; the store reviews `classic` by hand.")
    ] = "strict"
    plugs: Annotated[tuple[str, ...], Meta(description="Interfaces that every program of it may use, such as `network` or `home`.")] = ()
    compression: Annotated[Literal["xz", "lzo"], Meta(description="`xz` is smaller, `lzo` starts faster.")] = "xz"


class FlatpakConfig(Section, frozen=True, kw_only=True):
    """`[tool.coldforge.flatpak]`: the runtime, and what the program may do: show its windows, if it has some, and what is named here."""

    runtime: Annotated[str, Meta(description="What it runs on.", pattern=r"^[A-Za-z0-9_.-]+$")] = "org.freedesktop.Platform"
    sdk: Annotated[str, Meta(description="What belongs to the runtime for building.", pattern=r"^[A-Za-z0-9_.-]+$")] = "org.freedesktop.Sdk"
    runtime_version: Annotated[
        str, Meta(description="Version of both; its C library must be as new as the tree's floor.", pattern=r"^[A-Za-z0-9_.-]+$")
    ] = "24.08"
    branch: Annotated[str, Meta(description="Branch of the application.", pattern=r"^[A-Za-z0-9_.-]+$")] = "stable"
    permissions: Annotated[
        tuple[str, ...], Meta(description="What it may do, in flatpak's words, such as `--share=network` or `--filesystem=home`.")
    ] = ()


class LicensesConfig(Section, frozen=True, kw_only=True):
    """`[tool.coldforge.licenses]`: the licences that what is distributed may have; without this table nothing is judged."""

    allowed: Annotated[
        tuple[str, ...], Meta(description="SPDX licences, each with or without an exception. When there are any, no other is.")
    ] = ()
    denied: Annotated[
        tuple[str, ...], Meta(description="SPDX licences that are not; `GPL-3.0-only` is not also one that comes with an exception.")
    ] = ()
    stated: Annotated[Mapping[str, str], Meta(description='What parts do not say of themselves in SPDX words: name = "expression".')] = (
        field(default_factory=dict)
    )


class Config(Section, frozen=True, kw_only=True):
    """`[tool.coldforge]`: what is released."""

    elsewhere: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("container", "floor", "formats", "runner", "targets"), "matrix.yml says that, for each target"),
        **dict.fromkeys(("authors", "dependencies", "description", "license", "scripts", "urls", "version"), "[project] says that"),
    }
    name: Annotated[
        str, Meta(description="Name of the product; default: the project's name.", pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]*)?$")
    ] = ""
    identifier: Annotated[
        str, Meta(description="Reverse-domain identifier, such as org.example.demo.", pattern=r"^([A-Za-z0-9-]+(\.[A-Za-z0-9_-]+)+)?$")
    ] = ""
    display_name: Annotated[str, Meta(description="Name that people read.")] = ""
    maintainer: Annotated[
        str,
        Meta(
            description="`Name <mail>`; default: the project's first maintainer or author.", pattern=r"^([^<>@]+ <[^<>@\s]+@[^<>@\s]+>)?$"
        ),
    ] = ""
    icon: Annotated[str, Meta(description="One square PNG or SVG; every size and format is made from it.")] = ""
    categories: Annotated[tuple[str, ...], Meta(description="Categories of the desktop's menu.")] = ()
    generic_name: Annotated[str, Meta(description="What kind of program it is, such as `Text editor`.")] = ""
    keywords: Annotated[tuple[str, ...], Meta(description="Words to find it by in a menu; default: the project's keywords.")] = ()
    freezer: Annotated[Literal["pyinstaller", "command"], Meta(description="What makes the tree.")] = "pyinstaller"
    executables: Annotated[Mapping[str, ExecutableConfig], Meta(description="The launchers.")] = field(default_factory=dict)
    environment: EnvironmentConfig = EnvironmentConfig()
    pyinstaller: PyInstallerConfig = PyInstallerConfig()
    command: CommandConfig = CommandConfig()
    smoke: SmokeConfig = SmokeConfig()
    linux: LinuxConfig = LinuxConfig()
    deb: DebConfig = DebConfig()
    rpm: RpmConfig = RpmConfig()
    arch: ArchConfig = ArchConfig()
    apk: ApkConfig = ApkConfig()
    ipk: IpkConfig = IpkConfig()
    appimage: AppImageConfig = AppImageConfig()
    snap: SnapConfig = SnapConfig()
    flatpak: FlatpakConfig = FlatpakConfig()
    windows: WindowsConfig = WindowsConfig()
    macos: MacosConfig = MacosConfig()
    dmg: DmgConfig = DmgConfig()
    pkg: PkgConfig = PkgConfig()
    licenses: LicensesConfig = LicensesConfig()
    gates: Annotated[Mapping[str, str], Meta(description='Gates to relax: name = "the reason".')] = field(default_factory=dict)


class TargetConfig(Section, frozen=True, kw_only=True):
    """One target of `matrix.yml`: where it is built and what is made."""

    runner: Annotated[str, Meta(description="Label of the hosted machine that freezes it.")] = ""
    container: Annotated[str, Meta(description="Build image: a name in containers/images.toml, or an image by digest.")] = ""
    toolbox: Annotated[
        str,
        Meta(description="Image with the programs that make the formats: a name in containers/images.toml, or an image by digest."),
    ] = ""
    floor: Annotated[str, Meta(description="Oldest system it must run on, such as glibc-2.28; of macOS its version, such as 11.0.")] = ""
    budget: Annotated[
        str, Meta(description="The most that the frozen tree may have, such as `60 MB`.", pattern=r"^([0-9]+(\.[0-9]+)? ?[kMG]B)?$")
    ] = ""
    formats: Annotated[tuple[str, ...], Meta(description="What is made for it.")] = ()
    optional: Annotated[bool, Meta(description="True when a release may go out without it.")] = False


class Matrix(Section, frozen=True, kw_only=True):
    """`matrix.yml`: where it is built."""

    targets: Annotated[Mapping[str, TargetConfig], Meta(description="Targets by name.")] = field(default_factory=dict)


class Executable(Desktop, frozen=True, kw_only=True):
    """One launcher of the product, resolved: `entry` is `module:function`, or a path in the tree that commands make."""

    name: str
    entry: str
    console: bool = True


class Product(Section, frozen=True, kw_only=True):
    """What is released: metadata of `[project]`, completed by `[tool.coldforge]`.

    `version` is the project's own PEP 440 text; `license` an SPDX expression or free text;
    `icon` a path relative to the project, or empty; `urls` those of the project by the well-known labels of PEP 753;
    `identifier` the configured one, else one that the homepage tells, else empty.
    """

    name: str
    version: str
    summary: str = ""
    description: str = ""
    license: str = ""
    license_files: tuple[str, ...] = ()
    homepage: str = ""
    urls: Mapping[str, str] = field(default_factory=dict)
    maintainer: str = ""
    display_name: str = ""
    identifier: str = ""
    icon: str = ""
    categories: tuple[str, ...] = ()
    generic_name: str = ""
    keywords: tuple[str, ...] = ()
    requires_python: str = ""
    executables: tuple[Executable, ...] = ()

    @property
    def main(self) -> Executable:
        """The one that stands for the product: one with windows where there is any, the one that is called like it if possible."""
        likely = [executable for executable in self.executables if not executable.console] or self.executables
        return next((executable for executable in likely if executable.name == self.name), likely[0])
