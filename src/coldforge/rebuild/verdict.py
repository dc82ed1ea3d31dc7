"""What a rebuild found: the first difference of each artifact, the word for it, and the verdict in one line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from coldforge.records import Record
from coldforge.report.reporter import Table

Word = Literal["identical", "identical but for signatures", "differs"]
What = Literal["content", "missing", "added", "order", "kind", "mode", "time", "owner", "link", "header", "encoding"]


class Difference(Record, frozen=True, kw_only=True):
    """The first difference of two files.

    `where` leads to it from the artifact inwards: members, sections, symbols, functions, lines. `what` differs there; `missing`
    and `added` are about the rebuilt file, `encoding` means that the same content was written in another way. Both texts are
    shortened; `cause` is the likely one.
    """

    where: tuple[str, ...]
    what: What
    released: str = ""
    rebuilt: str = ""
    cause: str = ""

    def __str__(self) -> str:
        place = " > ".join(self.where)
        if self.what in ("missing", "added"):
            return f"{place}: {'not in the rebuilt file' if self.what == 'missing' else 'only in the rebuilt file'}"
        return f"{place}: {self.what} was {self.released or 'nothing'}, is {self.rebuilt or 'nothing'}"


class Row(Record, frozen=True, kw_only=True):
    """One artifact, or the frozen tree of a target.

    `recorded` is the manifest's digest, `released` that of the file here (empty: there is none), `rebuilt` the new one.
    """

    name: str
    target: str
    word: Word
    recorded: str
    released: str = ""
    rebuilt: str = ""
    difference: Difference | None = None

    @property
    def is_artifact(self) -> bool:
        """Whether it is a file for users, and not the frozen tree that these are made of."""
        return "/" not in self.name


def worst(rows: Sequence[Row]) -> Word:
    """The word of a whole release: that of its worst row; what has none differs."""
    words = {row.word for row in rows}
    if "differs" in words or not words:
        return "differs"
    return "identical" if words == {"identical"} else "identical but for signatures"


class Used(Record, frozen=True, kw_only=True):
    """What one target was really frozen with: the place (`host`, or the container image by digest) and sha256 of the other inputs.

    What a target does not have, such as an interpreter where commands made it, is empty.
    """

    target: str
    workshop: str
    interpreter: str = ""
    lock: str = ""
    build_lock: str = ""


class Rebuild(Record, frozen=True, kw_only=True):
    """The answer about a release, or those of its targets that could be built here. Signed, it is a rebuilder's predicate.

    `manifest` is the sha256 of the record that was followed, `source` the address that the commit came from (empty for a folder).
    `word` is the worst of the rows' words. `inputs` names what was not as the manifest records it although the rebuild went on;
    `left` are the targets that another machine must rebuild.
    """

    product: str
    version: str
    commit: str
    coldforge: str
    manifest: str = ""
    source: str = ""
    used: tuple[Used, ...] = ()
    word: Word
    rows: tuple[Row, ...]
    inputs: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """0, and 1 when something differs."""
        return int(self.word == "differs")

    @property
    def line(self) -> str:
        """The verdict in one line."""
        what = f"{self.product} {self.version}, rebuilt from {self.commit[:12]}"
        left = f"; {', '.join(self.left)} must be rebuilt elsewhere" if self.left else ""
        different = sum(row.word == "differs" for row in self.rows)
        parts = f"{len(self.rows)} part{'s' if len(self.rows) != 1 else ''}"
        amount = f"{different} of {parts}" if different else parts
        return f"{self.word.upper()}: {amount} of {what}{left}."

    def table(self) -> Table:
        """A row for each artifact, what differs first."""
        ordered = sorted(self.rows, key=lambda row: (row.word != "differs", row.name))
        rows = tuple((row.name, row.word, row.recorded[:12], row.rebuilt[:12]) for row in ordered)
        return Table(title=f"rebuild of {self.product} {self.version}", columns=("artifact", "verdict", "recorded", "rebuilt"), rows=rows)

    def explained(self) -> str:
        """Every difference with its likely cause, and the inputs that were others."""
        lines = [f"not as recorded: {text}" for text in self.inputs]
        for row in self.rows:
            if row.difference:
                lines += [str(row.difference), f"  likely: {row.difference.cause}"]
        return "\n".join(lines)
