"""Sizes as areas: the squarified layout of a treemap, in plain numbers.

Source: Bruls, Huizing, van Wijk, "Squarified Treemaps" (2000).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple


class Box(NamedTuple):
    """A rectangle: its upper left corner, width and height, in the units of whoever asks."""

    x: float
    y: float
    width: float
    height: float

    def inner(self, edge: float, head: float = 0) -> Box:
        """What is left of it within an edge, and below a head."""
        return Box(self.x + edge, self.y + edge + head, max(0.0, self.width - 2 * edge), max(0.0, self.height - 2 * edge - head))


def squarified(sizes: Sequence[float], box: Box) -> tuple[Box, ...]:
    """A rectangle for each of the sizes, which are positive and sorted, the largest first; together they fill the box.

    >>> squarified([6, 6, 4, 3, 2, 2, 1], Box(0, 0, 6, 4))[0]
    Box(x=0, y=0.0, width=3.0, height=2.0)
    """
    total = sum(sizes)
    if not total or not box.width or not box.height:
        return tuple(Box(box.x, box.y, 0.0, 0.0) for _ in sizes)
    scale = box.width * box.height / total
    return tuple(_rows([size * scale for size in sizes], box))


def _rows(areas: Sequence[float], box: Box) -> Iterator[Box]:
    """Row after row along the shorter side; a row ends where one more would make its rectangles longer."""
    start = 0
    while start < len(areas):
        side = min(box.width, box.height)
        end = start + 1
        while end < len(areas) and _worst(areas[start : end + 1], side) <= _worst(areas[start:end], side):
            end += 1
        row = areas[start:end]
        thick = min(sum(row) / side, max(box.width, box.height)) if side else 0.0  # rounding makes the last of many too thick
        yield from _row(row, box, thick)
        box = _rest(box, thick)
        start = end


def _worst(row: Sequence[float], side: float) -> float:
    """The ratio of the sides of the row's longest rectangle."""
    if not side:
        return 1.0
    thick = sum(row) / side
    return max(max(area / thick, thick) / (min(area / thick, thick) or 1e-12) for area in (row[0], row[-1]))


def _row(row: Sequence[float], box: Box, thick: float) -> Iterator[Box]:
    offset, upright = 0.0, box.width >= box.height
    for area in row:
        free = max(0.0, (box.height if upright else box.width) - offset)  # and those of a very thin one too long
        length = min(area / thick, free) if thick else 0.0
        yield Box(box.x, box.y + offset, thick, length) if upright else Box(box.x + offset, box.y, length, thick)
        offset += length


def _rest(box: Box, thick: float) -> Box:
    """What a row leaves free."""
    if box.width >= box.height:
        return Box(box.x + thick, box.y, max(0.0, box.width - thick), box.height)
    return Box(box.x, box.y + thick, box.width, max(0.0, box.height - thick))
