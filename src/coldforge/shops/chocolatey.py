"""Chocolatey: what `choco pack` makes a package of, a nuspec and two scripts that download and check the installer.

Source: https://docs.chocolatey.org/en-us/create/create-packages, https://learn.microsoft.com/nuget/reference/nuspec
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import msgspec
from msgspec import Meta

from coldforge.bundle.windows import shared as windows
from coldforge.errors import ConfigurationError
from coldforge.plan import names
from coldforge.records import Artifact
from coldforge.shops import SHA256, WEB, Offer, arch, checked

_NAMESPACE: Final = "http://schemas.microsoft.com/packaging/2015/06/nuspec.xsd"
_STAGES: Final = {"dev": "adev"}  # which sorts below alpha, by letters
_NUMBERS: Final = 4  # that NuGet's versions have at most
_RESTART: Final = "0, 1641, 3010"  # the last two: it is done, and takes a restart

Line = Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f]+$", max_length=512)]
Prose = Annotated[str, Meta(pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f]+$", max_length=4000)]
Url = Annotated[str, Meta(pattern=WEB)]


class Package(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel", forbid_unknown_fields=True):
    """The nuspec's metadata."""

    id: Annotated[str, Meta(pattern=r"^[a-z0-9]+([._-][a-z0-9]+)*$", max_length=100)]
    version: Annotated[str, Meta(pattern=r"^\d+(\.\d+){1,3}(-[A-Za-z][A-Za-z0-9]{0,19})?$")]
    title: Line
    authors: Line
    project_url: Url
    license_url: Url | Literal[""] = ""
    require_license_acceptance: Literal["true", "false"]
    project_source_url: Url
    bug_tracker_url: Url | Literal[""] = ""
    release_notes: Url
    tags: Line
    summary: Line
    description: Prose


