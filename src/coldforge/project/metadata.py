"""`[project]` (PEP 621, PEP 639) and `[tool.coldforge]` to the product that is released."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

from msgspec import Meta, Struct, field

from coldforge.project.config import Config, EntryPoint, Executable, Product
from coldforge.project.desktop import Desktop

# Debian demands a maintainer with an address; this top-level domain never resolves (RFC 2606).
NOBODY: Final = "unknown@example.invalid"
_LICENSE_FILES: Final = ("LICEN[CS]E*", "COPYING*", "NOTICE*", "AUTHORS*")  # the default of PEP 639
_README_BYTES: Final = 1 << 16  # the first paragraph is not further down
_HOMES: Final = ("homepage", "home", "website", "repository", "source", "sourcecode", "github")
_ALIASES: Final = {
    "repository": "source", "sourcecode": "source", "github": "source", "tracker": "issues", "issuetracker": "issues",
    "bugtracker": "issues", "docs": "documentation", "sponsor": "funding", "donate": "funding", "donation": "funding",
}  # fmt: skip
_WELL_KNOWN: Final = ("source", "issues", "documentation", "funding")
_FORGES: Final = {"github.com": "io.github", "gitlab.com": "io.gitlab", "codeberg.org": "page.codeberg"}
Glob = Annotated[str, Meta(description="Relative to the project, without `..`.", pattern=r"^(?!/)(?!(.*/)?\.\.(/|$)).+")]


class Described(Struct, frozen=True, kw_only=True, rename="kebab"):
    """The base of what is read of `[project]`; keys that a product does not need are left to others."""


class Person(Described, frozen=True, kw_only=True):
    """An entry of `authors` or `maintainers`."""

    name: str = ""
    email: str = ""


class Text(Described, frozen=True, kw_only=True):
    """A readme or license given as a table: a file, or the text itself."""

    file: str = ""
    text: str = ""


class ProjectTable(Described, frozen=True, kw_only=True):
    """What a product needs of `[project]`, with the types of its specification.

    Source: https://packaging.python.org/specifications/pyproject-toml/
    """

    name: Annotated[
        str, Meta(description="Letters, digits, and `.-_` between them.", pattern=r"^([A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9._-]*[A-Za-z0-9])?$")
    ] = ""
    version: str = ""
    description: str = ""
    readme: str | Text = ""
    license: str | Text = ""
    license_files: tuple[Glob, ...] | None = None
    requires_python: str = ""
    authors: tuple[Person, ...] = ()
    maintainers: tuple[Person, ...] = ()
    keywords: tuple[str, ...] = ()
    urls: Mapping[str, str] = field(default_factory=dict)
    scripts: Mapping[str, EntryPoint] = field(default_factory=dict)
    gui_scripts: Mapping[str, EntryPoint] = field(default_factory=dict)
    dynamic: tuple[str, ...] = ()


def product_of(table: ProjectTable, config: Config, *, root: Path) -> Product:
    """The product: metadata of the project, completed and overridden by the configuration."""
    name = config.name or table.name
    # nothing but an address of the web may stand in packages and metainfo
    urls = {label: url for label, url in table.urls.items() if re.fullmatch(r"https?://[^\s/]\S*", url)}
    return Product(
        name=name,
        version=table.version,
        summary=" ".join(table.description.split()),
        description=first_paragraph(_readme(table, root)),
        license=_license(table),
        license_files=_license_files(table, root),
        homepage=homepage(urls),
        urls=well_known(urls),
        maintainer=config.maintainer or _maintainer(table, name),
        display_name=config.display_name or name,
        identifier=config.identifier or derived_identifier(urls, name),
        icon=config.icon,
        categories=config.categories,
        generic_name=config.generic_name,
        keywords=tuple(word for word in config.keywords or table.keywords if word.strip()),
        requires_python=table.requires_python,
        executables=executables(table, config),
    )


def _readme(table: ProjectTable, root: Path) -> str:
    if isinstance(table.readme, Text) and table.readme.text:
        return table.readme.text
    path = root / (table.readme.file if isinstance(table.readme, Text) else table.readme)
    if not path.is_file():
        return ""
    with path.open("rb") as stream:
        return stream.read(_README_BYTES).decode("utf-8", errors="ignore")


def first_paragraph(text: str) -> str:
    """The first paragraph of prose in a Markdown or reStructuredText page, on one line; empty when there is none.

    >>> first_paragraph("# Demo\\n\\n[![badge](b.svg)](x)\\n\\nShows *what* [it](x) can.\\n\\nMore.")
    'Shows what it can.'
    """
    without_code = re.sub(r"^(```|~~~).*?^\1[^\n]*$|<!--.*?-->", "", text.replace("\r\n", "\n"), flags=re.DOTALL | re.MULTILINE)
    blocks = (block.strip("\n") for block in re.split(r"\n[ \t]*\n", without_code))
    # a line of headings: marked by # or underlined
    bodies = (re.sub(r"^#{1,6} [^\n]*\n?|^[^\n]+\n([=~^\"'*+-])\1+[ \t]*(\n|$)", "", block) for block in blocks)
    return next((_plain(body) for body in bodies if re.match(r"[*_`(\"'\[]*\w", body) and re.search(r"\w[^\n]* ", _plain(body))), "")


def _plain(markup: str) -> str:
    images = re.sub(r"\[?!\[[^\]]*\]\([^)]*\)(\]\([^)]*\))?", "", markup)
    links = re.sub(r"\[([^\]]*)\](\([^)]*\)|\[[^\]]*\])", r"\1", images)
    targets = re.sub(r"`([^`<]+?)\s*<[^>]*>`_+", r"\1", links)
    return " ".join(re.sub(r"(\*\*|__|\*|``|`)(?=\S)(.+?)(?<=\S)\1", r"\2", targets, flags=re.DOTALL).split())


def _license(table: ProjectTable) -> str:
    """An SPDX expression (PEP 639), or the first line of the older table's text."""
    if isinstance(table.license, Text):
        return next((line.strip() for line in table.license.text.splitlines() if line.strip()), "")
    return table.license


