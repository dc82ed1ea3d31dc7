"""A reporter that keeps what it warns of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from coldforge.report import reporter, use
from coldforge.report.reporter import Silent


class _Warnings(Silent):
    def __init__(self, texts: list[str]) -> None:
        self._texts = texts

    def warn(self, text: str, **_: object) -> None:
        self._texts.append(text)


@contextmanager
def warnings() -> Iterator[list[str]]:
    """What is warned of within the block."""
    before, texts = reporter(), list[str]()
    use(_Warnings(texts))
    try:
        yield texts
    finally:
        use(before)
