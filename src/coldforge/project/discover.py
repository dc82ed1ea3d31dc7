"""What starts a project that does not say so, and what could become one: read from files, of which none is imported."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_MODULES: Final = ("__main__", "cli", "main", "app", "__init__")
_FUNCTIONS: Final = ("main", "cli", "run", "app")
_FOLDERS: Final = ("src", ".")
_BELOW: Final = ("*", "*/*")  # where the projects of a repository that has several are
_SHOWN: Final = 5


def entries(root: Path, name: str) -> tuple[str, ...]:
    """What could start the project `name` in the folder `root`, as `package.module:function`, the likeliest first.

    That is what its package's `__main__` calls, and a function or an object with a usual name in a module with a usual name.
    """
    found = dict.fromkeys(entry for package in _packages(root, _module(name)) for entry in _entries(*package))
    return tuple(found)


def meant(root: Path, name: str) -> str:
    """The entry point that can be meant: what `__main__` calls, else the only one that there is; empty when that is not clear."""
    found = entries(root, name)
    started = ((package, files["__main__"]) for package, files in _packages(root, _module(name)) if "__main__" in files)
    called = [entry for package, path in started for entry in _called(_parsed(path), package)]
    return called[0] if called else found[0] if len(found) == 1 else ""


def how_to_begin(root: Path) -> str:
    """What to do in a folder that holds no project, by what it does hold."""
    found = (path.parent.relative_to(root).as_posix() for depth in _BELOW for path in root.glob(f"{depth}/pyproject.toml"))
    if below := sorted(folder for folder in found if not folder.startswith(".")):
        more = " …" if len(below) > _SHOWN else ""
        return f"Name the folder of one: {', '.join(below[:_SHOWN])}{more}."
    if setup := next((name for name in ("setup.py", "setup.cfg") if (root / name).is_file()), ""):
        lines = '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"'
        return f"{setup} is read by its build backend, which pyproject.toml names. Add that file, with:\n{lines}"
    scripts = sorted(path.stem for path in root.glob("*.py") if path.stem.isidentifier() and path.stem != "noxfile")
    if len(scripts) == 1:
        (name,) = scripts
        lines = f'[project]\nname = "{name}"\nversion = "0.1.0"\ndependencies = []\n\n[project.scripts]\n{name} = "{name}:main"'
        return f"{name}.py becomes a project by a pyproject.toml beside it, such as this (with a function `main` to start):\n{lines}"
    return "Name the folder that holds pyproject.toml; `uv init` makes a new project."


def _module(name: str) -> str:
    return re.sub(r"[-.]+", "_", name)


def _packages(root: Path, module: str) -> Iterator[tuple[str, dict[str, Path]]]:
    """The project's package, or its one module: the dotted name and the files of what may start in it."""
    for folder in _FOLDERS:
        package, single = root / folder / module, root / folder / f"{module}.py"
        if (package / "__init__.py").is_file():
            yield module, {name: package / f"{name}.py" for name in _MODULES if (package / f"{name}.py").is_file()}
        elif single.is_file():
            yield module, {"__init__": single}


def _entries(package: str, files: dict[str, Path]) -> Iterator[str]:
    for name, path in files.items():
        tree = _parsed(path)
        dotted = package if name == "__init__" else f"{package}.{name}"
        if name == "__main__":
            yield from _called(tree, package)
        names = _defined(tree)
        yield from (f"{dotted}:{function}" for function in _FUNCTIONS if function in names)


def _parsed(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError):  # its own mistakes are told when it is frozen
        return ast.Module(body=[], type_ignores=[])


def _called(tree: ast.Module, package: str) -> Iterator[str]:
    """What `__main__` imports from its package and calls."""
    calls = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            source = ".".join(filter(None, (package if node.level == 1 else "", node.module)))
            inside = node.level == 1 or (node.level == 0 and f"{source}.".startswith(f"{package}."))
            yield from (f"{source}:{alias.name}" for alias in node.names if inside and (alias.asname or alias.name) in calls)


def _defined(tree: ast.Module) -> set[str]:
    """The names that a module gives to functions, and to what it makes by calling something: a typer or click application."""
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    made = (node for node in tree.body if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call))
    return functions | {target.id for node in made for target in node.targets if isinstance(target, ast.Name)}
