"""Work in a thread aside: what it gives and how it fails arrive, and whoever waits may give up."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from queue import SimpleQueue

import pytest

from coldforge.host.aside import fetched, within


def never() -> None:
    pytest.fail("something came all the time")


def test_what_comes_arrives_in_order() -> None:
    assert list(fetched(lambda: range(1000), patience=60, meanwhile=never)) == list(range(1000))
    assert list(fetched(lambda: [None, ""], patience=60, meanwhile=never)) == [None, ""]
    assert list(fetched(list, patience=60, meanwhile=never)) == []


def test_an_error_arrives_after_what_came_before_it() -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise ValueError("mine")

    came = fetched(failing, patience=60, meanwhile=never)
    assert next(came) == 1
    with pytest.raises(ValueError, match="mine"):
        next(came)


def test_the_waiting_goes_on_for_as_long_as_that_is_right() -> None:
    go, asked = threading.Event(), []

    def waiting() -> Iterator[str]:
        yield "first"
        go.wait()
        yield "second"

    def meanwhile() -> None:
        asked.append(1)
        if len(asked) == 3:
            go.set()

    assert list(fetched(waiting, patience=0.01, meanwhile=meanwhile)) == ["first", "second"]
    assert len(asked) >= 3


def test_the_waiting_ends_with_what_is_raised_meanwhile() -> None:
    go = threading.Event()

    def meanwhile() -> None:
        raise LookupError("it is gone")

    with pytest.raises(LookupError, match="it is gone"):
        list(fetched(lambda: [go.wait()], patience=0.01, meanwhile=meanwhile))
    go.set()


def test_what_comes_in_time_is_returned_and_what_does_not_is_told() -> None:
    go, dropped = threading.Event(), SimpleQueue[bool]()
    assert within(60, lambda: "here") == "here"
    with pytest.raises(ValueError, match="mine"):
        within(60, lambda: int("mine"))
    with pytest.raises(TimeoutError, match=r"nothing within 0\.01 s"):
        within(0.01, go.wait, lacking="nothing", drop=dropped.put)
    go.set()
    assert dropped.get(timeout=60) is True


def test_threads_do_one_work_after_the_other_and_what_hangs_keeps_its_own() -> None:
    go = threading.Event()
    with pytest.raises(TimeoutError):
        within(0.01, lambda: go.wait() and threading.get_ident())
    used = {within(60, threading.get_ident) for _ in range(100)}
    assert len(used) < 20, "one is idle again a moment after its work was handed over"
    go.set()
