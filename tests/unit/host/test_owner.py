"""Only what belongs to a process of this very system that has ended is taken for abandoned."""

from __future__ import annotations

import pytest

from coldforge.host.owner import is_dead, this_process


def test_this_process_is_alive() -> None:
    assert this_process()
    assert not is_dead(this_process())


def test_another_process_with_the_same_number_is_not_this_one() -> None:
    place, _, life = this_process().rpartition(" ")
    number = life.partition(".")[0]
    assert is_dead(f"{place} {number}.1")


def test_a_number_that_nobody_has_is_dead() -> None:
    place, _, _ = this_process().rpartition(" ")
    assert is_dead(f"{place} 999999999.1")


@pytest.mark.parametrize("owner", ["", "4711", "another-boot pid:[4026531836] 999999999.1", " ", "x y z"])
def test_what_cannot_be_judged_from_here_is_left_alone(owner: str) -> None:
    assert not is_dead(owner)
