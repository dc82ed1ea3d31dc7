"""What an analysis looks at in an application: while this stays the same, it would find the same.

PyInstaller follows the import statements of every module and asks packages for names that they bind; hooks and the search for
libraries read some modules whole, and a short text may be the name of a module or of a group of plugins.
The rest of a module decides its own byte code and nothing else.
"""

from __future__ import annotations

import ast
import dis
import hashlib
import re
from collections.abc import Collection, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType
from typing import NamedTuple

from freezing.collected import INSTALLER_TRACES
from freezing.installed import NOT_PACKAGED, groups, importable, named

ANSWERS = "__getattr__"  # a module that has it may import what it is asked for
# Words of modules that count whole: they load libraries, change where those are found, or import by computed names.
READ_WHOLE = frozenset({
    "ctypes", "environ", "putenv", "add_dll_directory", "__path__", "pkgutil", "import_module", "__import__", "import_string",
    "resolve_name", "iter_modules", "walk_packages", "entry_points", ANSWERS,
})  # fmt: skip
SEARCHED = b"require_version"  # freezing/typelibs.py takes the versions of GObject's namespaces from the text
NAME = re.compile(r"[\w.:-]+")
BINDING = frozenset({"STORE_NAME", "STORE_GLOBAL", "DELETE_NAME", "DELETE_GLOBAL"})


@dataclass(frozen=True, kw_only=True)
class Listened:
    """What an analysis asked: `asked` are modules whose importers it read whole, `bound` the names that it wanted to know of some module
    whether it binds them, `called` functions whose calls it looked for.
    """

    asked: set[str] = field(default_factory=set)
    bound: set[str] = field(default_factory=set)
    called: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, record: Mapping[str, Collection[str]]) -> Listened:
        """What was written down by `sorted`."""
        return cls(**{name: set(words) for name, words in record.items()})

    def sorted(self) -> dict[str, list[str]]:
        """As it is written down."""
        return {"asked": sorted(self.asked), "bound": sorted(self.bound), "called": sorted(self.called)}


class Attention(NamedTuple):
    """What counts of a module: all, where it has a word of `whole`; else the bindings of these names, calls of these functions, and
    texts that name a module or something in one, by its first part in `roots`, or a group of plugins."""

    whole: frozenset[str] = frozenset()
    bound: frozenset[str] = frozenset()
    called: frozenset[str] = frozenset()
    roots: frozenset[str] = frozenset()
    groups: AbstractSet[str] = frozenset()


def outlook(application: str, folders: Collection[Path], listened: Listened, freezer: frozenset[str], known: dict[str, str]) -> str:
    """The digest of all that an analysis looks at in the installed application, and of every file below `folders`.

    `freezer` are the distributions that are there for the freeze alone. `known` is what was seen in modules before, by their bytes and
    what was looked for; what is seen now is added.
    """
    attention = Attention(
        whole=READ_WHOLE | listened.asked,
        bound=frozenset(listened.bound),
        called=frozenset(listened.called),
        roots=frozenset(name.partition(".")[0] for name in importable(freezer)),
        groups=groups(freezer).keys(),
    )
    total = hashlib.sha256()
    for line in (*installed(application, attention, known), *contents(folders)):
        total.update(f"{line}\n".encode())
    return total.hexdigest()


def installed(application: str, attention: Attention, known: dict[str, str]) -> Iterator[str]:
    """A line for each file that the application installs: its name, and what of its text counts."""
    distribution, wanted = named(application), digest(repr([sorted(words) for words in attention]).encode())
    for file in sorted(distribution.files or (), key=str) if distribution else ():
        if distribution is None or file.parts[0] in NOT_PACKAGED or file.name in INSTALLER_TRACES or file.suffix == ".pyc":
            continue
        data = Path(str(distribution.locate_file(file))).read_bytes()
        if file.suffix == ".py":
            key = digest(wanted.encode() + data)
            known[key] = known.get(key) or seen(data, attention)
            yield f"{file} {known[key]}"
        else:  # data is only named; metadata and libraries are read
            read = file.parts[0].endswith(".dist-info") or data.startswith(b"\x7fELF")
            yield f"{file} {digest(data) if read else ''}"


def contents(folders: Collection[Path]) -> Iterator[str]:
    """A line for each file below some folders."""
    for folder in sorted(folders):
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            yield f"{path.relative_to(folder)} {digest(path.read_bytes())}"


def seen(text: bytes, attention: Attention) -> str:
    """What an analysis sees of a module: see `Attention`."""
    try:
        tree, code = ast.parse(text), compile(text, "module", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return digest(text)
    if SEARCHED in text or not (words(tree) | spoken(code)).isdisjoint(attention.whole):
        return digest(text)
    bound = bindings(code, attention.bound)
    texts = sorted(text for text in names(tree) if text in attention.groups or first(text) in attention.roots)
    return digest("\n".join([*imports(tree, frozenset()), *bound, *calls(tree, attention.called), *texts]).encode())


def first(text: str) -> str:
    """The package of a name."""
    return re.split(r"[.:]", text, maxsplit=1)[0]


def words(tree: ast.AST) -> set[str]:
    """Every name that a module uses, imports, or spells out as a text of its own."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.update((node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
    return found


def spoken(code: CodeType) -> set[str]:
    """The names that a module and the code within refer to, whatever they are called in it."""
    return set(code.co_names).union(*(spoken(constant) for constant in code.co_consts if isinstance(constant, CodeType)))


def names(tree: ast.AST) -> set[str]:
    """Every text of a module that may be a name."""
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return {text for text in texts if NAME.fullmatch(text)}


def imports(node: ast.AST, within: frozenset[str]) -> Iterator[str]:
    """The import statements in order, with the kinds of blocks that they stand in: one in a `try` may fail."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield f"{sorted(within)} {ast.dump(child)}"
        elif isinstance(child, ast.stmt | ast.excepthandler | ast.match_case):
            yield from imports(child, within | {type(child).__name__})


def bindings(code: CodeType, wanted: Collection[str]) -> Iterator[str]:
    """Which of these names a module binds and unbinds, and the code within."""
    for instruction in dis.get_instructions(code):
        if instruction.opname in BINDING and instruction.argval in wanted:
            yield f"{instruction.opname} {instruction.argval}"
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from bindings(constant, wanted)


def calls(tree: ast.AST, wanted: Collection[str]) -> Iterator[str]:
    """The calls of these functions, whatever they are called on."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in wanted:
            yield ast.dump(node)


def digest(data: bytes) -> str:
    """The sha256 of bytes."""
    return hashlib.sha256(data).hexdigest()
