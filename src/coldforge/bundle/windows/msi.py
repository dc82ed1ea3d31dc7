r"""`msi`: the package for Windows Installer, which administrators deploy: for the user, or for the machine.

    %LOCALAPPDATA%\Programs\<folder>\ or C:\Program Files\<folder>\      the tree

wixl makes the database from a source that is written here. What wixl 0.101 drops or refuses is put right by msibuild afterwards, and
what it writes of the time and by chance is replaced.
Source: https://learn.microsoft.com/windows/win32/msi/database-tables
"""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import msgspec

from coldforge.bundle import BundleJob
from coldforge.bundle.tree import Node, Tree
from coldforge.bundle.windows import ico, msistreams
from coldforge.bundle.windows import shared as windows
from coldforge.errors import BuildFailed, Problem, Refused
from coldforge.host import files
from coldforge.host.files import digest
from coldforge.host.toolbox import Bench
from coldforge.plan import names
from coldforge.plan.model import Plan
from coldforge.project.windows import split
from coldforge.records import digest_of
from coldforge.target import Target

WIXL: Final = "wixl"
MSIBUILD: Final = "msibuild"
_NAMESPACE: Final = uuid.UUID("6f0b1f0e-7c53-5b6e-9d52-2f6c3f1f3a10")  # of every code; versions would no longer know each other without it
_LANGUAGES: Final = {"en": 1033, "de": 1031, "fr": 1036, "es": 3082, "it": 1040, "nl": 1043}
_SHOWN: Final = 10  # names in an error
_WORDS: Final = {"x86_64": "x64", "aarch64": "arm64"}
_ROOT: Final = "InstallFolder"  # with small letters in it no command line can change it: the rights on another folder would be anybody's
_CODEPAGE: Final = 1252  # what wixl 0.101 writes, and drops every other letter


class Msi:
    """Writes the source, lets wixl compile it, and puts the result right."""

    format = "msi"
    templates: tuple[str, ...] = ()
    settings: tuple[str, ...] = ("windows", "icon")
    digests: tuple[str, ...] = ()

    def tool(self) -> str:
        return ""

    def bundle(self, job: BundleJob, tree: Tree, out: Path) -> None:
        with files.scratch("msi") as folder:
            content = windows.with_icons(job, tree, folder)
            windows.check(content, job.artifact.name, room=windows.room(job))
            check(content, job)
            codes = Codes.of(job.plan, job.target.target, job.payload.digest)
            (folder / "source.wxs").write_bytes(document(job, content, codes))
            lay_out(job, content, folder)
            architecture = _WORDS[Target.parse(job.target.target).arch]
            with job.tools.bench(folder) as bench:
                _run(job, bench, WIXL, "-a", architecture, "-o", "made.msi", "source.wxs")
                for line in edits(job, codes):
                    _run(job, bench, MSIBUILD, "made.msi", *line)
                shutil.copyfile(bench.get("made.msi"), out)
            msistreams.normalise(out, codes.package, tree.epoch, _CODEPAGE)


def check(tree: Tree, job: BundleJob) -> None:
    """Raises Refused for texts that the database's code page has no letters for: wixl would leave them out without a word.

    Of the value of a kind of files it leaves out all, and msibuild ends at such a command line.
    """
    product, config = job.plan.product, job.plan.config.windows
    texts = [windows.display_name(product), windows.publisher(job), windows.folder(job), *(node.path for node in tree)]
    texts += [association.name for _, association, _ in windows.kinds(product)]
    texts += [*config.after_install, *config.before_remove]
    if wrong := [text for text in texts if not _written(text)]:
        hint = "Rename them, or plan `nsis`, which takes every letter, in the place of `msi`."
        problems = tuple(Problem(what=f"{text} has letters that are not in code page {_CODEPAGE}") for text in wrong[:_SHOWN])
        raise Refused(f"{job.artifact.name} cannot be made: {len(wrong)} texts cannot be written in it", problems=problems, hint=hint)


def _written(text: str) -> bool:
    try:
        text.encode(f"cp{_CODEPAGE}")
    except UnicodeEncodeError:
        return False
    return True


