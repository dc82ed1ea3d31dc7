"""What a Debian package says of itself: description and dependencies, as the archive's rules want them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping
from typing import Final

from coldforge.bundle import BundleJob
from coldforge.bundle.tree import Tree
from coldforge.errors import Problem, Refused
from coldforge.plan import libraries
from coldforge.project.config import Product
from coldforge.project.debian import SYNOPSIS
from coldforge.records import Payload

_ARTICLE: Final = re.compile(r"^(an?|the) (?=\S)", re.IGNORECASE)


def line(text: str) -> str:
    """A value of one line: whatever it came from, it begins no further field."""
    return " ".join(text.split())


def packages(job: BundleJob, table: str, given: Mapping[str, str]) -> dict[str, str]:
    """The packages of all libraries by soname: those of a distribution's table, and those that the project says."""
    return {**libraries.known(job.project, table), **{soname: line(text) for soname, text in given.items()}}


def check(job: BundleJob, packages: Mapping[str, str], depends: Iterable[str], *, of: str, also: str = "") -> None:
    """Raises Refused when a package `of` a distribution would be installed without a library that it cannot start without.

    `also` is what else can be done about it.
    """
    left = libraries.unknown(job.payload.needs, packages, depends)
    problems = tuple(Problem(what=f"{need.soname}, which {need.by} needs, is in no package of {of}'s that is known") for need in left)
    if problems:
        hint = (
            f'Say which package brings it: [tool.coldforge.{job.artifact.format}] depends, or libraries."NAME.so.1" = "package" '
            f'(with no package, "", when the program can do without).{also}'
        )
        raise Refused(f"{job.artifact.name} would not work where it is installed", problems=problems, hint=hint)


def paragraph(fields: Mapping[str, str]) -> bytes:
    """Fields as control files have them (Debian Policy 5.1); those without a value are left out. Only a description has lines."""
    found = {key: value if key == "Description" else line(value) for key, value in fields.items()}
    return "".join(f"{key}: {_folded(value)}\n" for key, value in found.items() if value.strip()).encode()


def _folded(value: str) -> str:
    first, *more = value.strip("\n").split("\n")
    return "\n".join([first, *(f" {text.rstrip()}" if text.strip() else " ." for text in more)])


def conffiles(content: Tree) -> bytes:
    """The list of the files that stay as the user changed them (deb-conffiles(5)); opkg reads the same."""
    return "".join(f"/{node.path}\n" for node in content if node.config).encode()


def synopsis(product: Product) -> str:
    """One line that neither starts with the name or an article nor ends with a full stop (Debian Policy 3.4.1).

    >>> synopsis(Product(name="demo", version="1", summary="Demo: a thing that demonstrates."))
    'thing that demonstrates'
    """
    text = line(product.summary or product.display_name).rstrip(". ")
    for name in (product.display_name, product.name):
        text = re.sub(rf"^{re.escape(name)}(:| -| is) ", "", text, flags=re.IGNORECASE) if name else text
    text = _ARTICLE.sub("", text)
    if text.lower() in ("", product.name.lower(), product.display_name.lower()):
        text = "frozen application"
    return text if len(text) <= SYNOPSIS else textwrap.shorten(text, SYNOPSIS, placeholder="…")


def capitalised(product: Product) -> str:
    """The same line as other families want it: it begins with a capital letter."""
    text = synopsis(product)
    return text[:1].upper() + text[1:]


def extended(product: Product) -> str:
    """The longer text below the synopsis, which it does not repeat: a paragraph of at most twenty lines."""
    text = _without(line(product.summary).rstrip(". "), line(product.description))
    text = text or f"{product.display_name or product.name} with everything that it needs to run."
    lines = textwrap.wrap(text, 78, max_lines=20, placeholder=" …")
    return "\n".join(f" {text}" if text.startswith(".") else text for text in lines)  # a full stop there is reserved (Policy 5.6.13)


def _without(sentence: str, text: str) -> str:
    """A text without the sentence that it may begin with, as the first paragraph of a README often does.

    >>> _without("It sings", "It sings. In tune."), _without("It sings", "It sings in tune.")
    ('In tune.', 'It sings in tune.')
    """
    rest = text[len(sentence) :]
    return rest[1:].lstrip() if text.lower().startswith(sentence.lower()) and re.match(r"\.?$|\. ", rest) else text


def depends(payload: Payload, packages: Mapping[str, str], configured: Iterable[str]) -> tuple[str, ...]:
    """The C library as new as the tree needs it, packages of what the tree takes from the system, what the user adds."""
    floor = payload.glibc_floor.removeprefix("glibc-")
    own = [f"libc6 (>= {floor})"] if floor else []
    return tuple(dict.fromkeys([*own, *libraries.named(payload.needs, packages), *map(line, configured)]))


def recommends(payload: Payload, packages: Mapping[str, str], configured: Iterable[str]) -> tuple[str, ...]:
    """What is used when it is there, unless the package depends on it anyway."""
    required = libraries.named(payload.needs, packages)
    found = [package for package in libraries.named(payload.needs, packages, "recommended") if package not in required]
    return tuple(dict.fromkeys([*found, *map(line, configured)]))
