"""Work in a thread aside, for calls that may never return: whoever waits for it can look after things meanwhile, and be interrupted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from requests import Response

T = TypeVar("T")
_idle: list[SimpleQueue[Callable[[], None]]] = []
"""What threads wait for that have done their work: starting one for each request would be a tenth of what an upload costs."""


@contextmanager
def closing(answer: Response) -> Iterator[None]:
    """Close an answer in the end. One that is still read aside is cut off first: closing it waits for who is reading."""
    try:
        yield
    except TimeoutError:
        with suppress(ValueError, RuntimeError):  # all of it has come, and its connection is another's already
            answer.raw.shutdown()
        raise
    finally:
        answer.close()


def within(
    seconds: float,
    call: Callable[[], T],
    *,
    lacking: str = "no answer",
    drop: Callable[[T], object] = lambda _: None,
    at: Callable[[], object] = lambda: None,
) -> T:
    """What a call returns, or raises. Raises TimeoutError, with what is `lacking`, when it has done neither in time.

    A timeout of a socket is none of that: it begins anew with each byte. What is returned too late is handed to `drop`. While `at`, which
    tells how far it has come, tells something else each time, its time begins anew.
    """
    is_late, place = Event(), at()

    def once() -> Iterator[T]:
        result = call()
        if is_late.is_set():
            drop(result)
        yield result

    def late() -> None:
        nonlocal place
        before, place = place, at()
        if before != place:
            return
        is_late.set()
        raise TimeoutError(f"{lacking} within {seconds:g} s")

    return next(fetched(once, patience=seconds, meanwhile=late))


def in_time(chunks: Iterable[bytes], size: int, seconds: float, *, lacking: str = "no answer") -> Iterator[bytes]:
    """Chunks joined to pieces of at least a size, but for the last, each of which comes in time. Raises TimeoutError, as `within`.

    How small chunks come is for the server to say, and each would begin its time anew.
    """
    pieces = _joined(chunks, size)
    while piece := within(seconds, partial(next, pieces, b""), lacking=lacking):
        yield piece


def _joined(chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
    kept = bytearray()
    for chunk in chunks:
        kept += chunk
        if len(kept) >= size:
            yield bytes(kept)
            kept.clear()
    if kept:
        yield bytes(kept)


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

    _aside(fetch)
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


def _aside(work: Callable[[], None]) -> None:
    """Do work that raises nothing in a thread that waits for some, or in a new one."""
    try:
        orders = _idle.pop()
    except IndexError:
        orders = SimpleQueue()
        Thread(target=_serve, args=(orders,), daemon=True).start()
    orders.put(work)


def _serve(orders: SimpleQueue[Callable[[], None]]) -> None:
    while True:
        orders.get()()
        _idle.append(orders)
