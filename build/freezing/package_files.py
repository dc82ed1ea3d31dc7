"""The data files of packages: what stands beside the modules that were collected comes along.

Nothing tells whether a file is opened at run time. What a distribution installs within a package belongs to it, so it is
taken where the package is; what only compilers and type checkers read is not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from collections.abc import Set as AbstractSet
from importlib.metadata import Distribution, PackagePath

from freezing.installed import installed, is_extension, module_name, normalised, real, recorded_files

SOURCES = frozenset({
    ".a", ".c", ".cc", ".cpp", ".cu", ".cuh", ".h", ".hh", ".hpp", ".lib", ".o", ".pth", ".pxd", ".pxi", ".pyc", ".pyi", ".pyx", ".typed",
})  # fmt: skip
NOT_RUN = frozenset({"test", "tests", "example", "examples"})


def package_files(collected: AbstractSet[str], hooks: Collection[str], others: Collection[str]) -> list[tuple[str, str, str]]:
    """The files of every package of which a module was collected, as entries of an analysis.

    `hooks` are files that PyInstaller's hooks have collected: a distribution of which they took some is left to them. `others`
    are distributions that are none of this: the freezer's, and the application, all of whose files are collected.
    """
    index = recorded_files()
    known = {index[path][0] for path in map(real, hooks) if path in index and ".dist-info" not in path}
    found = {
        (file.as_posix(), str(dist.locate_file(file)), "DATA")
        for dist in installed()
        if normalised(dist.name) not in known | set(others)
        for file in files_of(dist, collected)
    }
    return sorted(found)


def files_of(dist: Distribution, collected: AbstractSet[str]) -> Iterator[PackagePath]:
    """The data files of a distribution that stand in collected packages."""
    files = list(dist.files or ())
    packages = {file.parent.as_posix() for file in files if file.name == "__init__.py"}
    for file in files:
        folders = [folder.as_posix() for folder in file.parents]
        package = next((folder for folder in folders if folder in packages), "")
        if package.replace("/", ".") in collected and is_data(file, package) and module_name(file) not in collected:
            yield file


def is_data(file: PackagePath, package: str) -> bool:
    """Whether a file of a package is none for builds, tests and readers, and no module of it."""
    if file.suffix in SOURCES or not NOT_RUN.isdisjoint(file.parts) or "__pycache__" in file.parts:
        return False
    if file.suffix == ".py":  # in a folder that is no package it is a template, or started by its path
        return file.parent.as_posix() != package
    return not is_extension(file)
