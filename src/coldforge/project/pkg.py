"""`[tool.coldforge.pkg]`: what the package for macOS' Installer shows and runs, and what is wrong with that."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

from msgspec import Meta

from coldforge.project.dmg import PICTURES, file_problem
from coldforge.project.read import Findings, Part
from coldforge.project.section import Section

TABLE: Final = "pkg"
PAGES: Final = ("welcome", "readme", "license", "conclusion")
SCRIPTS: Final = ("preinstall", "postinstall")
_TEXTS: Final = (".txt", ".rtf", ".html")


class PkgConfig(Section, frozen=True, kw_only=True):
    """`[tool.coldforge.pkg]`: what the Installer shows and runs.

    A product with a program with windows is installed as an application, others below `/usr/local`.
    """

    identifier: Annotated[
        str,
        Meta(description="What receipts know it by; default: the identifier and `.pkg`.", pattern=r"^([A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+)?$"),
    ] = ""
    location: Annotated[
        str,
        Meta(
            description="Folder that it is installed in; default: `/Applications`, and `/usr/local` for programs for the terminal.",
            pattern=r"^(/|(/(?!\.\.?(/|$))[^/\x00-\x1f]+)+)?$",
        ),
    ] = ""
    title: Annotated[str, Meta(description="Title of the window; default: the name that people read.", pattern=r"^[^\x00-\x1f\x7f]*$")] = ""
    welcome: Annotated[str, Meta(description="First page: `.txt` (UTF-8), `.rtf` or `.html`.")] = ""
    readme: Annotated[str, Meta(description="Page with what is important to know.")] = ""
    license: Annotated[str, Meta(description="Licence that must be agreed to.")] = ""
    conclusion: Annotated[str, Meta(description="Last page.")] = ""
    background: Annotated[str, Meta(description="Picture behind the pages, at the lower left.")] = ""
    preinstall: Annotated[
        str,
        Meta(description="Script that root runs before the files are there; it begins with `#!`, and ends the installation if it fails."),
    ] = ""
    postinstall: Annotated[str, Meta(description="Script that root runs when the files are there.")] = ""
    restart: Annotated[bool, Meta(description="Asks for a restart of the computer afterwards.")] = False


def sources(config: PkgConfig) -> tuple[str, ...]:
    """The files of the project that are read, as paths relative to it."""
    return tuple(path for key in (*PAGES, "background", *SCRIPTS) if (path := getattr(config, key)))


def check_pkg(root: Path, tool: Part, config: PkgConfig, findings: Findings) -> None:
    """Find files that are not there or of no use; `tool` is `[tool.coldforge]`."""
    table = tool.part(TABLE, findings=findings)
    for key, problem, hint in (*_files(root, config), *_scripts(root, config)):
        findings.add(f"the {key} {problem}", table.where(key), hint)


def _files(root: Path, config: PkgConfig) -> Iterator[tuple[str, str, str]]:
    for key in (*PAGES, "background"):
        if problem := file_problem(root, getattr(config, key), PICTURES if key == "background" else _TEXTS):
            yield key, problem, "name a file of the project, relative to it"


def _scripts(root: Path, config: PkgConfig) -> Iterator[tuple[str, str, str]]:
    for key in SCRIPTS:
        path: str = getattr(config, key)
        if problem := file_problem(root, path, (Path(path).suffix.lower(),)):
            yield key, problem, "name a file of the project, relative to it"
        elif path and (root / path).read_bytes()[:2] != b"#!":
            yield key, f"{path} does not begin with #!", "its first line names what runs it, such as #!/bin/sh"
