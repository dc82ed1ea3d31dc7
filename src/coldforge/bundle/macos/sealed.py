"""The code signatures of an application for macOS: all code in it is signed from the inside out, and each bundle sealed with its main code.

Who signs is given: here what a key has made of the same bytes before (data of the payload), or nobody (ad hoc), so that it runs where it
was made; in `sign --payload` the key.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import plistlib
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Protocol

from coldforge.bundle.tree import Node, Tree, sorted_with_folders
from coldforge.errors import ConfigurationError, Refused
from coldforge.filetypes import apple, codesign, macho, requirement, seal, signed, spans
from coldforge.host import files
from coldforge.records import ADHOC, Notarization, Payload, Signature

_VERSION: Final = re.compile(r"(?P<framework>.+\.framework)/Versions/(?P<version>[^/]+)/Resources/Info\.plist")
_TICKET: Final = "CodeResources"
_AGAIN: Final = "Sign it again: `coldforge sign --payload`, then `coldforge bundle`."


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A Mach-O file to be signed: its path in the tree, its bytes, its name, and its bundle's Info.plist and seal, if it is one's."""

    path: str
    source: Path
    identifier: str
    info: bytes = b""
    resources: bytes = b""


class Signer(Protocol):
    """Gives signatures as `codesign.attached` takes them."""

    def __call__(self, code: Code) -> bytes: ...


def sealed(tree: Tree, sign: Signer, scratch: Path) -> tuple[Tree, Mapping[str, Signature]]:
    """An application's tree, signed and sealed; and what was signed, by path. Changed files are written to `scratch`.

    What has signatures already stays as it is; but main code of bundles is signed with the bundle. Raises Refused when that cannot be.
    """
    work = _Work(tree, sign, scratch)
    whole, frameworks = _application(work.nodes), list(_frameworks(work))
    mains = {whole.main, *(bundle.main for bundle in frameworks)}
    for path in sorted(work.nodes.keys() - mains):
        work.plain(path, whole.identifier)
    for bundle in frameworks:
        work.bundle(bundle)
    work.bundle(whole)
    return Tree(nodes=sorted_with_folders(list(work.nodes.values())), epoch=tree.epoch), work.signatures


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bundle:
    """A folder that is sealed, with the path of its main code, and that of its Info.plist. `name` is what it is in the one around it."""

    root: str
    main: str
    info: str
    identifier: str
    name: str = ""


def _application(nodes: Mapping[str, Node]) -> _Bundle:
    """The bundle that an application's tree is."""
    (info,) = [path for path in nodes if re.fullmatch(r"[^/]+/Contents/Info\.plist", path)]
    root, about = posixpath.dirname(info), _plist(nodes[info])
    return _Bundle(root=root, main=f"{root}/MacOS/{about['CFBundleExecutable']}", info=info, identifier=about["CFBundleIdentifier"])


def record(tree: Tree) -> str:
    """What Apple's ticket of a sealed application is asked for by: what stands for its main code, that for the first processor."""
    nodes = {node.path: node for node in tree}
    source = nodes[_application(nodes).main].source
    if source is None:
        raise ValueError("the main code is a file once it is signed")
    with source.open("rb") as stream:
        first = codesign.read(stream)[0]
    if first is None:
        raise ValueError("it is not signed")
    return f"2/2/{first.cdhash}"


def stapled(tree: Tree, known: Notarization | None, scratch: Path) -> Tree:
    """A sealed application with the ticket that Apple gave it, if any: a file that no seal is about, as Apple's stapler puts it.

    Raises ConfigurationError for a ticket of another application: it would be refused everywhere.
    """
    if known is None or not known.ticket:
        return tree
    if record(tree) != known.code:
        hint = "`coldforge notarize --payload`, then `coldforge bundle`."
        raise ConfigurationError("the application has changed since Apple accepted it", hint=hint)
    place = scratch / "ticket"
    place.write_bytes(base64.b64decode(known.ticket))
    root = _application({node.path: node for node in tree}).root
    node = Node(path=f"{root}/{_TICKET}", mode=0o644, size=place.stat().st_size, source=place)
    return Tree(nodes=sorted_with_folders([*tree, node]), epoch=tree.epoch)


def _plist(node: Node) -> Any:
    if node.source is None:
        raise Refused(f"{node.path} is no file", hint="Mend it where the payload is made.")
    try:
        return plistlib.loads(node.source.read_bytes())
    except (ValueError, plistlib.InvalidFileException) as error:
        raise Refused(f"{node.path} is no property list", why=str(error), hint="Mend it where the payload is made.") from error


def _frameworks(work: _Work) -> Iterator[_Bundle]:
    """The versions of frameworks that are whole; those of others are code like any other."""
    for path, node in sorted(work.nodes.items()):
        if (found := _VERSION.fullmatch(path)) and node.source:
            root = f"{found['framework']}/Versions/{found['version']}"
            about = _plist(node) or {}
            stem = posixpath.basename(found["framework"]).removesuffix(".framework")
            main = f"{root}/{about.get('CFBundleExecutable', stem)}"
            if main in work.nodes and about.get("CFBundleIdentifier"):
                yield _Bundle(root=root, main=main, info=path, identifier=about["CFBundleIdentifier"], name=found["framework"])