class Download(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the script downloads and runs."""

    kind: Literal["exe", "msi"]
    url: Url
    checksum: Annotated[str, Meta(pattern=SHA256)]
    switches: Line
    codes: Line


class Chocolatey:
    """Tells of the installer of NSIS, else of the msi: a package of Chocolatey has one for all 64-bit systems, so that of x86_64."""

    name = "chocolatey"
    system = "windows"
    formats: tuple[str, ...] = ("nsis", "msi")

    def files(self, offer: Offer) -> Mapping[str, bytes]:
        package = checked(_package(offer), self.name, "the nuspec")
        artifact = next((made for form in self.formats for made in offer.artifacts(form) if arch(made) == "x86_64"), None)
        if artifact is None:
            return {}
        download = checked(_download(offer, artifact), self.name, "chocolateyinstall.ps1")
        removal = _remove_msi(offer, artifact) if download.kind == "msi" else _remove_setup(offer)
        return {
            f"{package.id}/{package.id}.nuspec": _nuspec(package),
            f"{package.id}/tools/chocolateyinstall.ps1": _script(_install(download)),
            f"{package.id}/tools/chocolateyuninstall.ps1": _script(removal),
        }


def version(version: names.Version) -> str:
    """NuGet's spelling: words sort by their letters, so that their numbers have zeros in front; a post-release is a fourth number.

    Raises ConfigurationError for more numbers than it has.

    >>> version(names.Version.parse("1.2.3rc2")), version(names.Version.parse("1.2.3.post1"))
    ('1.2.3-rc0002', '1.2.3.1')
    """
    numbers = (*version.release, version.number) if version.stage == "post" else version.release
    if len(numbers) > _NUMBERS:
        what = f"Chocolatey has no number for the version {names.semver(version)}"
        raise ConfigurationError(what, hint="It has four numbers, and a post-release takes the last one.")
    core = ".".join(map(str, numbers))
    stage = "" if version.stage == "post" else version.stage
    return f"{core}-{_STAGES.get(stage, stage)}{version.number:04}" if stage else core


def _package(offer: Offer) -> Package:
    product = offer.plan.product
    tags = dict.fromkeys("-".join(word.lower().split()) for word in (product.name, *product.keywords))
    return Package(
        id=re.sub(r"[^a-z0-9]+", "-", product.name.lower()).strip("-"),
        version=version(names.Version.parse(offer.manifest.version)),
        title=offer.name,
        authors=offer.publisher,
        project_url=product.homepage,
        license_url=offer.licence_url,
        require_license_acceptance="false",
        project_source_url=offer.page,
        bug_tracker_url=offer.issues,
        release_notes=offer.notes,
        tags=" ".join(tags),
        summary=product.summary,
        description=product.description or product.summary,
    )


def _download(offer: Offer, artifact: Artifact) -> Download:
    """Chocolatey runs as an administrator: where there is a choice, it is for the machine."""
    setup = artifact.format == "nsis"
    chosen = " /ALLUSERS" if offer.plan.config.windows.scope == "both" else ""
    return Download(
        kind="exe" if setup else "msi",
        url=offer.url(artifact.name),
        checksum=artifact.sha256,
        switches=f"/S{chosen}" if setup else "/qn /norestart",
        codes="0" if setup else _RESTART,
    )


def _nuspec(package: Package) -> bytes:
    root = Element("package", xmlns=_NAMESPACE)
    metadata = SubElement(root, "metadata")
    for name, value in msgspec.to_builtins(package).items():
        SubElement(metadata, name).text = value
    SubElement(SubElement(root, "files"), "file", src=r"tools\**", target="tools")
    indent(root)
    text: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def text(value: str) -> str:
    """A text of PowerShell's that is nothing but itself; its marks of quotation are several.

    >>> text("it's")
    "'it''s'"
    """
    return "'{}'".format(re.sub("['\u2018\u2019\u201a\u201b]", lambda mark: mark[0] * 2, value))


def _script(body: str) -> bytes:
    """A script, with the mark in front by which every PowerShell knows its encoding."""
    return f"\ufeff$ErrorActionPreference = 'Stop'\n{body}".encode()


def _install(download: Download) -> str:
    return f"""$packageArgs = @{{
  packageName    = $env:ChocolateyPackageName
  fileType       = {text(download.kind)}
  url64bit       = {text(download.url)}
  checksum64     = {text(download.checksum)}
  checksumType64 = 'sha256'
  silentArgs     = {text(download.switches)}
  validExitCodes = @({download.codes})
}}
Install-ChocolateyPackage @packageArgs
"""


def _remove_setup(offer: Offer) -> str:
    """Removes what Windows lists, for the machine or this user, by the very line that the installer left for that."""
    key = text(rf"Software\Microsoft\Windows\CurrentVersion\Uninstall\{windows.identifier(offer.plan.product)}")
    return f"""$key = {key}
$place = @("HKLM:\\$key", "HKCU:\\$key") | Where-Object {{ Test-Path -LiteralPath $_ }} | Select-Object -First 1
if ($place) {{
  $entry = Get-ItemProperty -LiteralPath $place
  $packageArgs = @{{
    packageName    = $env:ChocolateyPackageName
    fileType       = 'exe'
    file           = Join-Path $entry.InstallLocation {text(names.UNINSTALLER)}
    silentArgs     = $entry.QuietUninstallString -replace '^"[^"]*"\\s*', ''
    validExitCodes = @(0)
  }}
  Uninstall-ChocolateyPackage @packageArgs
}}
"""


def _remove_msi(offer: Offer, artifact: Artifact) -> str:
    """Windows Installer knows it by its code; 1605 is that it is not there any more."""
    return f"""$packageArgs = @{{
  packageName    = $env:ChocolateyPackageName
  fileType       = 'msi'
  file           = ''
  silentArgs     = {text(f"{offer.codes(artifact).product} /qn /norestart")}
  validExitCodes = @({_RESTART}, 1605)
}}
Uninstall-ChocolateyPackage @packageArgs
"""
