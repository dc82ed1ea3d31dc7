"""Where a comparison is in an artifact, and what it finds there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from coldforge.rebuild.causes import likely
from coldforge.rebuild.verdict import Difference, What
from coldforge.rebuild.views import Budget
from coldforge.report.reporter import printable

SHOWN: Final = 120  # characters of a value
_NAME: Final = 400  # characters of a step


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The steps that lead here from the artifact inwards, and how much may still be unpacked."""

    where: tuple[str, ...]
    budget: Budget

    def into(self, *names: str) -> Place:
        """A place further in; empty names are no steps."""
        return Place(where=(*self.where, *filter(None, names)), budget=self.budget)

    def found(self, what: What, released: str = "", rebuilt: str = "") -> Difference:
        """The difference here, with its likely cause, in texts that are fit for a terminal."""
        where = tuple(printable(name)[:_NAME] for name in self.where)
        one, other = _shown(released), _shown(rebuilt)
        return Difference(where=where, what=what, released=one, rebuilt=other, cause=likely(what, where, one, other))


def _shown(text: str) -> str:
    text = printable(text[: 4 * SHOWN])
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
