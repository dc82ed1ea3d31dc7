"""The runtimes of AppImages: the small program that each one begins with. A pinned input, from containers/images.toml."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

from msgspec import Meta

from coldforge import recipes
from coldforge.errors import ConfigurationError, Location
from coldforge.project.read import Findings, Part, read_toml
from coldforge.project.section import Section
from coldforge.target import Target

FILE: Final = "containers/images.toml"
USE: Final = "appimage"
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_EXAMPLE: Final = 'architectures = ["{arch}"], sha256 = "…", and either url = "https://…" or file = "the path of the runtime"'


class RuntimeConfig(Section, frozen=True, kw_only=True):
    """An entry of images.toml with `use = "appimage"`."""

    use: Annotated[Literal["appimage"], Meta(description="What for.")] = "appimage"
    url: Annotated[str, Meta(description="Where it is fetched from, once.", pattern=r"^(https?://\S+)?$")] = ""
    file: Annotated[str, Meta(description="Where it lies instead, relative to images.toml.")] = ""
    sha256: Annotated[str, Meta(description="The digest of its bytes.")] = ""
    architectures: Annotated[tuple[Literal["x86_64", "aarch64"], ...], Meta(description="What it runs on.")] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """One runtime: `url` or `file`, never both; `sha256` is what it must have."""

    name: str
    sha256: str
    url: str = ""
    file: Path | None = None


def find_runtime(target: Target, project: Path) -> Runtime:
    """The runtime for a target, of the images.toml in force for a project.

    Raises ConfigurationError when it has none, and with file and line for everything that is wrong with those that it has.
    """
    path = recipes.find(FILE, project)
    known = read_runtimes(path)
    if target.arch in known:
        return known[target.arch]
    hint = f'Add an entry to it, such as [appimage-{target.arch}], with use = "{USE}", {_EXAMPLE.format(arch=target.arch)}.'
    raise ConfigurationError(f"there is no runtime for AppImages of {target}", where=Location(path), hint=hint)


def read_runtimes(path: Path) -> Mapping[str, Runtime]:
    """The runtimes of an images.toml by architecture, checked. Raises ConfigurationError with every problem and its line."""
    findings = Findings()
    document = read_toml(path, findings)
    runtimes = runtimes_of(document, findings) if document else {}
    if findings.problems:
        raise ConfigurationError(f"{path.name} cannot be used", problems=tuple(findings.problems))
    return runtimes


def is_runtime(entry: object) -> bool:
    """Whether an entry of images.toml is no image but a runtime."""
    return isinstance(entry, Mapping) and entry.get("use") == USE


def runtimes_of(document: Part, findings: Findings) -> Mapping[str, Runtime]:
    """The runtimes of an images.toml that has been read."""
    found: dict[str, Runtime] = {}
    for name in (name for name, entry in document.content.items() if is_runtime(entry)):
        entry = document.part(name, findings=findings)
        given = entry.typed(RuntimeConfig, findings)
        for what, key in _wrong(name, given, entry.content):
            findings.add(what, entry.where(key))
        file = document.file.parent / given.file if given.file else None
        for architecture in given.architectures:
            if other := found.get(architecture):
                findings.add(f"{other.name} and {name} are both for {architecture}", entry.where("architectures"), "keep one of them")
            found[architecture] = Runtime(name=name, sha256=given.sha256, url=given.url, file=file)
    return found


def _wrong(name: str, given: RuntimeConfig, written: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    if not _DIGEST.fullmatch(given.sha256):
        yield f"the runtime {name!r} is not pinned: its sha256 is {given.sha256!r}, not 64 digits in hexadecimal", "sha256"
    if bool(written.get("url")) == bool(written.get("file")):
        yield f"the runtime {name!r} needs one of url and file", "url" if given.url else "use"
    if not given.architectures:
        yield f"the runtime {name!r} does not say what it runs on: write architectures", "use"
