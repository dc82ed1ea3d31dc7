"""`pkg`: the package for macOS' Installer, as administrators deploy it: an application, or programs for the terminal below /usr/local.

    Distribution        what the Installer shows and asks
    Resources/          its pages and picture
    demo.pkg/           Bom, Payload (cpio), Scripts (cpio), PackageInfo

Sources: https://developer.apple.com/library/archive/documentation/DeveloperTools/Reference/DistributionDefinitionRef,
installer(8), pkgbuild(1)
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from coldforge.bundle import BundleJob
from coldforge.bundle.macos import bom, cpio, hfs, xar
from coldforge.bundle.macos import shared as macos
from coldforge.bundle.tree import Node, Tree
from coldforge.errors import Problem, Refused
from coldforge.filetypes import gzips
from coldforge.host import files
from coldforge.plan import macos as plan
from coldforge.plan import names, pkgs
from coldforge.project.pkg import PAGES, SCRIPTS
from coldforge.target import Target

_WORDS: Final = {"x86_64": "x86_64,arm64", "aarch64": "arm64", "universal2": "x86_64,arm64"}  # programs for the first run on the other, too
_LARGEST: Final = (1 << 32) - 1  # bytes of a file: what a bill of materials has room for
_TYPES: Final = {".txt": "text/plain", ".rtf": "text/rtf", ".html": "text/html"}


class Pkg:
    """Writes the parts, then the archive of them."""

    format = "pkg"
    templates: tuple[str, ...] = ()
    settings: tuple[str, ...] = ("pkg", "macos", "icon", "pyinstaller")
    digests: tuple[str, ...] = ()

    def tool(self) -> str:
        """Another zlib may write other bytes."""
        return f"zlib {zlib.ZLIB_RUNTIME_VERSION} level {gzips.LEVEL}"

    def bundle(self, job: BundleJob, tree: Tree, out: Path) -> None:
        config, product = job.plan.config.pkg, job.plan.product
        with files.scratch("pkg") as folder:
            content = macos.app(job, tree, folder) if pkgs.is_application(product) else macos.tools(job, tree)
            check(content, job.artifact.name)
            inner = f"{names.safe(product.name)}.pkg"
            count = cpio.pack(content, folder / "Payload")
            parts: dict[str, bytes | Path] = {"Distribution": _xml(distribution(job, content, inner))}
            for key in (*PAGES, "background"):
                if path := getattr(config, key):
                    parts[f"Resources/{_resource(key, path)}"] = (job.project / path).read_bytes()
            parts |= {f"{inner}/Bom": bom.of(content), f"{inner}/Payload": folder / "Payload"}
            if scripts := {name: job.project / path for name in SCRIPTS if (path := getattr(config, name))}:
                cpio.pack(_scripts(scripts, tree.epoch), folder / "Scripts")
                parts[f"{inner}/Scripts"] = folder / "Scripts"
            parts[f"{inner}/PackageInfo"] = _xml(package_info(job, content, count, tuple(scripts)))
            with out.open("wb") as stream:
                xar.write(parts, stream, tree.epoch)


def check(tree: Tree, artifact: str) -> None:
    """Raises Refused for a tree that macOS, or a package, cannot hold."""
    hfs.check(tree, artifact)
    if wrong := [node.path for node in tree if node.size > _LARGEST]:
        problems = tuple(Problem(what=f"{path} has 4 GiB or more") for path in wrong)
        raise Refused(f"{artifact} cannot be made", problems=problems, hint="Plan `dmg` or `app.tar.gz` in the place of `pkg`.")


def _scripts(scripts: dict[str, Path], epoch: int) -> Tree:
    nodes = [Node(path=name, mode=0o755, size=path.stat().st_size, source=path) for name, path in sorted(scripts.items())]
    return Tree(nodes=tuple(nodes), epoch=epoch)


def _resource(key: str, path: str) -> str:
    return f"{key}{Path(path).suffix.lower()}"


def _kilobytes(tree: Tree) -> str:
    return str(-(-sum(node.size for node in tree) // 1024))


def version(job: BundleJob) -> str:
    """The numbers by which receipts compare."""
    return names.bundle(names.Version.parse(job.plan.product.version))


def package_info(job: BundleJob, tree: Tree, count: int, scripts: tuple[str, ...]) -> Element:
    """What the component is. An application is not looked for elsewhere, and the rights of folders that are there already stay."""
    product, config = job.plan.product, job.plan.config.pkg
    info = Element("pkg-info", {"format-version": "2", "identifier": pkgs.identifier(product, job.plan.config), "version": version(job)})
    info.attrib |= {"install-location": pkgs.location(product, job.plan.config), "auth": "root", "relocatable": "false"}
    info.attrib |= {"overwrite-permissions": "false", "postinstall-action": "restart" if config.restart else "none"}
    SubElement(info, "payload", numberOfFiles=str(count), installKBytes=_kilobytes(tree))
    if pkgs.is_application(product):
        short = ".".join(map(str, names.Version.parse(product.version).release[:3]))
        about = {"CFBundleShortVersionString": short, "CFBundleVersion": version(job)}
        SubElement(info, "bundle", {"path": f"./{plan.app(product)}", "id": product.identifier, **about})
        for name in ("bundle-version", "upgrade-bundle", "strict-identifier"):
            SubElement(SubElement(info, name), "bundle", id=product.identifier)
        for name in ("update-bundle", "atomic-update-bundle", "relocate"):
            SubElement(info, name)
    if scripts:
        element = SubElement(info, "scripts")
        for name in scripts:
            SubElement(element, name, file=f"./{name}")
    return info


def distribution(job: BundleJob, tree: Tree, inner: str) -> Element:
    """What the Installer shows, and on which systems it installs at all."""
    product, config, target = job.plan.product, job.plan.config.pkg, Target.parse(job.target.target)
    identifier = pkgs.identifier(product, job.plan.config)
    script = Element("installer-gui-script", minSpecVersion="2")
    SubElement(script, "title").text = config.title or plan.display_name(product)
    for key in PAGES:
        if path := getattr(config, key):
            kind = _TYPES[Path(path).suffix.lower()]
            SubElement(script, key, {"file": _resource(key, path), "mime-type": kind, "uti": _UTIS[kind]})
    if config.background:
        SubElement(script, "background", file=_resource("background", config.background), alignment="bottomleft", scaling="none")
    architectures = _WORDS[target.arch]
    SubElement(script, "options", {"customize": "never", "require-scripts": "false", "hostArchitectures": architectures})
    domains = {"enable_anywhere": "false", "enable_currentUserHome": "false", "enable_localSystem": "true"}
    SubElement(script, "domains", domains)
    if since := job.target.floor or job.payload.macos_floor:
        allowed = SubElement(SubElement(script, "volume-check"), "allowed-os-versions")
        SubElement(allowed, "os-version", min=since)
    SubElement(script, "product", id=identifier, version=version(job))
    SubElement(SubElement(script, "choices-outline"), "line", choice="default")
    SubElement(SubElement(script, "choice", id="default", title=plan.display_name(product)), "pkg-ref", id=identifier)
    about = {"version": version(job), "installKBytes": _kilobytes(tree), "onConclusion": "RequireRestart" if config.restart else "none"}
    SubElement(script, "pkg-ref", {"id": identifier, **about}).text = f"#{inner}"
    return script


_UTIS: Final = {"text/plain": "public.plain-text", "text/rtf": "public.rtf", "text/html": "public.html"}


def _xml(element: Element) -> bytes:
    indent(element)
    text = tostring(element, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'.encode()
