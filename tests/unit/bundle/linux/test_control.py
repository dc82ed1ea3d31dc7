"""What a package says of itself keeps to the archive's rules, whatever the project wrote."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from coldforge.bundle.linux import control
from coldforge.freeze.binaries import Priority
from coldforge.project.config import Product
from coldforge.project.debian import SYNOPSIS
from coldforge.records import Need, Payload
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
@example("0\r.")
def test_any_summary_becomes_one_short_line(text: str) -> None:
    made = control.synopsis(product(text))
    assert 0 < len(made) <= SYNOPSIS
    assert made == " ".join(made.split())


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        ("It shows things. On a\nscreen.", "On a screen."),
        ("it shows things.", "Demo App with everything that it needs to run."),
        ("It shows things", "Demo App with everything that it needs to run."),
        ("It shows things on a screen.", "It shows things on a screen."),
        ("Things are shown.", "Things are shown."),
    ],
)
def test_the_longer_text_does_not_begin_with_the_synopsis(description: str, expected: str) -> None:
    assert control.extended(product("It shows things.", description)) == expected


@given(st.text(max_size=3000))
def test_any_description_becomes_lines_that_are_no_fields(text: str) -> None:
    lines = control.extended(product(description=text)).split("\n")
    assert 0 < len(lines) <= 20
    assert all(line.strip() and not line.startswith(".") for line in lines)


PACKAGES = {"libz.so.1": "zlib1g", "libX11.so.6": "libx11-6", "libdbus-1.so.3": "libdbus-1-3", "libout.so.2": ""}


def payload(*needs: Need, floor: str = "glibc-2.28") -> Payload:
    return Payload(target="linux-x86_64", freezer="f", key="k", files=(), environment=ENVIRONMENT, needs=needs, glibc_floor=floor)


def need(soname: str, priority: Priority = "required") -> Need:
    return Need(soname=soname, by="demo", priority=priority)


def test_dependencies_are_the_floor_what_was_found_and_what_was_added() -> None:
    made = payload(need("libz.so.1"), need("libX11.so.6"), need("libodd.so.3"), need("libout.so.2"), need("libdbus-1.so.3", "recommended"))
    assert control.depends(made, PACKAGES, ["libx11-6", "git (>= 2)\nX: y"]) == ("libc6 (>= 2.28)", "libx11-6", "zlib1g", "git (>= 2) X: y")
    assert control.depends(payload(floor=""), PACKAGES, []) == ()


def test_what_is_only_used_when_it_is_there_is_recommended() -> None:
    made = payload(need("libz.so.1"), need("libdbus-1.so.3", "recommended"), need("libX11.so.6", "suggested"))
    assert control.recommends(made, PACKAGES, ["fonts-dejavu"]) == ("libdbus-1-3", "fonts-dejavu")
