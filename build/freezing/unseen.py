"""What runs although no import statement names it: modules named by texts, computed names or machine code, plugins by their groups.

PyInstaller follows statements. Programs also import what a text names: a table of classes as `package.module:Class`,
`f"package.kinds.{kind}"`, or every plugin that some distribution registers for a group. Here the code that was collected is
asked for such names, again and again until nothing is new. Only what the lock installs for the application comes into question,
so that a mistaken name costs some kilobytes at most.
"""

from __future__ import annotations

import ast
import logging
import re
import sys
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from types import CodeType
from typing import Any

from freezing.computed import IMPORTING, LISTING, patterns
from freezing.inside import named_in
from freezing.installed import groups, importable, normalised
from freezing.outlook import NAME, spoken
from freezing.package_files import package_files

log = logging.getLogger(f"PyInstaller.{__name__}")


class Following:
    """While an analysis is made, it also follows texts and groups, and takes the data of the packages that it has found."""

    def __init__(self, application: str, freezer: Collection[str]) -> None:
        self.application, self.freezer = normalised(application), frozenset(freezer)

    def __enter__(self) -> None:
        from PyInstaller.depend.analysis import PyiModuleGraph

        self.graph, self.original = PyiModuleGraph, PyiModuleGraph.process_post_graph_hooks

        def process_post_graph_hooks(graph: Any, analysis: Any) -> None:
            search = Search(graph, self.freezer, {self.application, *self.freezer})
            self.original(graph, analysis)
            while search.follow():
                self.original(graph, analysis)  # what was found has hooks of its own
            analysis.datas += search.files()

        PyiModuleGraph.process_post_graph_hooks = process_post_graph_hooks
        if "setuptools" in self.freezer:
            do_without_vendored()

    def __exit__(self, *_: object) -> None:
        self.graph.process_post_graph_hooks = self.original


def do_without_vendored() -> None:
    """Let an import that may fail, of `tomli` say, not bring the copy that setuptools carries within, and all of setuptools with it.

    PyInstaller takes such a copy for the module itself. On a machine of the user's there is no setuptools that nobody asked for.
    """
    from PyInstaller.utils.hooks.setuptools import SetuptoolsInfo

    SetuptoolsInfo.is_vendored = lambda _self, _module: False


