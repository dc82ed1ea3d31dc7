"""What GitHub would refuse is found by names, sizes and numbers alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldforge.release.preflight import LARGEST, minutes, refused, renamed


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ({"a": LARGEST + 1}, ["GitHub accepts 2147483647"]),
        ({"a b": 1}, ["rename a b to a.b"]),
        ({"demo.deb": 1, "Demo.deb": 1}, ["would be one name"]),
        ({"demo~1": 1, "demo.1": 1}, ["rename demo~1", "would be one name"]),
        ({f"file{number}": 1 for number in range(1001)}, ["1001 files, GitHub accepts 1000"]),
        ({"a": LARGEST, "b": 0}, []),
        ({f"file{number}": 1 for number in range(1000)}, []),
    ],
)
def test_what_github_would_not_take(sizes: dict[str, int], words: list[str]) -> None:
    found = [problem.what for problem in refused(sizes)]
    assert len(found) == len(words)
    assert all(word in what for word, what in zip(words, found, strict=True))


@given(st.text(min_size=1))
def test_a_name_is_renamed_once(name: str) -> None:
    assert renamed(renamed(name)) == renamed(name)


def test_the_time_that_rates_cost() -> None:
    assert [minutes(number) for number in (0, 1, 80, 81, 161, 500, 501, 1000)] == [0, 0, 0, 1, 2, 6, 60, 66]
