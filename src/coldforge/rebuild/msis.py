"""A package for Windows Installer as members: the files of its cabinets where they are installed, its tables as text, its other streams."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import BinaryIO, Final

from coldforge.filetypes import cab, msi, ole
from coldforge.host import files
from coldforge.rebuild.members import Container, Member
from coldforge.rebuild.verdict import What
from coldforge.rebuild.views import Budget, file_of, kept, part

_LATER: Final = ("File", "MsiFileHash")  # made of the files: their sizes and digests


def package(view: memoryview, budget: Budget) -> Container:
    """The members of an msi; of another OLE container its streams. Raises one of `damage()`."""
    stream = file_of(view)
    database = msi.read(stream)
    tables = [Member(name=f"table {name}", read=partial(_table, rows)) for name, rows in database.tables.items()]
    tables.sort(key=lambda table: table.name.removeprefix("table ") in _LATER)  # the others stay in their order
    try:
        installed, left = _installed(stream, database, budget), database.streams.keys() - msi.cabinets(stream, database)
    except cab.Unknown:
        installed, left = [], set(database.streams)
    others = [Member(name=name, read=partial(_stream, stream, entry)) for name, entry in database.streams.items() if name in left]
    return Container(kind="msi", members=(*installed, *tables, *others))  # the summary, with a code of its own each time, last


def _installed(stream: BinaryIO, database: msi.Database, budget: Budget) -> list[Member]:
    with files.scratch("msi") as folder:
        found = msi.unpack(stream, database, folder, folder / "all")
        content = kept(folder / "all", budget)
    return [_member(file, content) for file in found]


def _member(file: cab.File, content: memoryview) -> Member:
    facts: dict[What, str] = {"mode": f"attributes {file.attributes}", "time": file.time}
    return Member(name=file.name, facts=facts, read=partial(part, content, file.span.start, file.span.end - file.span.start))


def _table(rows: Sequence[msi.Row]) -> memoryview:
    return memoryview("".join("\t".join(row.values()) + "\n" for row in rows).encode())


def _stream(stream: BinaryIO, entry: ole.Entry) -> memoryview:
    return memoryview(msi.content(stream, entry))