def _license_files(table: ProjectTable, root: Path) -> tuple[str, ...]:
    patterns = _LICENSE_FILES if table.license_files is None else table.license_files
    if isinstance(table.license, Text) and table.license.file:
        patterns = (*patterns, table.license.file)
    return tuple(sorted({path.relative_to(root).as_posix() for pattern in patterns for path in root.glob(pattern) if path.is_file()}))


def homepage(urls: Mapping[str, str]) -> str:
    """The best of the project's URLs: labels are compared as PEP 753 says."""
    by_label = _labelled(urls)
    return next((by_label[label] for label in _HOMES if label in by_label), "")


def _labelled(urls: Mapping[str, str]) -> dict[str, str]:
    return {re.sub(r"[\W_]", "", label).lower(): url for label, url in urls.items()}


def well_known(urls: Mapping[str, str]) -> dict[str, str]:
    """URLs by the labels that have a meaning to all: https://packaging.python.org/specifications/well-known-project-urls/"""
    found = {_ALIASES.get(label, label): url for label, url in _labelled(urls).items()}
    return {label: found[label] for label in sorted(found) if label in _WELL_KNOWN}


def derived_identifier(urls: Mapping[str, str], name: str) -> str:
    """The reverse-domain identifier of a project on a forge that gives its users a domain; empty without one.

    Source: https://docs.flathub.org/docs/for-app-authors/requirements#application-id
    >>> derived_identifier({"Source": "https://github.com/Some-Body/demo"}, "my-demo")
    'io.github.some_body.my_demo'
    """
    for url in _labelled(urls).values():
        if forge := re.match(r"https?://(?:www\.)?(github\.com|gitlab\.com|codeberg\.org)/([A-Za-z0-9-]+)/[^/]+", url):
            return ".".join((_FORGES[forge[1]], *(_element(part) for part in (forge[2], name))))
    return ""


def _element(text: str) -> str:
    """One part of an identifier: no hyphens, no digit in front (D-Bus specification, "Bus names")."""
    plain = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
    return f"_{plain}" if plain[:1].isdigit() else plain


def _maintainer(table: ProjectTable, name: str) -> str:
    """`Name <mail>` of the first person with an address, else of the first with a name; to Debian a comma begins a second one."""
    people = [
        Person(name=" ".join(re.sub("[<>@,]", " ", p.name).split()), email=p.email.strip()) for p in (*table.maintainers, *table.authors)
    ]
    person = next((p for p in people if p.email), next((p for p in people if p.name), Person(name=f"Maintainers of {name}")))
    return f"{person.name or person.email.partition('@')[0]} <{person.email or NOBODY}>"


def executables(table: ProjectTable, config: Config) -> tuple[Executable, ...]:
    """One for each script, replaced or completed by `[tool.coldforge.executables]`.

    Commands make programs: each is at the top of the tree under its name, the product's own where no other is named.
    """
    made = config.freezer == "command"
    found = {name: Executable(name=name, entry=name if made else _entry(entry)) for name, entry in table.scripts.items()}
    found |= {name: Executable(name=name, entry=name if made else _entry(e), console=False) for name, e in table.gui_scripts.items()}
    name = config.name or table.name
    if made and not found and not config.executables:
        return (Executable(name=name, entry=name),)
    for name, given in config.executables.items():
        script = found.get(name, Executable(name=name, entry=name))
        entry = (posixpath.normpath(given.entry) if made else _entry(given.entry)) if given.entry else script.entry
        console = script.console if given.console is None else given.console
        desktop = {key: getattr(given, key) for key in Desktop.__struct_fields__}
        found[name] = Executable(name=name, entry=entry, console=console, **desktop)
    return tuple(found[name] for name in sorted(found))


def _entry(text: str) -> str:
    """An entry point without its extras: `module : function [extra]` is `module:function`."""
    return "".join(text.partition("[")[0].split())