class Search:
    """The search through the graph of one analysis."""

    def __init__(self, graph: Any, freezer: Collection[str], others: Collection[str]) -> None:
        self.graph, self.others = graph, others
        self.modules = importable(frozenset(freezer))
        self.roots = sys.stdlib_module_names | {name.partition(".")[0] for name in self.modules}
        self.groups = groups(frozenset(freezer))
        self.hooked = frozenset(graph._hooks)  # noqa: SLF001  # they are gone once they have run
        self.done: set[str] = set()

    def files(self) -> list[tuple[str, str, str]]:
        """The data files of the packages that the graph has by now; nothing of `others`."""
        hooks = [source for toc in (self.graph.make_hook_datas_toc(), self.graph.make_hook_binaries_toc()) for _, source, _ in toc]
        return package_files(self.nodes().keys(), hooks, self.others)

    def nodes(self) -> dict[str, Any]:
        """Everything that can be reached, in order."""
        from PyInstaller.compat import VALID_MODULE_TYPES

        reached = {str(node.identifier): node for node in self.graph.iter_graph(start=self.graph._top_script_node)}  # noqa: SLF001
        return {name: reached[name] for name in sorted(reached) if type(reached[name]).__name__ in VALID_MODULE_TYPES}

    def follow(self) -> bool:
        """Import what the modules name that were not asked before; whether anything was new."""
        nodes, asked = self.nodes(), set[str]()
        for name, node in nodes.items():
            if name in self.done or name not in self.modules:
                continue
            self.done.add(name)
            for target in sorted(set(self.named_by(name, node)) - nodes.keys() - asked):
                asked.add(target)
                self.collect(target, node)
        for destination, source, _ in self.files():
            if source.endswith(".py") and source not in self.done:
                self.done.add(source)
                package = next(nodes[name] for name in packages_of(destination) if name in nodes)
                for target, attributes in imports(Path(source).read_bytes()):
                    if target.partition(".")[0] in self.roots:
                        self.collect(target, package, attributes)
        return len(self.nodes()) > len(nodes)

    def collect(self, module: str, by: Any, attributes: Sequence[str] = ()) -> None:
        """Import a module for another, and of it what may be modules too; as from within a function that also does without."""
        from PyInstaller.lib.modulegraph.modulegraph import DependencyInfo

        log.info("%s is collected because %s names it", module, by.identifier)
        how = DependencyInfo(conditional=True, function=True, tryexcept=True, fromlist=False)
        self.graph._safe_import_hook(module, by, list(attributes) or None, level=0, edge_attr=how)  # noqa: SLF001

    def named_by(self, module: str, node: Any) -> Iterator[str]:
        """The modules that one names; a compiled one those of its own distribution, another's would be declared."""
        if not isinstance(node.code, CodeType):
            if type(node).__name__ == "Extension":
                own = {other for other, dist in self.modules.items() if dist == self.modules[module]}
                yield from named_in(Path(node.filename).read_bytes(), own - {module})
            return
        package = module if hasattr(node, "packagepath") and node.packagepath else module.rpartition(".")[0]
        names, found = spoken(node.code), texts(node.code)
        # binds it: what is asked of the module is found when it is asked; PyInstaller's hook knows better (PySide6 names all of Qt)
        answers = "__getattr__" in node.code.co_names and module not in self.hooked
        for text in found:
            yield from self.groups.get(text, ())
            yield from self.whole(text)
        if answers or not names.isdisjoint(IMPORTING):
            yield from (name for text in found for name in (text, f"{package}.{text.lstrip('.')}") if name in self.modules)
        if not names.isdisjoint(IMPORTING | LISTING.keys()) and str(node.filename).endswith(".py"):
            yield from self.matching(patterns(Path(node.filename).read_text(encoding="utf-8"), module, package))

    def whole(self, text: str) -> Iterator[str]:
        """The module of a text that names one with its package, or something within: `a.b`, `a.b.Class`, `a:Class`."""
        name, _, within = text.partition(":")
        while "." in name or (name and within):
            if name in self.modules:
                yield name
                return
            name = name.rpartition(".")[0]

    def matching(self, expressions: Collection[str]) -> Iterator[str]:
        """The modules of these patterns; not those of a package that PyInstaller has a hook for, which knows the package."""
        for expression in expressions:
            pattern = re.compile(expression)
            yield from (name for name in self.modules if pattern.fullmatch(name) and name.rpartition(".")[0] not in self.hooked)


def packages_of(destination: str) -> Iterator[str]:
    """The packages that a file may stand in, the innermost first."""
    return (".".join(folder.parts) for folder in Path(destination).parents if folder.parts)


def imports(text: bytes) -> list[tuple[str, tuple[str, ...]]]:
    """What a file of Python imports, each module with what is taken from it; nothing where the file is none after all."""
    try:
        nodes = list(ast.walk(ast.parse(text)))
    except (SyntaxError, ValueError):
        return []
    whole = {(alias.name, ()) for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    parts = {
        (node.module, tuple(alias.name for alias in node.names))
        for node in nodes
        if isinstance(node, ast.ImportFrom) and node.module and not node.level
    }
    return sorted(whole | parts)


def texts(code: CodeType) -> set[str]:
    """The texts of a module, and of the code within, that may name something."""
    return {text for constant in code.co_consts for text in within(constant)}


def within(constant: object) -> Iterator[str]:
    """The texts of a constant that may name something."""
    if isinstance(constant, CodeType):
        yield from texts(constant)
    elif isinstance(constant, tuple | frozenset):
        yield from (text for item in constant for text in within(item))
    elif isinstance(constant, str) and NAME.fullmatch(constant):
        yield constant