class Codes(NamedTuple):
    """What Windows Installer knows things by, `{…}`: the product's line, this version of it, and these very bytes."""

    upgrade: str
    product: str
    package: str

    @classmethod
    def of(cls, plan: Plan, target: str, payload: str) -> Codes:
        """The upgrade code stays for ever; the others are those of the version and of everything in it. `payload` is the tree's digest."""
        config, product = plan.config.windows, plan.product
        line = f"{windows.identifier(product)} {Target.parse(target).arch}"
        told = {"config": msgspec.to_builtins(config), "product": msgspec.to_builtins(product), "payload": payload, "line": line}
        made = digest_of(told)
        upgrade = config.upgrade_code.strip("{}").upper() or code(f"upgrade {line}")
        return cls(f"{{{upgrade}}}", f"{{{code(f'product {made}')}}}", f"{{{code(f'package {made}')}}}")


def code(name: str) -> str:
    """A GUID that is made of a name, in capitals as Windows Installer wants it."""
    return str(uuid.uuid5(_NAMESPACE, name)).upper()


def key(kind: str, path: str) -> str:
    """An identifier of a row that is made of a path: letters and digits, the same in every version."""
    return f"{kind}{digest(path.encode(), 'sha256')[:24]}"


def document(job: BundleJob, tree: Tree, codes: Codes) -> bytes:
    """The source that wixl compiles; files stand under their numbers."""
    config, product = job.plan.config.windows, job.plan.product
    machine, display = config.scope != "user", windows.display_name(product)
    wix = Element("Wix", xmlns="http://schemas.microsoft.com/wix/2006/wi")
    main = SubElement(wix, "Product", Id=codes.product, Name=display, Language=str(_LANGUAGES[config.languages[0]]))
    main.attrib |= {"Version": version(job.plan), "Manufacturer": windows.publisher(job), "UpgradeCode": codes.upgrade}
    about = {"Description": display, "Comments": product.summary or display, "Manufacturer": windows.publisher(job)}
    about |= {"InstallerVersion": "500", "Compressed": "yes", "InstallScope": "perMachine" if machine else "perUser"}
    SubElement(main, "Package", about)
    SubElement(main, "MajorUpgrade", DowngradeErrorMessage=f"A newer version of {display} is installed. Uninstall it first.")
    SubElement(main, "Media", Id="1", Cabinet="content.cab", EmbedCab="yes")
    facts = {"ARPURLINFOABOUT": product.homepage, "ARPHELPLINK": product.urls.get("issues", "")}
    if product.icon:
        SubElement(main, "Icon", Id="app.ico", SourceFile="app.ico")
        facts["ARPPRODUCTICON"] = "app.ico"
    for name, value in facts.items():
        if value:
            SubElement(main, "Property", Id=name, Value=value)
    target = SubElement(main, "Directory", Id="TARGETDIR", Name="SourceDir")
    parent = SubElement(target, "Directory", Id="ProgramFiles64Folder" if machine else "LocalAppDataFolder")
    if not machine:
        parent = SubElement(parent, "Directory", Id="ProgramsFolder", Name="Programs")
    components = {"Program": _tree(job, tree, SubElement(parent, "Directory", Id=_ROOT, Name=windows.folder(job)), machine=machine)}
    components["Program"].append(_classes(job, target, machine=machine))
    components |= dict(_shortcuts(job, target))
    if windows.wants_path(job):
        components["Path"] = [_component(_root_of(target), job, "path", "HKLM" if machine else "HKCU").attrib["Id"]]
    for name, members in components.items():
        feature = SubElement(main, "Feature", Id=name, Title=_FEATURES[name], Level="1")
        for member in members:
            SubElement(feature, "ComponentRef", Id=member)
    for element in wix.iter():  # a dollar sign would begin a variable of wixl's
        element.attrib |= {name: value.replace("$", "$$") for name, value in element.attrib.items()}
    indent(wix)
    text: bytes = tostring(wix, encoding="utf-8", xml_declaration=True)
    return text


