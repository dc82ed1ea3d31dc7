"""What compiled modules import is found by the names in them."""

from __future__ import annotations

from freezing.inside import named_in

NAMES = {"pack", "pack._a", "pack._a.deep", "pack.plain", "pack.tests.helper", "other"}


def test_a_name_counts_that_is_a_whole_text() -> None:
    data = b"\x7fELF..pack._a\0 pack.plain\xff pack._a.deep.more\0 unpack\0 \x02other\0xpack._a.deep\0pack.absent\0"
    assert named_in(data, NAMES) == {"pack._a"}


def test_what_is_for_tests_only_is_left_alone() -> None:
    assert named_in(b"pack.tests.helper\0", NAMES) == set()


def test_what_is_long_and_means_nothing_is_passed_by() -> None:
    assert named_in(b"pack." * 20_000 + b"\0" + b"a" * 1_000_000 + b"\0pack._a\0", NAMES) == {"pack._a"}
