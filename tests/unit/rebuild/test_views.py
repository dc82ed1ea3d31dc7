"""Bytes are looked at without being copied: the same whether they fit into memory or not, and never more than allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from coldforge.rebuild.views import IN_MEMORY, Budget, file_of, first_offset, unpacked, view_of


@pytest.mark.parametrize("size", [0, 1, IN_MEMORY, IN_MEMORY + 1])
def test_what_is_unpacked_is_what_came(size: int) -> None:
    chunks = [b"x" * (1 << 16)] * (size >> 16) + [b"y" * (size & 0xFFFF)]
    assert bytes(unpacked(chunks, Budget())) == b"".join(chunks)


def test_a_budget_is_for_all_together() -> None:
    budget = Budget(10)
    unpacked([b"x" * 6], budget)
    with pytest.raises(ValueError, match="more than is looked at"):
        unpacked([b"x" * 5], budget)


def test_a_file_is_read_where_it_is_looked_at(tmp_path: Path) -> None:
    for data in (b"", b"some bytes"):
        (tmp_path / "file").write_bytes(data)
        assert bytes(view_of(tmp_path / "file")) == data


def test_a_view_is_a_file_for_libraries() -> None:
    stream = file_of(memoryview(b"0123456789"))
    stream.seek(-3, 2)
    assert (stream.read(), stream.tell()) == (b"789", 10)
    stream.seek(4)
    assert stream.read(2) == b"45"
    with pytest.raises(ValueError, match="before the start"):
        stream.seek(-11, 2)


@pytest.mark.parametrize("size", [1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1])
def test_the_first_difference_is_found_on_both_sides_of_a_piece(size: int) -> None:
    one, other = bytes(size), bytes(size - 1) + b"\1"
    assert first_offset(memoryview(one), memoryview(one)) is None
    assert first_offset(memoryview(one), memoryview(other)) == size - 1
    assert first_offset(memoryview(one), memoryview(one + b"\0")) == size
    assert first_offset(memoryview(one + b"\0"), memoryview(one)) == size
