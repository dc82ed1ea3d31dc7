"""Work in a thread aside, for calls that may never return: whoever waits for it can look after things meanwhile, and be interrupted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


def fetched(call: Callable[[], Iterable[T]], *, patience: float, meanwhile: Callable[[], None]) -> Iterator[T]:
    """The items of what a call returns, and its errors. `meanwhile` is called whenever nothing has come for `patience` seconds.

    What `meanwhile` raises ends the waiting. The thread is not ended then: it ends by itself, or with this process.
    """
    came: SimpleQueue[tuple[bool, T | BaseException | None]] = SimpleQueue()

    def fetch() -> None:
        try:
            for item in call():
                came.put((True, item))
        except BaseException as error:  # noqa: BLE001  # it is raised where it is waited for
            came.put((False, error))
        else:
            came.put((False, None))

    Thread(target=fetch, daemon=True).start()
    while True:
        try:
            more, item = came.get(timeout=patience)
        except Empty:
            meanwhile()
            continue
        if more:
            yield item  # type: ignore[misc]  # what `more` marks is an item
        elif isinstance(item, BaseException):
            raise item
        else:
            return
