"""`msix`: Windows' app package, which the system itself installs, updates and removes; the program has its user's rights (runFullTrust).

Source: https://learn.microsoft.com/uwp/schemas/appxpackage/uapmanifestschema/schema-root
"""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Collection, Iterator
from itertools import count
from pathlib import Path
from typing import Final
from xml.etree.ElementTree import Element, SubElement

from coldforge.bundle import BundleJob, icons
from coldforge.bundle.archive import with_licences
from coldforge.bundle.tree import Tree
from coldforge.bundle.windows import appx
from coldforge.bundle.windows import shared as windows
from coldforge.errors import ConfigurationError, Location, Problem, Refused
from coldforge.filetypes.msix import MANIFEST
from coldforge.host import files
from coldforge.plan import msix, names
from coldforge.project.config import Executable, Product
from coldforge.project.desktop import FileAssociation
from coldforge.target import Target

_SPACE: Final = "http://schemas.microsoft.com/appx/manifest"
_SPACES: Final = {
    "xmlns": f"{_SPACE}/foundation/windows10",
    "xmlns:uap": f"{_SPACE}/uap/windows10",
    "xmlns:uap3": f"{_SPACE}/uap/windows10/3",
    "xmlns:desktop": f"{_SPACE}/desktop/windows10",
    "xmlns:rescap": f"{_SPACE}/foundation/windows10/restrictedcapabilities",
}
_SINCE: Final = "10.0.17763.0"  # Windows 10 1809, Windows Server 2019: the first that install an msix
_WORDS: Final = {"x86_64": "x64", "aarch64": "arm64"}
_SMALL, _STORE, _LARGE = LOGOS = (44, 50, 150)  # pixels: in lists, in the Store, in the start menu
_OWN: Final = re.compile(
    r"(AppxManifest\.xml|AppxBlockMap\.xml|AppxSignature\.p7x|\[Content_Types\]\.xml|AppxMetadata(/.*)?)", re.IGNORECASE
)
_ENTRY: Final = "Windows.FullTrustApplication"


class Msix:
    """Streams the tree into the container, with pictures and a manifest."""

    format = "msix"
    templates: tuple[str, ...] = ()
    settings: tuple[str, ...] = ("windows", "icon")
    digests: tuple[str, ...] = ()

    def tool(self) -> str:
        """Another zlib may write other bytes."""
        return f"zlib {zlib.ZLIB_RUNTIME_VERSION}"

    def bundle(self, job: BundleJob, tree: Tree, out: Path) -> None:
        content = with_licences(tree, job.project, job.plan.product.license_files)
        windows.check(content, job.artifact.name)
        with files.scratch("msix") as folder, out.open("wb") as stream:
            added = pictures(job, folder)
            check(content, job, added)
            writer = appx.Writer(stream, tree.epoch)
            for node in content.adding(added):
                if node.source:
                    with node.source.open("rb") as source:
                        writer.add(node.path, source, size=node.size)
            writer.add(MANIFEST, io.BytesIO(appx.xml(manifest(job))))
            writer.close()


def check(tree: Tree, job: BundleJob, added: Collection[str] = ()) -> None:
    """Raises Refused for names that are the package's own, as those of the `added` pictures are."""
    taken = [node.path for node in tree if _OWN.fullmatch(node.path) or node.path.casefold() in {path.casefold() for path in added}]
    problems = [Problem(what=f"{path} is a name of the package's own", hint="rename it where the payload is made") for path in taken]
    if problems:
        hint = "Where that cannot be, plan `nsis` or `zip` in the place of `msix`."
        raise Refused(f"{job.artifact.name} cannot be made", problems=tuple(problems), hint=hint)


def logo(size: int) -> str:
    """Where a picture is in the tree."""
    return f"{windows.ICONS}/logo-{size}.png"


def pictures(job: BundleJob, scratch: Path) -> dict[str, Path]:
    """The product's pictures and those of its kinds of files, which are written to `scratch`. Raises ConfigurationError for small ones."""
    product = job.plan.product
    wanted = {logo(size): (product.icon, size) for size in LOGOS}
    wanted |= {_kind_logo(name): (kind.icon, _SMALL) for name, kind, _ in windows.kinds(product) if kind.icon}
    found = {}
    for path, (icon, size) in wanted.items():
        drawn = icons.drawn(job.project / icon, LOGOS).get(size)
        if drawn is None:
            hint = f"It has {_LARGE} pixels or more, or is an SVG."
            raise ConfigurationError("the icon is too small for an msix", where=Location(job.project / icon), hint=hint)
        found[path] = scratch / path.rpartition("/")[2]
        found[path].write_bytes(drawn)
    return found


