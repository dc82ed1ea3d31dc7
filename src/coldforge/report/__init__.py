"""What people see: one reporter, chosen once, injected through a context variable.

All human output goes to stderr; stdout belongs to `--json`.
"""

from __future__ import annotations

from contextvars import ContextVar

from coldforge.report.reporter import Reporter, Silent

__all__ = ["Reporter", "Silent", "reporter", "use"]

_CURRENT: ContextVar[Reporter | None] = ContextVar("reporter", default=None)


def reporter() -> Reporter:
    """The reporter of this run; silent until one is chosen."""
    return _CURRENT.get() or Silent()


def use(new: Reporter) -> None:
    """Choose the reporter of this run."""
    _CURRENT.set(new)
