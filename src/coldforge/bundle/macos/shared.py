"""What all formats for macOS share: the application as a tree, made from that of the payload; and the tree of tools for the terminal.

    Demo.app/Contents/Info.plist, PkgInfo
      MacOS/       the programs
      Frameworks/  every other Mach-O file, and links to everything else
      Resources/   everything else, and links to the Mach-O files; icons

PyInstaller's boot loader looks into Frameworks for what is beside it elsewhere.
Sources: https://developer.apple.com/documentation/bundleresources/placing-content-in-a-bundle and Technical Note TN2206.
"""

from __future__ import annotations

import posixpath
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from coldforge.bundle import BundleJob
from coldforge.bundle.archive import with_licences
from coldforge.bundle.macos import icns, plist
from coldforge.bundle.macos.sealed import again, sealed, stapled
from coldforge.bundle.macos.twofold import CODE, DATA, twofold
from coldforge.bundle.tree import Node, Tree, sorted_with_folders
from coldforge.errors import Problem, Refused
from coldforge.filetypes import macho
from coldforge.host.links import followed
from coldforge.plan import macos
from coldforge.plan.names import safe

_SHOWN: Final = 10


def app(job: BundleJob, tree: Tree, scratch: Path) -> Tree:
    """The application: `Demo.app/Contents/…`, sealed by whoever has signed it, with Apple's ticket if it has one.

    Files that are made for it are written to `scratch`. Raises as `unsealed`, `sealed` and `stapled`.
    """
    return stapled(without_ticket(job, tree, scratch), job.payload.notarization, scratch)


def without_ticket(job: BundleJob, tree: Tree, scratch: Path) -> Tree:
    """The application as Apple is asked about it. Raises as `unsealed` and `sealed`."""
    whole, _ = sealed(unsealed(job, tree, scratch), again(job.payload), scratch)
    return whole


def unsealed(job: BundleJob, tree: Tree, scratch: Path) -> Tree:
    """The application before its code is signed.

    Raises Refused for a tree that is none: a program that is no Mach-O file, two files that would be one, a link that leads nowhere.
    """
    parts = _parts(job, tree)
    contents = [
        *_programs(parts),
        *twofold(parts.content),
        *_made(job, scratch),
        *_beside(parts),
    ]
    name = macos.app(job.plan.product)
    nodes = [replace(node, path=f"{name}/Contents/{node.path}") for node in contents]
    check(nodes, job.artifact.name)
    _refuse(list(_lost(tree, contents, parts)), job.artifact.name)
    return Tree(nodes=sorted_with_folders(nodes), epoch=tree.epoch)


def _lost(tree: Tree, contents: Sequence[Node], parts: _Parts) -> Iterator[Problem]:
    """Libraries that are found where the payload is, and not where the application has them."""
    before = {(source, text) for source, text, _ in _unfound(list(tree), [node.path for node in parts.programs.values()])}
    for source, text, path in _unfound(contents, [f"MacOS/{name}" for name in parts.programs]):
        if (source, text) not in before:
            hint = "let it be looked for by @loader_path, or beside the program"
            yield Problem(what=f"{text}, which {path} loads, is not there where an application has it", hint=hint)


def _unfound(nodes: Sequence[Node], programs: Sequence[str]) -> Iterator[tuple[Path, str, str]]:
    """The files that load what is not there, what that is, and their paths."""
    code = {node.path: node.source for node in nodes if node.source and macho.is_macho(node.source)}
    links = {node.path: node.link for node in nodes if node.link}
    facts = {path: _slices(source) for path, source in code.items()}
    for path, text, weak in macho.unfound(facts, links, {node.path for node in nodes}, programs):
        if not weak:
            yield code[path], text, path


def _slices(source: Path) -> tuple[macho.Slice, ...]:
    with source.open("rb") as stream:
        try:
            return macho.slices(stream)
        except ValueError:  # a gate tells of it
            return ()


def tools(job: BundleJob, tree: Tree) -> Tree:
    """Programs for the terminal as they are below /usr/local: all of it in `lib/NAME`, and links to the programs in `bin`."""
    place = f"lib/{safe(job.plan.product.name)}"
    content = with_licences(tree, job.project, job.plan.product.license_files)
    nodes = [replace(node, path=f"{place}/{node.path}") for node in content]
    nodes += [Node(path=f"bin/{each.name}", mode=0o777, link=f"../{place}/{each.name}") for each in job.plan.product.executables]
    check(nodes, job.artifact.name)
    return Tree(nodes=sorted_with_folders(nodes), epoch=tree.epoch)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """A payload taken apart: the programs by their names, and everything else by its path below Frameworks and Resources.

    `beside` tells that programs look for their files beside them, and not where PyInstaller's do.
    """

    programs: Mapping[str, Node]
    content: Mapping[str, Node]
    beside: bool


