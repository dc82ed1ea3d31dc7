"""Programs of other projects that some work takes: where they are, which version, and the command that gets them."""

from __future__ import annotations

import re
import shutil
from functools import cache
from pathlib import Path
from typing import Final

from coldforge.errors import Missing
from coldforge.host import files
from coldforge.host.run import run

# Debian's packages; other distributions mostly call them the same.
PACKAGES: Final = {
    "mksquashfs": "squashfs-tools",
    "unsquashfs": "squashfs-tools",
    "flatpak": "flatpak",
    "zsyncmake": "zsync",
    "makensis": "nsis",
    "wixl": "wixl",
    "msibuild": "msitools",
    "7z": "p7zip-full",
    "ostree": "ostree",
}
_ASKED: Final = {"mksquashfs": "-version", "unsquashfs": "-version", "zsyncmake": "-V", "makensis": "-VERSION"}
_VERSION: Final = re.compile(r"\d+(\.\d+)+\S*")


def find(name: str) -> Path | None:
    """Where a program is; None when this machine has none of that name."""
    found = shutil.which(name)
    return Path(found) if found else None


def needed(name: str) -> Path:
    """Where a program is. Raises Missing with the command that gets it."""
    if found := find(name):
        return found
    raise Missing(f"{name} is not installed", hint=f"`{how(name)}` on Debian and Ubuntu gets it.")


def how(name: str) -> str:
    """The command that installs it."""
    return f"apt-get install {PACKAGES[name]}"


@cache
def version(name: str) -> str:
    """Name and version, as far as it tells; the name alone when it is not there: then what needs it fails with better words."""
    path = find(name)
    if not path:
        return name
    return told(name, run([path, *question(name)[1:]], check=False, quiet=True).output)


@cache
def sha256(name: str) -> str:
    """The digest of its file, which all links lead to; empty when it is not there."""
    path = find(name)
    return files.sha256(path) if path else ""


def question(name: str) -> tuple[str, str]:
    """What makes a program say which it is."""
    return name, _ASKED.get(name, "--version")


def told(name: str, said: str) -> str:
    """Name and version of a program that said this, as far as it tells."""
    found = _VERSION.search(said)
    return f"{name} {found[0]}" if found else name
