"""A setup that NSIS made as members: its files by where they are installed, the program in front, and the data that all is packed in."""

from __future__ import annotations

from functools import partial

from coldforge.filetypes import nsis
from coldforge.host import files
from coldforge.rebuild.members import Container, Member
from coldforge.rebuild.verdict import What
from coldforge.rebuild.views import Budget, kept, part, saved


def setup(view: memoryview, budget: Budget) -> Container | None:
    """The members of a setup; None when a program is none. Raises one of `damage()`, and Missing without the tool."""
    begin = nsis.begin(view)
    if not begin:
        return None
    with files.scratch("setup") as folder:
        found = nsis.unpack(saved(view, folder / "setup"), folder / "all")
        content = kept(folder / "all", budget)
    # the script is in the data, packed with the files: what differs there alone is told by its bytes
    parts = (("program", 0, begin), ("script and packed files", begin, len(view) - begin))
    members = (Member(name=name, read=partial(part, view, start, size)) for name, start, size in parts)
    return Container(kind="nsis", members=(*(_member(file, content) for file in found), *members))


def _member(file: nsis.File, content: memoryview) -> Member:
    facts: dict[What, str] = {"time": file.time}
    return Member(name=file.name, facts=facts, read=partial(part, content, file.span.start, file.span.end - file.span.start))
