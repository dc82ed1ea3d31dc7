"""Build images: names to digests, from containers/images.toml."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from coldforge import recipes
from coldforge.errors import ConfigurationError, Location, Problem

_PINNED: Final = re.compile(r"^(?:[^@\s]+@)?sha256:[0-9a-f]{64}$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """One build image. `reference` is by digest; `python` is the interpreter's name or path in it; `glibc` its version."""

    reference: str
    python: str = "python3"
    glibc: str = ""

    @property
    def identity(self) -> str:
        """The digest alone: what makes two images the same, whatever they are called."""
        return self.reference.rpartition("@")[2]


def find_image(name: str, project: Path) -> Image:
    """The image that `container: name` means: an entry of images.toml, or an image by digest itself.

    Raises ConfigurationError for an unknown name, and for an entry that is not pinned.
    """
    if _PINNED.match(name):
        return Image(reference=name)
    path = recipes.find("containers/images.toml", project)
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError("not valid TOML", why=str(error), where=Location(path)) from error
    problems = tuple(_problems(entries, path))
    if problems:
        raise ConfigurationError(
            "the build images are not pinned", problems=problems, hint="Write name:tag@sha256:… ; a tag alone can change."
        )
    if name not in entries:
        known = ", ".join(sorted(entries))
        raise ConfigurationError(
            f"there is no build image {name!r}", where=Location(path), hint=f"It has {known}; or give an image by digest."
        )
    entry = entries[name]
    return Image(reference=entry["base"], python=str(entry.get("python", "python3")), glibc=str(entry.get("glibc", "")))


def _problems(entries: dict[str, object], path: Path) -> list[Problem]:
    lines = path.read_text(encoding="utf-8").splitlines()
    found = []
    for name, entry in entries.items():
        base = entry.get("base", "") if isinstance(entry, dict) else ""
        if not _PINNED.match(str(base)):
            line = next((number for number, text in enumerate(lines, 1) if text.strip() == f"[{name}]"), None)
            found.append(Problem(what=f"the image {name!r} has no digest: {base!r}", where=Location(path, line)))
    return found