class _Work:
    """The nodes as they become, what was signed, and the bundles that are whole, by their path with the path of their main code."""

    def __init__(self, tree: Tree, sign: Signer, scratch: Path) -> None:
        self.nodes = {node.path: node for node in tree}
        self.signatures: dict[str, Signature] = {}
        self._sign, self._scratch = sign, scratch
        self._mains: dict[str, str] = {}

    def plain(self, path: str, identifier: str) -> None:
        """Sign code that is no bundle's, when an architecture of it has no signature."""
        node = self.nodes[path]
        if node.source is None or not macho.is_macho(node.source):
            return
        try:
            with node.source.open("rb") as stream:
                unsigned = not all(codesign.regions(stream))
        except signed.damage():  # something else that begins like one, or nothing that a Mac loads
            return
        if unsigned:
            self._put(Code(path=path, source=node.source, identifier=apple.identifier(identifier, path)))

    def bundle(self, one: _Bundle) -> None:
        """Seal a bundle, and sign its main code with that."""
        parts = [part for path in self.nodes if path.startswith(f"{one.root}/") and (part := self._part(path, one))]
        try:
            data = seal.resources(parts)
        except ValueError as error:
            raise Refused(f"{one.root} cannot be sealed", why=str(error), hint="Mend it where the payload is made.") from error
        path = f"{one.root}/{seal.FILE}"
        place = self._scratch / f"seal-{len(self._mains)}"
        place.write_bytes(data)
        self.nodes[path] = Node(path=path, mode=0o644, size=len(data), source=place)
        info, main = self.nodes[one.info].source, self.nodes.get(one.main)
        if info is None or main is None or main.source is None:
            raise Refused(f"{one.root} has no main code {one.main}", hint="Mend it where the payload is made.")
        self._put(Code(path=one.main, source=main.source, identifier=one.identifier, info=info.read_bytes(), resources=data))
        self._mains[one.name] = one.main

    def _part(self, path: str, one: _Bundle) -> seal.Part | None:
        """What a path is in the seal of a bundle; None for what is not in it: its main code, and what other bundles have."""
        node, inner = self.nodes[path], path.removeprefix(f"{one.root}/")
        whole = next((name for name in self._mains if path == name or path.startswith(f"{name}/")), "")
        if whole and whole != one.name:
            current = self._mains[whole]
            return self._code(whole.removeprefix(f"{one.root}/"), self.nodes[current]) if path == current else None
        if path == one.main or node.is_directory or (path == one.info and inner == seal.INFO):
            return None
        if node.link:
            return seal.Part(path=inner, link=node.link)
        return self._code(inner, node) if node.source and macho.is_macho(node.source) else self._file(inner, node)

    def _file(self, inner: str, node: Node) -> seal.Part:
        return seal.Part(path=inner, sha1=bytes.fromhex(node.digest("sha1")), sha256=bytes.fromhex(node.digest("sha256")))

    def _code(self, inner: str, node: Node) -> seal.Part:
        if node.source is None:
            raise ValueError("code is a file")
        try:
            with node.source.open("rb") as stream:
                first, *others = [seen for seen in codesign.read(stream) if seen]
            wanted = requirement.designated(first.requirement)
        except signed.damage():
            return self._file(inner, node)
        alike = " or ".join(f'(cdhash H"{seen.cdhash}")' for seen in (first, *others)) if others else f'cdhash H"{first.cdhash}"'
        return replace(self._file(inner, node), cdhash=bytes.fromhex(first.cdhash), requirement=wanted or alike)

    def _put(self, code: Code) -> None:
        """Sign code, and see that the signature is about just that."""
        signature, place = self._sign(code), self._scratch / f"code-{len(self.signatures)}"
        try:
            with code.source.open("rb") as stream, place.open("wb") as out:
                spans.copied(stream, codesign.attached(stream, signature), out)
            with place.open("rb") as stream:
                found = codesign.read(stream)
        except signed.damage() as error:
            raise Refused(f"the signature of {code.path} is none of it", why=str(error), hint=_AGAIN) from error
        for seen in found:
            if not seen or (seen.info, seen.resources) != (_digest(code.info), _digest(code.resources)):
                raise Refused(f"the signature of {code.path} is about another application", hint=_AGAIN)
        key = next((seen.certificate for seen in found if seen and seen.certificate), ADHOC)
        data = base64.b64encode(signature).decode("ascii")
        self.signatures[code.path] = Signature(key=key, size=code.source.stat().st_size, sha256=files.sha256(code.source), data=data)
        self.nodes[code.path] = replace(self.nodes[code.path], source=place, size=place.stat().st_size, digests={})


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest() if data else b""


def again(payload: Payload) -> Signer:
    """What a key has made of the same code before, by what the payload says; else nobody's signature.

    Raises ConfigurationError where all the rest is signed by somebody, and the application is not.
    """

    def sign(code: Code) -> bytes:
        known = payload.sealed.get(code.path)
        if known and known.sha256 == files.sha256(code.source):
            try:
                return base64.b64decode(known.data, validate=True)
            except binascii.Error:  # what is recorded may come from anybody
                pass
        if known is None and any(entry.signature and entry.signature.key != ADHOC for entry in payload.files):
            raise ConfigurationError(f"all code is signed, and {code.path} is not: the application was not there yet", hint=_AGAIN)
        about = apple.About(identifier=code.identifier, info=code.info, resources=code.resources)
        return apple.signature(code.source, about)

    return sign