def _parts(job: BundleJob, tree: Tree) -> _Parts:
    product, folder, beside = job.plan.product, _folder(job), job.payload.freezer != "pyinstaller"
    nodes = {node.path: node for node in tree}
    links = {node.path: node.link for node in tree if node.link}
    programs = {each.name: nodes.get(followed(each.name, links)) for each in product.executables}
    scripts = [name for name, node in programs.items() if not (node and node.source and macho.is_macho(node.source))]
    hint = "code signing knows no other in an application; a `tar.gz` may have scripts"
    _refuse([Problem(what=f"{name} is no Mach-O program", hint=hint) for name in scripts], job.artifact.name)
    found = {name: node for name, node in programs.items() if node}
    names = {**{node.path: name for name, node in reversed(found.items())}, **{name: name for name in found}}
    content = {f"licenses/{path}": _file(path, job.project / path) for path in product.license_files}
    wrong = []
    for node in nodes.values():
        path = node.path.removeprefix(f"{folder}/")
        if node.path == folder or (node.path in names and not beside):
            continue
        if path in content and not node.is_directory:
            wrong.append(Problem(what=f"there are two {path}, one beside the program and one in {folder}", hint="rename one of them"))
        content[path] = _to(names[node.path], path) if node.path in names else node
    wrong += [Problem(what=f"{above} is a file, and a folder to {path}") for path in content if (above := _file_above(path, content))]
    _refuse(wrong, job.artifact.name)
    return _Parts(programs=found, content=content, beside=beside)


def _file_above(path: str, content: Mapping[str, Node]) -> str:
    """What lies on the way to a path and is no folder."""
    above = posixpath.dirname(path)
    if not above:
        return ""
    return above if above in content and not content[above].is_directory else _file_above(above, content)


def _to(program: str, path: str) -> Node:
    """A link to a program in the place where it was."""
    return Node(path=path, mode=0o777, link=f"{'../' * (path.count('/') + 1)}MacOS/{program}")


def _file(path: str, source: Path) -> Node:
    return Node(path=path, mode=0o644, size=source.stat().st_size, source=source)


def _folder(job: BundleJob) -> str:
    """The folder in which PyInstaller put everything but the programs: its boot loader takes Frameworks in its place."""
    given = job.plan.config.pyinstaller.contents_directory
    return given if job.payload.freezer == "pyinstaller" and given != "." else ""


def _programs(parts: _Parts) -> Iterator[Node]:
    """The programs; one file under two names is there once."""
    first: dict[str, str] = {}
    for name, node in parts.programs.items():
        other = first.setdefault(node.path, name)
        yield Node(path=f"MacOS/{name}", mode=0o777, link=other) if other != name else replace(node, path=f"MacOS/{name}", mode=0o755)


def _beside(parts: _Parts) -> Iterator[Node]:
    """Links in the folder of the programs to everything that was beside them."""
    for top in sorted({path.partition("/")[0] for path in parts.content} - parts.programs.keys()) if parts.beside else ():
        yield Node(path=f"MacOS/{top}", mode=0o777, link=f"../{CODE}/{top}")


def _made(job: BundleJob, scratch: Path) -> Iterator[Node]:
    """What is made for the application: what it is to the system, and its pictures."""
    product = job.plan.product
    made = {"Info.plist": plist.written(job), "PkgInfo": b"APPL????"}
    if product.icon:
        made[f"{DATA}/{plist.ICON}.icns"] = icns.made(job.project / product.icon)
    for word, kind in plist.kinds(product):
        if kind.icon:
            made[f"{DATA}/{plist.icon(word)}.icns"] = icns.made(job.project / kind.icon)
    for path, data in made.items():
        source = scratch / posixpath.basename(path)
        source.write_bytes(data)
        yield _file(path, source)


def check(nodes: Sequence[Node], artifact: str) -> None:
    """Raises Refused for what the file systems of macOS cannot hold: two names for one place, and links that lead nowhere."""
    taken: dict[str, str] = {}
    links = {node.path: node.link for node in nodes if node.link}
    there = {node.path for node in sorted_with_folders(nodes)}
    wrong = []
    for node in nodes:
        # names that differ in case only, or in how letters with accents are written, are one on a Mac
        key = unicodedata.normalize("NFD", node.path).casefold()
        if other := taken.get(key):
            wrong.append(Problem(what=f"{other} and {node.path} are one name to macOS", hint="rename one of them"))
        taken[key] = node.path
        if node.link and followed(node.path, links) not in there:
            wrong.append(Problem(what=f"{node.path} links to {node.link}, which is not there"))
    _refuse(wrong, artifact)


def _refuse(wrong: Sequence[Problem], artifact: str) -> None:
    if wrong:
        more = [Problem(what=f"and {len(wrong) - _SHOWN} more")] if len(wrong) > _SHOWN else []
        raise Refused(f"{artifact} cannot be made", problems=(*wrong[:_SHOWN], *more), hint="Mend it where the payload is made.")
