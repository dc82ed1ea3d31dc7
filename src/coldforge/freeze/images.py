"""Build images: names to digests, from containers/images.toml."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

from msgspec import Meta

from coldforge import recipes
from coldforge.errors import ConfigurationError, Location
from coldforge.project.config import Section
from coldforge.project.read import Findings, Part, read_toml

IMAGES: Final = "containers/images.toml"
_PINNED: Final = re.compile(r"(?:[^@\s]+@)?sha256:[0-9a-f]{64}")


class Image(Section, frozen=True, kw_only=True):
    """One build image: an entry of images.toml."""

    base: Annotated[str, Meta(description="name:tag@sha256:…, or the id of an image that is on the engine (sha256:…).")] = ""
    python: Annotated[str, Meta(description="The interpreter's name or path in it; it has a shared library.")] = "python3"
    glibc: Annotated[str, Meta(description="Version of its C library: the floor of what is frozen in it.")] = ""

    @property
    def identity(self) -> str:
        """The digest alone: what makes two images the same, whatever they are called."""
        return self.base.rpartition("@")[2]


def find_image(name: str, project: Path) -> Image:
    """The image that `container: name` means: an entry of images.toml (the project's own, else ours), or an image by digest itself.

    Raises ConfigurationError for an unknown name, and with file and line for everything that is wrong in the file.
    """
    if _PINNED.fullmatch(name):
        return Image(base=name)
    path = recipes.find(IMAGES, project)
    images = read_images(path)
    if name not in images:
        near = difflib.get_close_matches(name, images, n=1)
        hint = f"Did you mean {near[0]}? " if near else ""
        hint += f"It has {', '.join(sorted(images)) or 'no entries'}; or give an image by digest, name@sha256:…"
        raise ConfigurationError(f"there is no build image {name!r}", where=Location(path), hint=hint)
    return images[name]


def read_images(path: Path) -> Mapping[str, Image]:
    """All entries of an images.toml, checked. Raises ConfigurationError with every problem and its line."""
    findings = Findings()
    document = read_toml(path, findings)
    images = {name: _image(document, name, findings) for name in document.content} if document else {}
    if findings.problems:
        raise ConfigurationError(f"{path.name} cannot be used", problems=tuple(findings.problems))
    return images


def _image(document: Part, name: str, findings: Findings) -> Image:
    entry = document.part(name, findings=findings)
    image = entry.typed(Image, findings)
    is_text = isinstance(document.content[name], Mapping) and isinstance(entry.content.get("base", ""), str)
    if is_text and not _PINNED.fullmatch(image.base):
        what = f"the image {name!r} is not pinned by a digest: {image.base!r}"
        findings.add(what, entry.where("base"), "write name:tag@sha256:…; a tag alone can change")
    return image
