"""What an analysis looks at in an application: while this stays the same, it would find the same.

PyInstaller follows the import statements of every module and notes the names that it binds; hooks and the search for
libraries read some modules whole, and a short text may be the name of a module, of a library or of a group of plugins.
The rest of a module decides its own byte code and nothing else.
"""

from __future__ import annotations

import ast
import dis
import hashlib
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from types import CodeType

from freezing.collected import INSTALLER_TRACES
from freezing.installed import NOT_PACKAGED, named

# Words of modules that count whole: they load libraries, change where those are found, or import by computed names.
READ_WHOLE = frozenset({
    "ctypes", "environ", "putenv", "add_dll_directory", "__path__", "pkgutil", "import_module", "__import__", "import_string",
    "resolve_name", "iter_modules", "walk_packages", "entry_points",
})  # fmt: skip
NAME = re.compile(r"[\w.:-]+")
BINDING = frozenset({"STORE_NAME", "STORE_GLOBAL", "DELETE_NAME", "DELETE_GLOBAL"})


def outlook(application: str, folders: Collection[Path], asked: Collection[str]) -> str:
    """The digest of all that an analysis looks at in the installed application, and of every file below `folders`.

    `asked` are the modules whose importers were read whole.
    """
    total = hashlib.sha256()
    for line in (*installed(application, READ_WHOLE | set(asked)), *contents(folders)):
        total.update(f"{line}\n".encode())
    return total.hexdigest()


def installed(application: str, whole: Collection[str]) -> Iterator[str]:
    """A line for each file that the application installs: its name, and what of its text counts."""
    distribution = named(application)
    for file in sorted(distribution.files or (), key=str) if distribution else ():
        if distribution is None or file.parts[0] in NOT_PACKAGED or file.name in INSTALLER_TRACES or file.suffix == ".pyc":
            continue
        data = Path(str(distribution.locate_file(file))).read_bytes()
        if file.suffix == ".py":
            yield f"{file} {seen(data, whole)}"
        else:  # data is only named; metadata and libraries are read
            read = file.parts[0].endswith(".dist-info") or data.startswith(b"\x7fELF")
            yield f"{file} {digest(data) if read else ''}"


def contents(folders: Collection[Path]) -> Iterator[str]:
    """A line for each file below some folders."""
    for folder in sorted(folders):
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            yield f"{path.relative_to(folder)} {digest(path.read_bytes())}"


def seen(text: bytes, whole: Collection[str]) -> str:
    """What an analysis sees of a module: imports, bound names, texts that may name something; all, where it uses a word of `whole`."""
    try:
        tree, code = ast.parse(text), compile(text, "module", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return digest(text)
    if not words(tree).isdisjoint(whole):
        return digest(text)
    return digest("\n".join([*imports(tree, frozenset()), *bindings(code), *sorted(names(tree))]).encode())


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


def bindings(code: CodeType) -> Iterator[str]:
    """The names that a module binds and unbinds, and those of the code within."""
    for instruction in dis.get_instructions(code):
        if instruction.opname in BINDING:
            yield f"{instruction.opname} {instruction.argval}"
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from bindings(constant)


def digest(data: bytes) -> str:
    """The sha256 of bytes."""
    return hashlib.sha256(data).hexdigest()
