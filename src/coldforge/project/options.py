"""What must be true of `[tool.coldforge.pyinstaller]` beyond its form: files that exist, words that go together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from coldforge.project.pyinstaller import SPEC, PyInstallerConfig, named_files
from coldforge.project.read import Findings, Part

TABLE = "pyinstaller"


def check_options(root: Path, tool: Part, config: PyInstallerConfig, names: Iterable[str], findings: Findings) -> None:
    """Find what is wrong with the options; `tool` is `[tool.coldforge]`, `names` are those of the executables."""
    table = tool.part(TABLE, findings=findings)
    if config.spec:
        for key in table.content.keys() - {SPEC}:
            hint = f"write it into {config.spec}, which decides everything"
            findings.add(f"{key!r} does nothing beside {SPEC!r}", table.where(key), hint)
    for key, what, hint in _wrong(root, config, {name.casefold() for name in names}):
        findings.add(what, table.where(key), hint)


def _wrong(root: Path, config: PyInstallerConfig, names: set[str]) -> Iterator[tuple[str, str, str]]:
    """The key, what is wrong, and what to do."""
    for key, pairs in (("add-data", config.add_data), ("add-binary", config.add_binary)):
        for pair in pairs:
            if not all(pair.rpartition(":")[::2]):
                yield key, f"{pair!r} is no pair `source:folder`", "write, for example, `assets:assets`, or `notes.txt:.` for the top"
    for key, path in dict.fromkeys(named_files(config)):
        if problem := _not_there(root, path):
            yield key, f"{path} {problem}", f"{key} names it, relative to the project"
    folder = config.contents_directory
    if folder in ("", "..", "licenses") or "/" in folder or "\\" in folder:
        yield "contents-directory", f"{folder!r} cannot be the folder of an executable's files", "write one name, or `.` for none"
    elif folder.casefold() in names and folder != PyInstallerConfig().contents_directory:  # that one no executable may have anyway
        yield "contents-directory", f"an executable is called {folder!r} as well", "both stand in the same folder"


def _not_there(root: Path, path: str) -> str:
    """What is wrong with a path of the project, which may be a pattern, as the end of a sentence; empty when all is well."""
    if ".." in PurePosixPath(path).parts:
        return "is outside of the project"
    try:
        return "" if (root / path).exists() or next(root.glob(path), None) else "does not exist"
    except (ValueError, OSError):
        return "is no path"
