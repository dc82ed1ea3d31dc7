"""winget: three YAML files, in the folders of the community's repository, `manifests/p/Publisher/Name/1.2.0/`.

Source: https://learn.microsoft.com/windows/package-manager/package/manifest; the constraints are those of the schemas 1.10.0.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from coldforge.bundle.windows import msi
from coldforge.bundle.windows import shared as windows
from coldforge.host import clock
from coldforge.records import Artifact
from coldforge.shops import SHA256, WEB, Offer, arch, checked

SCHEMA: Final = "1.10.0"
LOCALE: Final = "en-US"  # the texts of [project] have no language of their own
_PART: Final = r"[^.\s\\/:*?\"<>|\x01-\x1f]{1,32}"
_ARCHITECTURES: Final[Mapping[str, Literal["x64", "arm64"]]] = {"x86_64": "x64", "aarch64": "arm64"}
_TAGS: Final = 16
_DESCRIPTION: Final = 10_000

Identifier = Annotated[str, Meta(pattern=rf"^{_PART}(\.{_PART}){{1,7}}$", max_length=128)]
Version = Annotated[str, Meta(pattern=r"^[^\\/:*?\"<>|\x01-\x1f]+$", max_length=128)]
Locale = Annotated[str, Meta(pattern=r"^([a-zA-Z]{2,3}|[iI]-[a-zA-Z]+|[xX]-[a-zA-Z]{1,8})(-[a-zA-Z]{1,8})*$", max_length=20)]
Url = Annotated[str, Meta(pattern=WEB, max_length=2048)]
Name = Annotated[str, Meta(min_length=2, max_length=256)]
Tag = Annotated[str, Meta(min_length=1, max_length=40)]
Switch = Annotated[str, Meta(min_length=1, max_length=512)]
Alias = Annotated[str, Meta(min_length=1, max_length=40)]
Code = Annotated[str, Meta(min_length=1, max_length=255)]
Scope = Literal["user", "machine"]


class _Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="pascal", forbid_unknown_fields=True):
    pass


class _File(_Part, frozen=True, kw_only=True):
    package_identifier: Identifier
    package_version: Version
    manifest_version: Annotated[str, Meta(pattern=r"^\d+\.\d+\.\d+$")]


class VersionFile(_File, frozen=True, kw_only=True):
    """The file that names the others."""

    default_locale: Locale
    manifest_type: Literal["version"]


class LocaleFile(_File, frozen=True, kw_only=True):
    """What people read."""

    package_locale: Locale
    publisher: Name
    publisher_url: Url
    publisher_support_url: Url | Literal[""] = ""
    package_name: Name
    package_url: Url
    license: Annotated[str, Meta(min_length=3, max_length=512)]
    license_url: Url | Literal[""] = ""
    short_description: Annotated[str, Meta(min_length=3, max_length=256)]
    description: Annotated[str, Meta(max_length=_DESCRIPTION)] = ""
    moniker: Tag
    tags: Annotated[tuple[Tag, ...], Meta(max_length=_TAGS)] = ()
    release_notes_url: Url
    manifest_type: Literal["defaultLocale"]


class Nested(_Part, frozen=True, kw_only=True):
    """A program in a zip."""

    relative_file_path: Switch
    portable_command_alias: Alias


class Switches(_Part, frozen=True, kw_only=True):
    """The words of an installer's command line."""

    silent: Switch
    silent_with_progress: Switch
    install_location: Switch
    upgrade: Switch
    custom: Annotated[str, Meta(max_length=2048)] = ""


class Returned(_Part, frozen=True, kw_only=True):
    """What an exit code means."""

    installer_return_code: Annotated[int, Meta(ge=1, le=4294967295)]
    return_response: Literal["cancelledByUser", "packageInUse", "downgrade"]


class Listed(_Part, frozen=True, kw_only=True):
    """What Windows lists of it, where that is not what winget would guess."""

    display_version: Annotated[str, Meta(min_length=1, max_length=128)]
    upgrade_code: Code


class Installer(_Part, frozen=True, kw_only=True):
    """One way to install it."""

    architecture: Literal["x64", "arm64"]
    installer_type: Literal["nullsoft", "wix", "zip"]
    nested_installer_type: Literal["portable", ""] = ""
    nested_installer_files: Annotated[tuple[Nested, ...], Meta(max_length=1024)] = ()
    archive_binaries_depend_on_path: bool = False
    scope: Scope | Literal[""] = ""
    installer_url: Url
    installer_sha256: Annotated[str, Meta(pattern=SHA256)]
    install_modes: tuple[Literal["interactive", "silent", "silentWithProgress"], ...] = ()
    installer_switches: Switches | None = None
    expected_return_codes: tuple[Returned, ...] = ()
    upgrade_behavior: Literal["install", "uninstallPrevious"]
    product_code: Code | Literal[""] = ""
    apps_and_features_entries: tuple[Listed, ...] = ()
    elevation_requirement: Literal["elevationRequired", ""] = ""


class InstallerFile(_File, frozen=True, kw_only=True):
    """All ways to install it."""

    commands: Annotated[tuple[Alias, ...], Meta(max_length=16)] = ()
    release_date: Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    installers: Annotated[tuple[Installer, ...], Meta(min_length=1, max_length=1024)]
    manifest_type: Literal["installer"]


