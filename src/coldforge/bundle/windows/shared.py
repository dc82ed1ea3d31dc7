"""What all formats for Windows share: trees that it can hold, the names that people read, and what a program is to the system.

Sources: https://learn.microsoft.com/windows/win32/fileio/naming-a-file, https://learn.microsoft.com/windows/win32/shell/fa-intro,
https://learn.microsoft.com/previous-versions/windows/internet-explorer/ie-developer/platform-apis/aa767914(v=vs.85) (URL schemes).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from coldforge.bundle import BundleJob
from coldforge.bundle.kinds import defined
from coldforge.bundle.tree import Tree
from coldforge.bundle.windows import ico
from coldforge.errors import Problem, Refused
from coldforge.plan import names
from coldforge.project.config import Executable, Product
from coldforge.project.desktop import FileAssociation
from coldforge.project.windows import name_problem
from coldforge.target import Target

# MAX_PATH without the zero at its end: programs that know nothing of longer ones are most.
LONGEST: Final = 259
# What stands before the folder of a program: C:\Program Files\, or C:\Users\USER\AppData\Local\Programs\ with a name of 20 characters.
_BEFORE: Final = {"machine": len(r"C:\Program Files") + 1, "user": len(r"C:\Users") + 22 + len(r"AppData\Local\Programs") + 1}
_SHOWN: Final = 10
ICONS: Final = "icons"  # the folder of the pictures of kinds of files, beside the program


class Value(NamedTuple):
    """A value of the registry, below HKEY_CURRENT_USER or HKEY_LOCAL_MACHINE as the scope is; the default value has no name.

    `owned` tells that the whole key is the product's; else only this value is.
    """

    key: str
    name: str
    data: str
    owned: bool


def check(tree: Tree, artifact: str, *, room: int = 0) -> None:
    """Raises Refused when Windows cannot hold the tree: names, links, paths. `room` are the characters before each path, 0 if unknown."""
    wrong = [*_names(tree), *_clashes(tree), *(_long(tree, room) if room else ())]
    if wrong:
        more = [Problem(what=f"and {len(wrong) - _SHOWN} more")] if len(wrong) > _SHOWN else []
        hint = "Rename them where the payload is made."
        raise Refused(f"{artifact} cannot be made: Windows cannot hold the tree", problems=(*wrong[:_SHOWN], *more), hint=hint)


def _names(tree: Tree) -> Iterator[Problem]:
    for node in tree:
        if node.link:
            yield Problem(what=f"{node.path} is a symbolic link, which takes rights to make", hint="put the file itself there")
        elif problem := name_problem(posixpath.basename(node.path)):
            yield Problem(what=f"{node.path} {problem}")


def _clashes(tree: Tree) -> Iterator[Problem]:
    taken: dict[str, str] = {}
    for node in tree:
        other = taken.setdefault(node.path.casefold(), node.path)
        if other != node.path:
            yield Problem(what=f"{other} and {node.path} differ in case only")


def _long(tree: Tree, room: int) -> Iterator[Problem]:
    for node in tree:
        length = room + utf16(node.path)
        if length > LONGEST:
            what = f"{node.path} is {length} characters long where it is installed, Windows takes {LONGEST}"
            yield Problem(what=what, hint="shorten it, or the folder in [tool.coldforge.windows]")


def utf16(text: str) -> int:
    """Characters as Windows counts them."""
    return len(text.encode("utf-16-le", errors="surrogatepass")) // 2


def room(job: BundleJob) -> int:
    """The characters before each path where a program is installed without asking; the longer one where there is a choice."""
    scope = job.plan.config.windows.scope
    return max(length for name, length in _BEFORE.items() if scope in ("both", name)) + utf16(folder(job)) + 1


def identifier(product: Product) -> str:
    """What keys of the registry are called: no other product is called alike."""
    return product.identifier or names.safe(product.name)


def display_name(product: Product) -> str:
    """The name that people read, on one line."""
    return " ".join((product.display_name or product.name).split())


def folder(job: BundleJob) -> str:
    """The name of the folder that it is installed in."""
    return job.plan.config.windows.folder or file_name(display_name(job.plan.product))


def file_name(text: str) -> str:
    """A name of a file that is as near to a text as Windows allows."""
    legal = " ".join(re.sub(r'[<>:"/\\|?*\x00-\x1f]+', " ", text).split()).strip(" .")
    return legal if legal and not name_problem(legal) else f"{legal} app".strip()


def publisher(job: BundleJob) -> str:
    """Who it comes from: what is configured, else the maintainer without the address, else the product itself."""
    return job.plan.config.windows.publisher or job.plan.product.maintainer.partition("<")[0].strip() or display_name(job.plan.product)


def shown(product: Product) -> tuple[tuple[str, Executable], ...]:
    """The shortcuts: a name for each program with windows. The only one, or the one called like the product, has the product's."""
    windowed = [executable for executable in product.executables if not executable.console]
    main = windowed[0] if len(windowed) == 1 else next((each for each in windowed if each.name == product.name), None)
    return tuple((file_name(display_name(product)) if each is main else each.name, each) for each in windowed)


