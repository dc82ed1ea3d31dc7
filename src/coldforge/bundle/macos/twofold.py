"""A tree twice, in Frameworks and in Resources of an application: on one side each file itself, on the other a link to it.

Code signing takes no data in Frameworks, and does not see code in Resources as such; programs look for both in one place. PyInstaller's
own applications are laid out like this, too.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final, Literal, TypeAlias

from coldforge.bundle.tree import Node
from coldforge.filetypes import macho

Side: TypeAlias = Literal["Frameworks", "Resources"]
Folder: TypeAlias = "dict[str, Node | Folder]"
CODE: Final[Side] = "Frameworks"
DATA: Final[Side] = "Resources"
DOT: Final = "__dot__"  # PyInstaller's word for it
_BUNDLES: Final = (".framework", ".app", ".xpc", ".appex", ".bundle", ".plugin")  # folders that are one thing to code signing


def twofold(content: Mapping[str, Node]) -> Iterator[Node]:
    """The nodes of both sides, with paths that begin with the side. What is a link leads to the same place on both."""
    yield from _both(_nested(content), {CODE: CODE, DATA: DATA})


def _nested(content: Mapping[str, Node]) -> Folder:
    folders: dict[str, Folder] = {"": {}}
    for path, node in content.items():
        if node.is_directory:
            _folder(folders, path)
        else:
            above, name = posixpath.split(path)
            _folder(folders, above)[name] = node
    return folders[""]


def _folder(folders: dict[str, Folder], path: str) -> Folder:
    """The folder at a path, with those that it is in."""
    if path not in folders:
        above, name = posixpath.split(path)
        folders[path] = {}
        _folder(folders, above)[name] = folders[path]
    return folders[path]


def _both(folder: Folder, at: Mapping[Side, str]) -> Iterator[Node]:
    """A folder that is on both sides, at a path on each."""
    for name, child in folder.items():
        if isinstance(child, Node) and child.link:
            yield from (replace(child, path=f"{place}/{name}") for place in at.values())
            continue
        sides = _sides(child, name)
        real = _unlike_a_bundle(name) if isinstance(child, dict) and CODE in sides else name
        if len(sides) == 2 and isinstance(child, dict):
            yield from _both(child, {CODE: f"{at[CODE]}/{real}", DATA: f"{at[DATA]}/{name}"})
        else:
            home, other = (CODE, DATA) if CODE in sides else (DATA, CODE)
            yield from _whole(child, f"{at[home]}/{real}", plain=home == CODE and not name.endswith(_BUNDLES))
            yield _link(f"{at[other]}/{name}", posixpath.relpath(f"{at[home]}/{real}", at[other]))
        if real != name:
            yield _link(f"{at[CODE]}/{name}", real)


def _whole(child: Node | Folder, path: str, *, plain: bool) -> Iterator[Node]:
    """A file, or a folder with all that is in it; `plain`: none of the folders in it may look like a bundle that it is not."""
    if isinstance(child, Node):
        yield replace(child, path=path)
        return
    yield Node(path=path, mode=0o755)
    for name, inner in child.items():
        real = _unlike_a_bundle(name) if plain and isinstance(inner, dict) else name
        yield from _whole(inner, f"{path}/{real}", plain=plain and not name.endswith(_BUNDLES))
        if real != name:
            yield _link(f"{path}/{name}", real)


def _sides(child: Node | Folder, name: str) -> frozenset[Side]:
    """The sides that a file, or what is in a folder, belongs on: one or both."""
    if isinstance(child, Node):
        return frozenset({CODE if child.source and macho.is_macho(child.source) else DATA})
    if name.endswith(_BUNDLES):
        return frozenset({CODE})
    inner = (_sides(each, key) for key, each in child.items() if isinstance(each, dict) or each.source)
    return frozenset().union(*inner) or frozenset({DATA})


def _unlike_a_bundle(name: str) -> str:
    """Code signing takes a folder with a dot in its name for a bundle, and fails when it is none."""
    return name if name.endswith(_BUNDLES) else name.replace(".", DOT)


def _link(path: str, text: str) -> Node:
    return Node(path=path, mode=0o777, link=text)
