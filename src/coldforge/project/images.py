"""Images: names to digests, from containers/images.toml."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

from msgspec import Meta

from coldforge import recipes
from coldforge.errors import ConfigurationError, Location
from coldforge.project.read import Findings, Part, read_toml
from coldforge.project.runtimes import is_runtime, runtimes_of
from coldforge.project.section import Section
from coldforge.target import Target

IMAGES: Final = "containers/images.toml"
WINE: Final = "windows"  # the entry that freezes for Windows where there is none
_PINNED: Final = re.compile(r"(?:[^@\s]+@)?sha256:[0-9a-f]{64}")
_FROM: Final = re.compile(r"^\s*FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?\s*$", re.IGNORECASE | re.MULTILINE)
_BASE: Final = frozenset({"$BASE", "${BASE}"})
_VERSION: Final = r"^(\d+\.\d+)?$"
Use: TypeAlias = Literal["freeze", "toolbox", "smoke", "display"]
Manager: TypeAlias = Literal["apt", "dnf", "zypper", "pacman", "apk"]


class ImageConfig(Section, frozen=True, kw_only=True):
    """One entry of images.toml."""

    base: Annotated[str, Meta(description="name:tag@sha256:…, or the id of an image that is on the engine (sha256:…).")] = ""
    dockerfile: Annotated[
        str, Meta(description="A file beside images.toml that makes the image from `base`.", pattern=r"^([^/\s]+\.Dockerfile)?$")
    ] = ""
    python: Annotated[str, Meta(description="The interpreter's name or path in it; it has a shared library.")] = "python3"
    glibc: Annotated[
        str, Meta(description="Version of its GNU C library: the floor of what is frozen in it, give or take.", pattern=_VERSION)
    ] = ""
    musl: Annotated[str, Meta(description="Version of its C library when that is musl.", pattern=_VERSION)] = ""
    wine: Annotated[
        str, Meta(description="Version of its Wine, by which it freezes for Windows; `python` then only builds wheels.", pattern=_VERSION)
    ] = ""
    use: Annotated[
        Use,
        Meta(description="What for: freezing, making formats (toolbox), a bare system to try things in (smoke), or a display server."),
    ] = "freeze"
    manager: Annotated[Manager, Meta(description="What installs packages in it; for a bare system.")] = "apt"
    architectures: Annotated[
        tuple[Literal["x86_64", "aarch64"], ...], Meta(description="What its digest stands for; empty: not known, and found out.")
    ] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """One image. `recipe` is the text of the Dockerfile that makes it from `base`; empty: `base` is the image itself."""

    base: str
    recipe: str = ""
    python: str = "python3"
    glibc: str = ""
    musl: str = ""
    wine: str = ""
    use: Use = "freeze"
    manager: Manager = "apt"
    architectures: tuple[str, ...] = ()

    @property
    def identity(self) -> str:
        """What makes two images the same, whatever they are called: the digest, and that of the recipe."""
        digest = self.base.rpartition("@")[2]
        if not self.recipe:
            return digest
        import hashlib  # here, because OpenSSL is slow to load and planning needs none of it

        return f"{digest}+sha256:{hashlib.sha256(self.recipe.encode()).hexdigest()}"

    @property
    def recorded(self) -> str:
        """The base as it is got, and the digest of the recipe: whoever rebuilds makes the same image of it."""
        return f"{self.base.removesuffix(self.base.rpartition('@')[2])}{self.identity}"

    def serves(self, target: Target) -> bool:
        """Whether a freeze for `target` can run in it, as far as the entry tells."""
        system = bool(self.wine) == (target.os == "windows") and bool(self.musl) == target.musl
        return system and (not self.architectures or target.arch in self.architectures)


def find_image(name: str, project: Path, use: Use = "freeze") -> Image:
    """The image that `container: name` means, or `toolbox: name`: an entry of images.toml (the project's, else ours), or an image itself.

    Raises ConfigurationError for an unknown name, and with file and line for everything that is wrong in the file.
    """
    if is_pinned(name):
        return Image(base=name, use=use)
    path = recipes.find(IMAGES, project)
    images = images_of(project, use)
    if name not in images:
        what = "toolbox" if use == "toolbox" else "build image"
        raise ConfigurationError(f"there is no {what} {name!r}", where=Location(path), hint=known(name, images))
    return images[name]


def is_pinned(name: str) -> bool:
    """Whether a name is an image by digest itself."""
    return _PINNED.fullmatch(name) is not None


def known(name: str, images: Mapping[str, Image]) -> str:
    """What there is instead of an entry that does not exist."""
    import difflib

    near = difflib.get_close_matches(name, images, n=1)
    hint = f"Did you mean {near[0]}? " if near else ""
    return f"{hint}It has {', '.join(sorted(images)) or 'no entries'}; or give an image by digest, name@sha256:…"


def images_of(project: Path, use: Use = "freeze") -> Mapping[str, Image]:
    """The entries for one use of the images.toml in force for a project. Raises ConfigurationError."""
    return {name: image for name, image in read_images(recipes.find(IMAGES, project)).items() if image.use == use}


def read_images(path: Path) -> Mapping[str, Image]:
    """All entries of an images.toml, checked. Raises ConfigurationError with every problem and its line."""
    findings = Findings()
    document = read_toml(path, findings)
    entries = document.content if document else {}
    images = {name: _image(document, name, findings) for name in entries if document and not is_runtime(entries[name])}
    if document:
        runtimes_of(document, findings)
    if findings.problems:
        raise ConfigurationError(f"{path.name} cannot be used", problems=tuple(findings.problems))
    return images


def _image(document: Part, name: str, findings: Findings) -> Image:
    entry = document.part(name, findings=findings)
    image = entry.typed(ImageConfig, findings)
    is_text = isinstance(document.content[name], Mapping) and isinstance(entry.content.get("base", ""), str)
    if is_text and not is_pinned(image.base):
        what = f"the image {name!r} is not pinned by a digest: {image.base!r}"
        findings.add(what, entry.where("base"), "write name:tag@sha256:…; a tag alone can change")
    if image.glibc and image.musl:
        findings.add(f"the image {name!r} has two C libraries", entry.where("musl"), "keep one of glibc and musl")
    return Image(
        base=image.base,
        recipe=_recipe(document.file, entry, image.dockerfile, findings) if image.dockerfile else "",
        python=image.python,
        glibc=image.glibc,
        musl=image.musl,
        wine=image.wine,
        use=image.use,
        manager=image.manager,
        architectures=image.architectures,
    )


def _recipe(file: Path, entry: Part, name: str, findings: Findings) -> str:
    """The text of a Dockerfile, which must stand on nothing but pinned images."""
    path = file.parent / name
    if not path.is_file():
        findings.add(f"there is no {name} beside {file.name}", entry.where("dockerfile"))
        return ""
    text = path.read_text(encoding="utf-8")
    for line, stands_on in _loose(text):
        hint = "begin with `ARG BASE` and `FROM ${BASE}`: BASE is the entry's base"
        findings.add(f"it stands on {stands_on}, which is not pinned by a digest", Location(path, line), hint)
    return text


def _loose(text: str) -> Iterator[tuple[int, str]]:
    """Line and name of everything that a Dockerfile stands on without a digest; so is a file that stands on nothing."""
    stages: set[str] = set()
    found = list(_FROM.finditer(text))
    for match in found:
        if match[1] not in _BASE | stages and match[1] != "scratch" and not is_pinned(match[1]):
            yield text.count("\n", 0, match.start(1)) + 1, match[1]
        stages.add(match[2] or "")
    if not found:
        yield 1, "nothing"