class Winget:
    """Tells of every installer, and of the zip as a portable program."""

    name = "winget"
    system = "windows"
    formats: tuple[str, ...] = ("nsis", "msi", "zip")

    def files(self, offer: Offer) -> Mapping[str, bytes]:
        publisher, name = _word(offer.publisher), _word(offer.plan.product.name)
        identifier = f"{publisher}.{name}"
        known = {"package_identifier": identifier, "package_version": offer.version, "manifest_version": SCHEMA}
        made: dict[str, _File] = {
            f"{identifier}.yaml": VersionFile(**known, default_locale=LOCALE, manifest_type="version"),
            f"{identifier}.installer.yaml": _installers(offer, known),
            f"{identifier}.locale.{LOCALE}.yaml": _texts(offer, known),
        }
        folder = f"manifests/{publisher[:1].lower()}/{publisher}/{name}/{offer.version}"
        return {f"{folder}/{file}": _written(checked(value, self.name, file)) for file, value in made.items()}


def _word(text: str) -> str:
    """A part of an identifier, as the community writes it: without blanks, dots and marks."""
    return re.sub(r"[^\w+-]+", "", text)


def _written(value: _File) -> bytes:
    import yaml

    kind = getattr(value, "manifest_type", "")
    text = yaml.safe_dump(msgspec.to_builtins(value), sort_keys=False, allow_unicode=True, width=1 << 16)
    return f"# yaml-language-server: $schema=https://aka.ms/winget-manifest.{kind}.{SCHEMA}.schema.json\n{text}".encode()


def _texts(offer: Offer, known: Mapping[str, str]) -> LocaleFile:
    product = offer.plan.product
    return LocaleFile(
        **known,
        package_locale=LOCALE,
        publisher=offer.publisher,
        publisher_url=product.homepage,
        publisher_support_url=offer.issues,
        package_name=offer.name,
        package_url=product.homepage,
        license=product.license,
        license_url=offer.licence_url,
        short_description=product.summary,
        description=product.description if 3 <= len(product.description) <= _DESCRIPTION else "",
        moniker=product.name.lower(),
        tags=tuple(dict.fromkeys(word.lower() for word in product.keywords))[:_TAGS],
        release_notes_url=offer.notes,
        manifest_type="defaultLocale",
    )


def _installers(offer: Offer, known: Mapping[str, str]) -> InstallerFile:
    found = [made for form, write in _FORMATS.items() for artifact in offer.artifacts(form) for made in write(offer, artifact)]
    return InstallerFile(
        **known,
        commands=tuple(executable.name for executable in offer.programs(console=True)),
        release_date=clock.iso(offer.manifest.source.epoch)[:10],
        installers=tuple(found),
        manifest_type="installer",
    )


def _setup(offer: Offer, artifact: Artifact) -> Iterator[Installer]:
    """The installer of NSIS, once for each scope: winget asks for one, and the switch chooses it."""
    asked = offer.plan.config.windows.scope
    scopes: tuple[Scope, ...] = ("user", "machine") if asked == "both" else (asked,)
    words = {"user": "/CURRENTUSER", "machine": "/ALLUSERS"}
    for scope in scopes:
        yield Installer(
            architecture=_ARCHITECTURES[arch(artifact)],
            installer_type="nullsoft",
            scope=scope,
            installer_url=offer.url(artifact.name),
            installer_sha256=artifact.sha256.upper(),
            install_modes=("interactive", "silent", "silentWithProgress"),
            installer_switches=Switches(
                silent="/S",
                silent_with_progress="/P",
                install_location="/D=<INSTALLPATH>",
                upgrade="/UPDATE",
                custom=words[scope] if asked == "both" else "",
            ),
            expected_return_codes=(
                Returned(installer_return_code=1, return_response="cancelledByUser"),
                Returned(installer_return_code=3, return_response="packageInUse"),
                Returned(installer_return_code=4, return_response="downgrade"),
            ),
            upgrade_behavior="install",
            product_code=windows.identifier(offer.plan.product),
            elevation_requirement="elevationRequired" if scope == "machine" else "",  # a silent one asks for no rights
        )


def _package(offer: Offer, artifact: Artifact) -> Iterator[Installer]:
    """The package for Windows Installer, whose switches winget knows."""
    codes = offer.codes(artifact)
    yield Installer(
        architecture=_ARCHITECTURES[arch(artifact)],
        installer_type="wix",
        scope="user" if offer.plan.config.windows.scope == "user" else "machine",
        installer_url=offer.url(artifact.name),
        installer_sha256=artifact.sha256.upper(),
        upgrade_behavior="install",
        product_code=codes.product,
        apps_and_features_entries=(Listed(display_version=msi.version(offer.plan), upgrade_code=codes.upgrade),),
    )


def _portable(offer: Offer, artifact: Artifact) -> Iterator[Installer]:
    """The zip. Its programs look for their tree beside them: the folder goes into the PATH, since links to them would find nothing."""
    programs = offer.plan.product.executables
    yield Installer(
        architecture=_ARCHITECTURES[arch(artifact)],
        installer_type="zip",
        nested_installer_type="portable",
        nested_installer_files=tuple(
            Nested(relative_file_path=f"{offer.folder}\\{each.name}.exe", portable_command_alias=each.name) for each in programs
        ),
        archive_binaries_depend_on_path=True,
        installer_url=offer.url(artifact.name),
        installer_sha256=artifact.sha256.upper(),
        upgrade_behavior="uninstallPrevious",
    )


_FORMATS: Final = {"nsis": _setup, "msi": _package, "zip": _portable}
