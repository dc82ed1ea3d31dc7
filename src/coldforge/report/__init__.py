"""What people see: one reporter for the whole process, chosen once.

All human output goes to stderr; stdout belongs to `--json`.
"""

from __future__ import annotations

from typing import Final

from coldforge.report.reporter import Reporter, Silent

__all__ = ["Reporter", "Silent", "reporter", "use"]

# Not a context variable: threads of a pool start with none, and what they said would be lost.
_CURRENT: Final[list[Reporter]] = [Silent()]


def reporter() -> Reporter:
    """The reporter of this run; silent until one is chosen."""
    return _CURRENT[0]


def use(new: Reporter) -> None:
    """Choose the reporter of this run, for all of its threads."""
    _CURRENT[0] = new
