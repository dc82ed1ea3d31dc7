"""An interrupt waits for the end of what must not be left half-way, and is not lost."""

from __future__ import annotations

import signal
import threading

import pytest

from coldforge.host.interrupt import held_back


def test_an_interrupt_takes_effect_after_the_block() -> None:
    done = []

    def work() -> None:
        with held_back():
            signal.raise_signal(signal.SIGINT)
            done.append("the whole block")
        done.append("not this")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["the whole block"]


def test_sigterm_goes_to_its_own_handler_afterwards() -> None:
    came: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _frame: came.append(number))
    try:
        with held_back():
            signal.raise_signal(signal.SIGTERM)
            assert came == []
        assert came == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)


def test_handlers_are_as_before_and_errors_pass() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(ValueError, match="mine"), held_back():
        raise ValueError("mine")
    assert signal.getsignal(signal.SIGINT) is before


def test_other_threads_are_not_interrupted_anyway() -> None:
    done = []

    def work() -> None:
        with held_back():
            done.append(1)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(timeout=10)
    assert done == [1]
