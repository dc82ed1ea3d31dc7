"""A package for macOS as the files in it, and the cpio archives in that."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import islice

from coldforge.filetypes import cpio, xar
from coldforge.rebuild.members import ENTRIES, Container, Member
from coldforge.rebuild.verdict import What
from coldforge.rebuild.views import Budget, file_of, part, unpacked


def archive(view: memoryview, budget: Budget) -> Container:
    """The files of a xar. Raises one of `damage()`."""
    stream = file_of(view)
    table = xar.entries(stream)
    facts: dict[What, str] = {"time": table.time, "header": "signed" if table.signed else "not signed"}

    def member(entry: xar.Entry) -> Member:
        return Member(name=entry.path, facts={"encoding": entry.encoding}, read=lambda: unpacked(xar.content(stream, entry), budget))

    return Container(kind="xar", facts=facts, members=tuple(map(member, table.entries)))


def odc(view: memoryview, _budget: Budget) -> Container:
    """The entries of a cpio archive of the old ASCII format. Raises one of `damage()`."""
    return Container(kind="cpio", members=tuple(islice(_entries(view), ENTRIES)))


def _entries(view: memoryview) -> Iterator[Member]:
    position = 0
    while True:
        head = cpio.header(bytes(view[position : position + cpio.SIZE]))
        content = position + cpio.SIZE + head.length
        name = cpio.name(bytes(view[position + cpio.SIZE : content]))
        if content + head.size > len(view):
            raise ValueError("it is cut off")
        if name == cpio.LAST:
            return
        facts: dict[What, str] = {"mode": f"{head.mode:o}", "owner": f"{head.uid}:{head.gid}", "time": str(head.time)}
        yield Member(name=name, facts=facts, read=partial(part, view, content, head.size))
        position = content + head.size
