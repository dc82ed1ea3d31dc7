"""The layout of a treemap: areas are sizes, nothing overlaps, nothing is outside."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from coldforge.report.treemap import Box, squarified

SIZES = st.lists(st.integers(1, 10**9), min_size=1, max_size=30).map(lambda sizes: sorted(sizes, reverse=True))
BOX = Box(10, 20, 1200, 640)


def overlap(one: Box, two: Box) -> float:
    """The area that both cover."""
    width = min(one.x + one.width, two.x + two.width) - max(one.x, two.x)
    height = min(one.y + one.height, two.y + two.height) - max(one.y, two.y)
    return max(0.0, width) * max(0.0, height)


@given(SIZES)
def test_the_areas_are_the_sizes_and_fill_the_box(sizes: list[int]) -> None:
    boxes = squarified(sizes, BOX)
    scale = BOX.width * BOX.height / sum(sizes)
    assert [box.width * box.height for box in boxes] == pytest.approx([size * scale for size in sizes], rel=1e-6, abs=1e-6)
    assert sum(box.width * box.height for box in boxes) == pytest.approx(BOX.width * BOX.height)


@given(SIZES)
@example([63319181, 1])
@example([63319182, 63319182, 19196034, 6042550, 1661956, 762361, 1])
def test_nothing_overlaps_or_is_outside(sizes: list[int]) -> None:
    boxes = squarified(sizes, BOX)
    assert all(overlap(one, two) < 1e-3 for one, two in combinations(boxes, 2))
    for box in boxes:
        assert BOX.x - 1e-6 <= box.x <= box.x + box.width <= BOX.x + BOX.width + 1e-6
        assert BOX.y - 1e-6 <= box.y <= box.y + box.height <= BOX.y + BOX.height + 1e-6


def test_the_example_of_the_paper() -> None:
    boxes = squarified([6, 6, 4, 3, 2, 2, 1], Box(0, 0, 6, 4))
    expected = [
        (0, 0, 3, 2),
        (0, 2, 3, 2),
        (3, 0, 12 / 7, 7 / 3),
        (33 / 7, 0, 9 / 7, 7 / 3),
        (3, 7 / 3, 1.2, 5 / 3),
        (4.2, 7 / 3, 1.2, 5 / 3),
    ]
    assert [value for box in boxes[:6] for value in box] == pytest.approx([value for box in expected for value in box])


@pytest.mark.parametrize("box", [Box(0, 0, 0, 5), Box(0, 0, 5, 0)])
def test_in_no_space_there_is_nothing(box: Box) -> None:
    assert squarified([2, 1], box) == (Box(0, 0, 0, 0), Box(0, 0, 0, 0))
    assert squarified([], BOX) == ()
