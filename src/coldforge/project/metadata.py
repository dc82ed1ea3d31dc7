"""`[project]` (PEP 621) and `[tool.coldforge]` to the product that is released."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from coldforge.project.config import Config, Executable, Product

FALLBACK_MAINTAINER = "Unknown <unknown@localhost>"


def product_of(project: Mapping[str, Any], config: Config, *, root: Path) -> Product:
    """The product: metadata of the project, completed and overridden by the configuration."""
    name = config.name or str(project.get("name", ""))
    return Product(
        name=name,
        version=str(project.get("version", "")),
        summary=" ".join(str(project.get("description", "")).split()),
        license=_license(project.get("license", "")),
        license_files=_license_files(project, root),
        homepage=_homepage(project.get("urls", {})),
        maintainer=config.maintainer or _maintainer(project),
        display_name=config.display_name or name,
        identifier=config.identifier,
        icon=config.icon,
        categories=config.categories,
        requires_python=str(project.get("requires-python", "")),
        executables=_executables(project, config),
    )


def _license(value: Any) -> str:
    """An SPDX expression (PEP 639), or the text of the older table."""
    if isinstance(value, Mapping):
        return " ".join(str(value.get("text", "")).split())[:80]
    return str(value)


def _license_files(project: Mapping[str, Any], root: Path) -> tuple[str, ...]:
    patterns = project.get("license-files", ["LICEN[CS]E*", "COPYING*", "NOTICE*", "AUTHORS*"])
    if not isinstance(patterns, list):
        patterns = []
    found = {path.relative_to(root).as_posix() for pattern in patterns for path in root.glob(str(pattern)) if path.is_file()}
    return tuple(sorted(found))


def _homepage(urls: Any) -> str:
    if not isinstance(urls, Mapping):
        return ""
    by_label = {str(label).lower().replace("-", "").replace(" ", ""): str(url) for label, url in urls.items()}
    wanted = ("homepage", "home", "website", "repository", "source", "sourcecode", "github")
    return next((by_label[label] for label in wanted if label in by_label), "")


def _maintainer(project: Mapping[str, Any]) -> str:
    people: Iterable[Any] = [*project.get("maintainers", []), *project.get("authors", [])]
    named = [person for person in people if isinstance(person, Mapping)]
    for person in named:
        if person.get("email"):
            return f"{person.get('name') or str(person['email']).split('@')[0]} <{person['email']}>"
    return f"{named[0]['name']} <unknown@localhost>" if named and named[0].get("name") else FALLBACK_MAINTAINER


def _executables(project: Mapping[str, Any], config: Config) -> tuple[Executable, ...]:
    """One for each script, replaced or completed by `[tool.coldforge.executables]`."""
    found: dict[str, Executable] = {}
    for key, console in (("scripts", True), ("gui-scripts", False)):
        for name, entry in project.get(key, {}).items():
            found[name] = Executable(name=name, entry=_entry(str(entry)), console=console)
    for name, given in config.executables.items():
        found[name] = Executable(name=name, entry=given.entry, console=given.console)
    return tuple(found[name] for name in sorted(found))


def _entry(text: str) -> str:
    """An entry point without its extras: `module:function [extra]` is `module:function`."""
    return text.partition("[")[0].strip().replace(" ", "")