def version(plan: Plan) -> str:
    """The three numbers that Windows Installer compares."""
    return names.msi(names.Version.parse(plan.product.version), scaled=plan.config.windows.msi_version == "scaled")


def _root_of(target: Element) -> Element:
    return next(element for element in target.iter("Directory") if element.attrib["Id"] == _ROOT)


def _component(folder: Element, job: BundleJob, name: str, hive: str) -> Element:
    """A component that is known by a value of the registry, as what belongs to a user must be."""
    component = SubElement(
        folder, "Component", Id=key("c", name), Guid=code(f"component {windows.identifier(job.plan.product)} {job.target.target} {name}")
    )
    place = rf"Software\{windows.identifier(job.plan.product)}\Installer"
    SubElement(component, "RegistryValue", Root=hive, Key=place, Name=key("c", name), Type="integer", Value="1", KeyPath="yes")
    return component


def _tree(job: BundleJob, tree: Tree, root: Element, *, machine: bool) -> list[str]:
    """The folders and files: a component for each folder, whose files come and go together. The identifiers of the components."""
    folders, found = {"": root}, []
    for node in (Node(path="", mode=0o755), *tree):
        if node.is_directory:
            place = folders.setdefault(node.path, root)
            if node.path:
                parent, _, name = node.path.rpartition("/")
                place = folders[node.path] = SubElement(folders[parent], "Directory", Id=key("d", node.path), Name=name)
            component = _component(place, job, f"folder {node.path}", "HKLM" if machine else "HKCU")
            SubElement(component, "CreateFolder")
            SubElement(component, "RemoveFolder", Id=key("r", node.path), On="uninstall")
            found.append(component)
            folders[node.path] = place
            members = [(number, each) for number, each in enumerate(tree) if each.source and each.path.rpartition("/")[0] == node.path]
            for number, each in members:
                SubElement(component, "File", Id=key("f", each.path), Name=each.path.rpartition("/")[2], Source=f"{number}.file")
    return [component.attrib["Id"] for component in found]


def _classes(job: BundleJob, target: Element, *, machine: bool) -> str:
    hive = "HKLM" if machine else "HKCU"
    component = _component(_root_of(target), job, "classes", hive)
    for value in windows.classes(job, f"[{_ROOT}]", formatted):
        row = SubElement(component, "RegistryValue", Root=hive, Key=value.key, Type="string", Value=value.data)
        if value.name:
            row.attrib["Name"] = value.name
    return component.attrib["Id"]


def formatted(text: str) -> str:
    """A text in which brackets are brackets (Formatted, https://learn.microsoft.com/windows/win32/msi/formatted)."""
    return re.sub(r"[\[\]{}]", lambda found: f"[\\{found[0]}]", text)


_FEATURES: Final = {"Program": "Program", "StartMenu": "Start menu", "Desktop": "Desktop", "Path": "PATH"}
_PLACES: Final = {"start-menu": ("StartMenu", "ProgramMenuFolder"), "desktop": ("Desktop", "DesktopFolder")}


def _shortcuts(job: BundleJob, target: Element) -> Iterator[tuple[str, list[str]]]:
    """A feature for each place where shortcuts are wanted."""
    for where in job.plan.config.windows.shortcuts if windows.shown(job.plan.product) else ():
        feature, folder = _PLACES[where]
        component = _component(SubElement(target, "Directory", Id=folder), job, where, "HKCU")
        for name, executable in windows.shown(job.plan.product):
            program = f"[{_ROOT}]{formatted(windows.program(job, executable))}"
            SubElement(component, "Shortcut", Id=key("s", f"{where} {name}"), Name=name, Target=program, WorkingDirectory=_ROOT)
        yield feature, [component.attrib["Id"]]