def _kind_logo(name: str) -> str:
    return f"{windows.ICONS}/{name}.png"


def manifest(job: BundleJob) -> Element:
    """What the package is and what Windows shows and starts of it."""
    product, config = job.plan.product, job.plan.config.windows
    package = Element("Package", {**_SPACES, "IgnorableNamespaces": "uap uap3 desktop rescap"})
    identity = SubElement(package, "Identity", Name=msix.name(product), Publisher=config.msix_publisher)
    identity.attrib["Version"] = names.msix(names.Version.parse(product.version))
    identity.attrib["ProcessorArchitecture"] = _WORDS[Target.parse(job.target.target).arch]
    properties = SubElement(package, "Properties")
    _text(properties, "DisplayName", windows.display_name(product))
    _text(properties, "PublisherDisplayName", windows.publisher(job))
    _text(properties, "Logo", _windows_path(logo(_STORE)))
    resources = SubElement(package, "Resources")
    for language in config.languages:
        SubElement(resources, "Resource", Language=language)
    needs = SubElement(package, "Dependencies")
    SubElement(needs, "TargetDeviceFamily", Name="Windows.Desktop", MinVersion=_SINCE, MaxVersionTested=_SINCE)
    SubElement(SubElement(package, "Capabilities"), "rescap:Capability", Name="runFullTrust")
    applications = SubElement(package, "Applications")
    for executable, key in zip(product.executables, application_ids(product), strict=True):
        _application(SubElement(applications, "Application", Id=key), executable, job)
    return package


def application_ids(product: Product) -> list[str]:
    """What Windows knows each program by: letters and digits of its name, and a number where two would be alike."""
    found: list[str] = []
    for executable in product.executables:
        key = re.sub(r"[^A-Za-z0-9]+", "", executable.name)[:50]
        key = key if key[:1].isalpha() else f"App{key}"
        spellings = (f"{key}{number or ''}" for number in count())
        found.append(next(each for each in spellings if each.casefold() not in {other.casefold() for other in found}))
    return found


def _application(element: Element, executable: Executable, job: BundleJob) -> None:
    product = job.plan.product
    program = windows.program(job, executable)
    element.attrib |= {"Executable": program, "EntryPoint": _ENTRY}
    shown = {each.name: name for name, each in windows.shown(product)}
    name = shown.get(executable.name, executable.name)
    visual = SubElement(element, "uap:VisualElements", DisplayName=name, Description=product.summary or name, BackgroundColor="transparent")
    visual.attrib |= {"Square150x150Logo": _windows_path(logo(_LARGE)), "Square44x44Logo": _windows_path(logo(_SMALL))}
    if shown and executable.name not in shown:  # a package without any entry in the start menu is none to the Store
        visual.attrib["AppListEntry"] = "none"
    if found := list(_extensions(executable, program, product)):
        SubElement(element, "Extensions").extend(found)


def _extensions(executable: Executable, program: str, product: Product) -> Iterator[Element]:
    """Kinds of files, schemes of URLs, and the word that a terminal knows the program by."""
    for name, kind, opens in windows.kinds(product):
        if opens is executable:
            yield _kind(name, kind, product)
    for scheme in executable.url_schemes:
        extension = Element("uap3:Extension", Category="windows.protocol")
        protocol = SubElement(extension, "uap3:Protocol", Name=scheme.lower(), Parameters='"%1"')
        _text(protocol, "uap:DisplayName", windows.display_name(product))
        yield extension
    if executable.console:
        extension = Element("uap3:Extension", Category="windows.appExecutionAlias", Executable=program, EntryPoint=_ENTRY)
        SubElement(SubElement(extension, "uap3:AppExecutionAlias"), "desktop:ExecutionAlias", Alias=program)
        yield extension


def _kind(name: str, kind: FileAssociation, product: Product) -> Element:
    endings = windows.extensions(kind)
    extension = Element("uap3:Extension", Category="windows.fileTypeAssociation")
    association = SubElement(extension, "uap3:FileTypeAssociation", Parameters='"%1"')
    association.attrib["Name"] = re.sub(r"[^a-z0-9.-]+", "-", endings[0].lower())
    _text(association, "uap:DisplayName", kind.name or f"{windows.display_name(product)} document")
    if kind.icon:
        _text(association, "uap:Logo", _windows_path(_kind_logo(name)))
    types = SubElement(association, "uap:SupportedFileTypes")
    for ending in endings:
        _text(types, "uap:FileType", f".{ending.lower()}")
    return extension


def _text(parent: Element, name: str, text: str) -> None:
    SubElement(parent, name).text = text


def _windows_path(path: str) -> str:
    return path.replace("/", "\\")
