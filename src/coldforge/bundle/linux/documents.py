"""What packages carry besides the program: manual pages and licences; in Debian's copyright, changelog, lintian's overrides."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from coldforge.bundle import BundleJob
from coldforge.bundle.linux import control, share
from coldforge.bundle.tree import Node, Tree
from coldforge.filetypes import gzips
from coldforge.host import clock
from coldforge.plan import names
from coldforge.project.config import Executable
from coldforge.recipes import fill

MANUAL: Final = "build/templates/deb/manual.1"
TEMPLATES: Final = (*(f"build/templates/deb/{name}" for name in ("copyright", "changelog", "lintian-overrides")), MANUAL)
# Years and a holder; the licences of the FSF name their own text's holder, others have a form to fill in.
_HOLDER: Final = re.compile(
    r"^\W*Copyright\b(?!.*Free Software Foundation)\W*(?:\(c\)|©)?\s*(\d{4}\b.*?)\s*$", re.IGNORECASE | re.MULTILINE
)
_LICENCE: Final = re.compile(r"^License(?:-Expression)?: (\S.{0,60})$", re.MULTILINE)

_ORDER: Final = ("changelog", "changes", "history", "news")
_NEWS: Final = re.compile(rf"({'|'.join(_ORDER)})(\.(md|rst|txt))?", re.IGNORECASE)


def debian(job: BundleJob, tree: Tree, package: str) -> Iterator[tuple[str, bytes]]:
    """Paths and contents of what Debian Policy asks for."""
    values = {**_values(job, tree), "package": package}
    values["version"] = names.debian(names.Version.parse(job.plan.product.version), job.plan.config.deb.revision)
    copyright_ = fill(TEMPLATES[0], {**values, **_copyright(job, tree, package)}, job.project)
    yield f"usr/share/doc/{package}/copyright", copyright_.replace(b"Source: \n", b"", 1)  # a field without a value is none
    yield f"usr/share/doc/{package}/changelog.Debian.gz", gzips.small(fill(TEMPLATES[1], values, job.project), gzips.BEST)
    if news := news_file(job.project):
        yield f"usr/share/doc/{package}/changelog.gz", gzips.small((job.project / news).read_bytes(), gzips.BEST)
    yield f"usr/share/lintian/overrides/{package}", fill(TEMPLATES[2], values, job.project)


def licences(job: BundleJob, package: str) -> Iterator[tuple[str, bytes]]:
    """The project's own licence files and its changelog, where other distributions look for them; the texts of all else are in the tree."""
    for name in job.plan.product.license_files:
        yield f"usr/share/licenses/{package}/{name}", (job.project / name).read_bytes()
    if news := news_file(job.project):
        yield f"usr/share/doc/{package}/{news}", (job.project / news).read_bytes()


def news_file(project: Path) -> str:
    """The project's own changelog, by the usual names; empty when it has none."""
    found = [path.name for path in sorted(project.iterdir()) if path.is_file() and _NEWS.fullmatch(path.name)]
    return min(found, key=lambda name: _ORDER.index(name.partition(".")[0].lower()), default="")


def manuals(job: BundleJob, tree: Tree) -> Iterator[tuple[str, bytes]]:
    """A page for each executable."""
    for executable in job.plan.product.executables:
        yield f"usr/share/man/man1/{executable.name}.1.gz", gzips.small(_manual(job, executable, _values(job, tree)), gzips.BEST)


def _values(job: BundleJob, tree: Tree) -> dict[str, str]:
    product = job.plan.product
    return {
        "name": product.display_name or product.name,
        "upstream_version": product.version,
        "summary": control.synopsis(product),
        "homepage": product.homepage,
        "maintainer": product.maintainer,
        "date": clock.rfc2822(tree.epoch),
        "day": clock.iso(tree.epoch)[:10],
    }


def _copyright(job: BundleJob, tree: Tree, package: str) -> dict[str, str]:
    """The values of the machine-readable file (copyright-format 1.0)."""
    product = job.plan.product
    texts = [(job.project / name).read_text(encoding="utf-8", errors="replace") for name in product.license_files]
    holders = list(dict.fromkeys(control.line(found) for text in texts for found in _HOLDER.findall(text)))
    return {
        "source": product.homepage,
        "holders": "\n ".join(holders or [f"{clock.iso(tree.epoch)[:4]} {product.maintainer}"]),
        "license": licence(product.license),
        "license_text": indented("\n".join(texts).strip() or "The text comes with the source."),
        "contents": indented("\n".join(_contents(job, tree)) or "Nothing else."),
        "folder": share.place(package, job.plan.config.linux.vendor),
    }


def licence(text: str) -> str:
    """A licence's short name: an SPDX expression with Debian's operators; free text becomes one word.

    >>> licence("Apache-2.0 OR MIT"), licence("BSD License"), licence("")
    ('Apache-2.0 or MIT', 'BSD-License', 'unknown')
    """
    if re.fullmatch(r"[\w.+-]+(?: (?:OR|AND) [\w.+-]+)*", text):
        return text.replace(" OR ", " or ").replace(" AND ", " and ")
    return re.sub(r"[^\w.+-]+", "-", text)[:60].strip("-") or "unknown"


def _contents(job: BundleJob, tree: Tree) -> Iterator[str]:
    """Everything that is not the application's own: name, version, and its licence where its metadata tells it."""
    licences = dict(_licences(tree))
    found = {(entry.origin.name, entry.origin.version) for entry in job.payload.files if entry.origin.kind != "application"}
    for name, version in sorted(found):
        told = licences.get(names.debian_package(name), "")
        yield f"{name} {version}{f' ({told})' if told else ''}".strip()


def _licences(nodes: Iterable[Node]) -> Iterator[tuple[str, str]]:
    """Distributions with what their METADATA says (core metadata 2.4)."""
    for node in nodes:
        folder, _, name = node.path.rpartition("/")
        if node.source and name == "METADATA" and folder.endswith(".dist-info"):
            head = node.source.read_text(encoding="utf-8", errors="replace").partition("\n\n")[0]
            distribution = folder.rpartition("/")[2].partition("-")[0].replace("_", "-")
            yield from ((names.debian_package(distribution), found) for found in _LICENCE.findall(head)[-1:])


def indented(text: str) -> str:
    """The lines of a field's longer text (Debian Policy 5.6.13)."""
    return "\n".join(f" {line.rstrip()}" if line.strip() else " ." for line in text.splitlines())


def _manual(job: BundleJob, executable: Executable, values: dict[str, str]) -> bytes:
    """The project's own page if it has one, else a short one."""
    own = job.project / "man" / f"{executable.name}.1"
    if own.is_file():
        return own.read_bytes()
    words = {**values, "executable": executable.name, "title": executable.name.upper()}
    words["about"] = job.plan.product.description or f"{values['summary']}."
    words["see"] = values["homepage"] or values["maintainer"]
    return fill(MANUAL, {key: roff(value) for key, value in words.items()}, job.project)


def roff(text: str) -> str:
    """Text that means itself in a manual page (groff_man_style(7)).

    >>> roff('.a "b" \\\\c-d')
    '\\\\&.a \\\\(dqb\\\\(dq \\\\ec\\\\-d'
    """
    plain = control.line(text).replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq")
    return f"\\&{plain}" if plain.startswith((".", "'")) else plain
