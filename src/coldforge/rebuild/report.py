"""What a rebuild found as one static page, for whoever has to find out why it differs."""

from __future__ import annotations

from collections.abc import Iterator

from coldforge.rebuild.verdict import Difference, Rebuild, Row
from coldforge.report.html import Section, page
from coldforge.report.reporter import Table


def html(found: Rebuild) -> str:
    """The page: all rows with whole digests, the way to each first difference step by step, and what it was built with."""
    return page(f"Rebuild of {found.product} {found.version}", tuple(_sections(found)))


def _sections(found: Rebuild) -> Iterator[Section]:
    columns = ("artifact", "target", "verdict", "recorded", "released", "rebuilt")
    rows = tuple((row.name, row.target, row.word, row.recorded, row.released or "not here", row.rebuilt) for row in _ordered(found))
    yield Section(title="Verdict", text=found.line, tables=(Table(title="SHA-256 of each part", columns=columns, rows=rows),))
    for row in _ordered(found):
        if row.difference:
            yield _difference(row, row.difference)
    if found.inputs:
        table = Table(title="Inputs", columns=("what",), rows=tuple((text,) for text in found.inputs))
        yield Section(title="Not as recorded", text="What went in that the manifest records otherwise.", tables=(table,))
    if found.used:
        names = ("target", "place", "interpreter", "lock", "build lock")
        inputs = tuple((used.target, used.workshop, used.interpreter, used.lock, used.build_lock) for used in found.used)
        text = f"The commit {found.commit}, coldforge {found.coldforge}, and for each target, by digest:"
        yield Section(title="Built with", text=text, tables=(Table(title="Inputs of each target", columns=names, rows=inputs),))


def _ordered(found: Rebuild) -> list[Row]:
    return sorted(found.rows, key=lambda row: (row.word != "differs", row.name))


def _difference(row: Row, difference: Difference) -> Section:
    """The first difference of one part: the steps inwards, and both values."""
    steps = Table(title="Where", columns=("step", "in it"), rows=tuple((str(n), name) for n, name in enumerate(difference.where, 1)))
    values = Table(
        title="What",
        columns=("what", "released", "rebuilt"),
        rows=((difference.what, difference.released or "nothing", difference.rebuilt or "nothing"),),
    )
    return Section(title=f"{row.name} differs", text=f"Likely: {difference.cause or 'not known'}.", tables=(steps, values))
