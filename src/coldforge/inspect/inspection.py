"""What is known of a file or folder that was looked into, and how people see it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec import field

from coldforge.inspect.contents import Item
from coldforge.records import Record
from coldforge.report.reporter import Table, megabytes

SHOWN: Final = 40  # rows for people


class Part(Record, frozen=True, kw_only=True):
    """One part of a payload. `size` is what it adds to the payload; where only the list of parts is at hand, that of its files as
    collected with its modules, once."""

    name: str
    kind: str
    version: str = ""
    license: str = ""
    size: int = 0
    requires: tuple[str, ...] = ()


class Inspection(Record, frozen=True, kw_only=True):
    """What a file or folder is. `fields` are its own statements (a package's control fields, a manifest's head).

    `parts` are what it is made of, the largest first; `libraries` the sonames that it leaves to the system, and `floor` the oldest
    glibc that all of it loads with: found in the files themselves, or in what an index says.
    """

    name: str
    kind: str
    size: int
    sha256: str
    fields: dict[str, str] = field(default_factory=dict)
    floor: str = ""
    libraries: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    items: tuple[Item, ...] = ()


def tables(found: Inspection) -> tuple[Table, ...]:
    """For people: the statements, the parts, and the entries, the largest first."""
    head = (("kind", found.kind), ("size", f"{found.size:,} bytes"), ("sha256", found.sha256), *found.fields.items())
    needs = (("floor", found.floor), ("libraries of the system", " ".join(found.libraries)))
    rows = tuple((what, value) for what, value in (*head, *needs) if value)
    fields = Table(title=found.name, columns=("what", "value"), rows=rows)
    return (fields, *_parts(found.parts), *_entries(found.items))


def _parts(parts: tuple[Part, ...]) -> Iterator[Table]:
    rows = tuple((part.name, part.kind, part.version, part.license, megabytes(part.size)) for part in parts)
    if rows:
        columns = ("part", "kind", "version", "licence", "size")
        yield Table(title=f"{len(rows)} parts", columns=columns, rows=rows, numeric=frozenset({"size"}))


def _entries(items: tuple[Item, ...]) -> Iterator[Table]:
    largest = sorted(items, key=lambda item: (-item.size, item.path))
    rows = tuple((item.path, f"{item.size:,}", item.mode, _what(item)) for item in largest[:SHOWN])
    more = f", the {SHOWN} largest (--json lists all)" if len(largest) > SHOWN else ""
    if rows:
        columns = ("path", "size", "mode", "what")
        yield Table(title=f"{len(largest)} entries{more}", columns=columns, rows=rows, numeric=frozenset({"size"}))


def _what(item: Item) -> str:
    return "; ".join(part for part in (f"-> {item.link}" if item.link else "", item.note) if part)