def lay_out(job: BundleJob, tree: Tree, folder: Path) -> None:
    """What wixl reads beside the source, and the tables that msibuild imports."""
    for number, node in enumerate(tree):
        if node.source:
            place = folder / f"{number}.file"
            shutil.copyfile(node.source, place)
            place.chmod(0o644)
            os.utime(place, (tree.epoch, tree.epoch))  # which go into the cabinet
    if job.plan.product.icon:
        (folder / "app.ico").write_bytes(ico.made(job.project / job.plan.product.icon))
    if windows.wants_path(job):
        name = "=-*Path" if job.plan.config.windows.scope != "user" else "=-Path"
        head = "Environment\tName\tValue\tComponent_\r\ns72\tl255\tL255\ts72\r\nEnvironment\tEnvironment\r\n"
        (folder / "environment.idt").write_text(f"{head}Path\t{name}\t[~];[{_ROOT}]\t{key('c', 'path')}\r\n", newline="")


def edits(job: BundleJob, codes: Codes) -> Iterator[Sequence[str]]:
    """What msibuild does to the database, since wixl cannot."""
    upgrade: dict[str, str | int] = {
        "UpgradeCode": codes.upgrade,
        "VersionMin": "0.0.0",
        "VersionMax": version(job.plan),
        "Attributes": 768,
    }
    queries = [
        # a version with the same numbers takes the place as well: pre-releases have those of their release
        "DELETE FROM `Upgrade` WHERE `ActionProperty` = 'WIX_UPGRADE_DETECTED'",
        _insert("Upgrade", {**upgrade, "ActionProperty": "WIX_UPGRADE_DETECTED"}),
        # before anything is installed, so that no rule about versions of files has a say
        "UPDATE `InstallExecuteSequence` SET `Sequence` = 1450 WHERE `Action` = 'RemoveExistingProducts'",
        "UPDATE `Feature` SET `Attributes` = 16 WHERE `Feature` = 'Program'",
    ]
    if windows.wants_path(job):
        yield "-i", "environment.idt"
        queries += [_scheduled("RemoveEnvironmentStrings", 3300), _scheduled("WriteEnvironmentStrings", 5200)]
    for query in (*queries, *_commands(job)):
        yield "-q", query


def _commands(job: BundleJob) -> Iterator[str]:
    """The project's own commands, run by the programs that are installed: deferred, with the rights of the installation."""
    config = job.plan.config.windows
    deferred = 18 + 1024 + (2048 if config.scope != "user" else 0)
    moments = (
        ("After", config.after_install, 5900, 0, 'NOT (REMOVE="ALL")'),
        ("Before", config.before_remove, 1700, 64, 'REMOVE="ALL" AND NOT UPGRADINGPRODUCTCODE'),
    )
    for moment, lines, place, also, condition in moments:
        for number, line in enumerate(lines):
            first, *rest = split(line)
            file = next(windows.program(job, each) for each in job.plan.product.executables if each.name == first)
            words = formatted(" ".join(map(windows.argument, rest)))
            action = f"{moment}{number}"
            yield _insert("CustomAction", {"Action": action, "Type": deferred + also, "Source": key("f", file), "Target": words})
            yield _scheduled(action, place + number, condition)


def _scheduled(action: str, place: int, condition: str = "") -> str:
    given: dict[str, str | int] = {"Condition": condition} if condition else {}
    return _insert("InstallExecuteSequence", {"Action": action, "Sequence": place, **given})


def _insert(table: str, row: Mapping[str, str | int]) -> str:
    values = [str(value) if isinstance(value, int) else "'{}'".format(value.replace("'", "''")) for value in row.values()]
    columns = ", ".join(f"`{name}`" for name in row)
    return f"INSERT INTO `{table}` ({columns}) VALUES ({', '.join(values)})"  # noqa: S608  # into a file of our own


def _run(job: BundleJob, bench: Bench, program: str, *words: str) -> None:
    """Run a tool that says nothing when all is well: wixl exits 0 too when it has dropped something."""
    try:
        said = bench.run(program, *words)
    except BuildFailed as error:
        said = error.why or error.what
    if lines := [line for line in said.splitlines() if line.strip()]:
        what = f"{program} could not make {job.artifact.name}"
        raise BuildFailed(what, why="\n".join(lines[-10:]), hint="Another version of it may know less; 0.101 is known to work.")