def wants_path(job: BundleJob) -> bool:
    """Whether the folder goes into the PATH."""
    asked = job.plan.config.windows.path
    return any(executable.console for executable in job.plan.product.executables) if asked is None else asked


def program(job: BundleJob, executable: Executable) -> str:
    """The file of an executable in the tree."""
    return Target.parse(job.target.target).program(executable.name)


def classes(job: BundleJob, place: str, quoted: Callable[[str], str]) -> Iterator[Value]:
    """Kinds of files and schemes of URLs, as a format writes them: `place` is its word for the folder, with the separator behind it."""
    product = job.plan.product
    for name, association, executable in kinds(product):
        file, key = f"{place}{quoted(program(job, executable))}", rf"Software\Classes\{name}"
        yield Value(key, "", quoted(association.name or f"{display_name(product)} document"), owned=True)
        icon = rf"{place}{ICONS}\{name}.ico" if association.icon else f"{file},0"
        yield Value(rf"{key}\DefaultIcon", "", icon, owned=True)
        yield Value(rf"{key}\shell\open\command", "", f'"{file}" "%1"', owned=True)
        for extension in extensions(association):
            yield Value(rf"Software\Classes\.{extension}\OpenWithProgids", name, "", owned=False)
            yield Value(rf"Software\Classes\.{extension}", "", name, owned=False)
    for executable in product.executables:
        file = f"{place}{quoted(program(job, executable))}"
        for key in (rf"Software\Classes\{scheme}" for scheme in executable.url_schemes):
            yield Value(key, "", f"URL:{quoted(display_name(product))}", owned=True)
            yield Value(key, "URL Protocol", "", owned=True)
            yield Value(rf"{key}\DefaultIcon", "", f"{file},0", owned=True)
            yield Value(rf"{key}\shell\open\command", "", f'"{file}" "%1"', owned=True)


def kinds(product: Product) -> Iterator[tuple[str, FileAssociation, Executable]]:
    """The kinds of files that the product defines: each with Windows' word for it (ProgID) and the first program that opens it."""
    for mime_type, association in defined(product).items():
        if found := extensions(association):
            opens = (each for each in product.executables if any(kind.mime_type == mime_type for kind in each.file_associations))
            yield f"{identifier(product)}.{found[0]}", association, next(opens)


def extensions(association: FileAssociation) -> tuple[str, ...]:
    """Those that Windows can tell apart: it looks behind the last dot only."""
    return tuple(extension for extension in association.extensions if "." not in extension)


def with_icons(job: BundleJob, tree: Tree, scratch: Path) -> Tree:
    """The tree and the pictures of the kinds of files, which are written to `scratch`."""
    added = {}
    for name, association, _ in kinds(job.plan.product):
        if association.icon:
            added[f"{ICONS}/{name}.ico"] = scratch / f"{name}.ico"
            added[f"{ICONS}/{name}.ico"].write_bytes(ico.made(job.project / association.icon))
    return tree.adding(added)


def argument(word: str) -> str:
    r"""A word of a command line, as the C library of Windows takes it apart again.

    >>> argument("a b"), argument('say "no"'), argument("plain")
    ('"a b"', '"say \\"no\\""', 'plain')
    """
    if word and not re.search(r'[\s"]', word):
        return word
    escaped = re.sub(r'(\\*)"', r'\1\1\\"', word)
    return '"' + re.sub(r"(\\+)$", r"\1\1", escaped) + '"'
