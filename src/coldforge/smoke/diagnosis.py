"""What a program that does not work in a bare system most likely lacks, read from its last lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

# What starts a program that may be a server, or waits for something; how that ends is among what `cannot_start` reads.
TIMED: Final = ("timeout", "-k", "5", "20")  # seconds
_SONAME: Final = r"lib[\w.+-]*?\.so(?:\.\w+)*"
_LIBRARY: Final = re.compile(rf"({_SONAME})(?:: cannot open shared object file| => not found)")
_NO_START: Final = re.compile(
    r"\[PYI-\d+:ERROR\] (?!Failed to execute script)|^(\w+\.)*(ImportError|ModuleNotFoundError|PackageNotFoundError)\b"
    r"|No such file or directory: '[^']*[/\\\\]_internal[/\\\\]|version `[\w.]+' not found|^Error (loading shared library|relocating) "
    # timeout says 126 and 127 of what is not there, or cannot be executed; Wine 53, and nothing else, where a library is not there.
    r"|^`timeout` ended with exit code (12[67]|53)\b",
    re.MULTILINE,
)
_CURSOR: Final = "libxcb-cursor0 is needed to load the Qt xcb platform plugin"
_HINTS: Final = (
    (re.compile(r"No module named '([\w.]+)'"), "the module {0} was not collected: name it in [tool.coldforge.pyinstaller] hidden-imports"),
    (
        re.compile(r"No package metadata was found for ([\w.-]+)"),
        "the metadata of {0} was not collected: name it in [tool.coldforge.pyinstaller] copy-metadata",
    ),
    (
        re.compile(r"No such file or directory: '[^']*/_internal/([^']+)'"),
        "the file {0} was not collected: name its package in [tool.coldforge.pyinstaller] collect-data",
    ),
    (
        re.compile(r"(?:Permission denied|Read-only file system): '([^']+)'"),
        "it wants to write {0}, where a plain user (whose home folder is read-only there) may not",
    ),
    (
        re.compile(r"(command not found|: not found|executable file not found)"),
        "there is no such program in the package, nor in the bare system",
    ),
)


def cannot_start(text: str) -> bool:
    """Whether how a program ended under `timeout`, and its last lines, say that something lacks which freezing or packaging has lost.

    Other errors may be its own. Source: PyInstaller 6.22 (bootloader/src), glibc's and musl's loaders, timeout(1).

    >>> cannot_start("usage: demo [-h] FILE"), cannot_start("Error loading demo.toml"), cannot_start("ImportError: no pq wrapper")
    (False, False, True)
    """
    return bool(_LIBRARY.search(text) or _NO_START.search(text))


def missing(text: str) -> tuple[str, ...]:
    """The libraries that a program or a loader says it did not find, each once."""
    found = [match[1] for match in _LIBRARY.finditer(text)]
    return tuple(dict.fromkeys([*found, *(["libxcb-cursor.so.0"] if _CURSOR in text else [])]))


def likely(text: str, unresolved: Iterable[str], packages: Mapping[str, str]) -> Iterator[str]:
    """One sentence for each thing that most likely lacks. `unresolved` are libraries that files are linked with and that are not there."""
    said = missing(text)
    yield from (f"{soname} is not there: {_brought(soname, packages)}" for soname in dict.fromkeys([*said, *unresolved]))
    for pattern, sentence in _HINTS:
        for match in pattern.finditer(text):
            if not (said and "{0}" not in sentence):
                yield sentence.format(next((group for group in match.groups() if group), ""))


def _brought(soname: str, packages: Mapping[str, str]) -> str:
    """What to do about a library that is missing."""
    package = packages.get(soname)
    if not package:
        return "no known package of Debian's brings it; install it where the freeze runs, so that it is collected"
    return (
        f"Debian's package for it is {package}. No file is linked with it, or the format cannot ask for it: "
        f'declare `[tool.coldforge.deb] depends = ["{package}"]`, or have it collected where the freeze runs'
    )
