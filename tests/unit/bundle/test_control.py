"""What a package says of itself keeps to the archive's rules, whatever the project wrote."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldforge.bundle import control
from coldforge.project.config import Product
from coldforge.records import Payload
from support.releases import ENVIRONMENT


def product(summary: str = "", description: str = "") -> Product:
    return Product(name="demo", version="1", display_name="Demo App", summary=summary, description=description)


@pytest.mark.parametrize(
    ("summary", "expected"),
    [
        ("Shows things.", "Shows things"),
        ("demo: shows things", "shows things"),
        ("Demo App - shows things...", "shows things"),
        ("Demo is a tool that shows", "tool that shows"),
        ("The best one", "best one"),
        ("An almanac\nof  the sun", "almanac of the sun"),
        ("", "frozen application"),
        ("demo", "frozen application"),
        ("A", "A"),
        ("demons are shown", "demons are shown"),
    ],
)
def test_the_synopsis(summary: str, expected: str) -> None:
    assert control.synopsis(product(summary)) == expected


@given(st.text(max_size=300))
def test_any_summary_becomes_one_short_line(text: str) -> None:
    made = control.synopsis(product(text))
    assert 0 < len(made) <= control.SYNOPSIS
    assert made == " ".join(made.split())


@given(st.text(max_size=3000))
def test_any_description_becomes_lines_that_are_no_fields(text: str) -> None:
    lines = control.extended(product(description=text)).split("\n")
    assert 0 < len(lines) <= 20
    assert all(line.strip() and not line.startswith(".") for line in lines)


def payload(*requires: str, floor: str = "glibc-2.28") -> Payload:
    return Payload(target="linux-x86_64", freezer="f", key="k", files=(), environment=ENVIRONMENT, requires=requires, glibc_floor=floor)


def test_dependencies_are_the_floor_what_was_found_and_what_was_added() -> None:
    found = control.depends(payload("libz.so.1", "libX11.so.6", "libodd.so.3"), ["libx11-6", "git (>= 2)\nX: y"])
    assert found == ("libc6 (>= 2.28)", "libx11-6", "zlib1g", "git (>= 2) X: y")
    assert control.depends(payload(floor=""), []) == ()


def test_a_library_without_a_known_package_is_told_unless_one_is_named() -> None:
    needed = payload("libz.so.1", "libmpv.so.2", "libodd.so.3")
    assert list(control.unknown(needed, [])) == ["libmpv.so.2", "libodd.so.3"]
    assert list(control.unknown(needed, ["libmpv2 (>= 0.35)"])) == ["libodd.so.3"]
