"""Causes that need more than one mark, and marks that must not be taken for a cause."""

from __future__ import annotations

import pytest

from coldforge.rebuild.causes import UNKNOWN, likely
from coldforge.rebuild.verdict import What

CASES: list[tuple[What, tuple[str, ...], str, str, str]] = [
    ("content", ("it", "lib/libx.so.1", ".comment"), "GCC: (Debian 12.2.0)", "GCC: (Debian 14.2.0)", "another compiler"),
    ("content", ("it", "lib/libx.so.1", ".text", "run"), "00 01", "00 02", "another build of the library"),
    ("content", ("it", "lib/libx.so.1", ".rodata"), "/build/a/x.c", "/build/b/x.c", "the path of the build"),
    ("content", ("it", "a.pyc", "<module>", "filename"), "'x.py'", "'y.py'", "the path of the build, in byte code"),
    ("content", ("it", "version.txt", "line 1"), "1767323045", "1795609800", "a time of the build"),
    ("content", ("it", "motd", "line 1"), "Jan  2", "Nov 25", "a time of the build"),
    ("content", ("it", "a", "byte 3"), "00", "01", UNKNOWN),
]


@pytest.mark.parametrize(("what", "where", "released", "rebuilt", "cause"), CASES)
def test_a_cause_is_told_by_its_marks(what: What, where: tuple[str, ...], released: str, rebuilt: str, cause: str) -> None:
    assert likely(what, where, released, rebuilt).startswith(cause)


def test_a_mark_in_one_of_both_is_no_cause() -> None:
    """A text that replaces a path is another source; only two paths are two folders."""
    assert "path" not in likely("content", ("it", "a", "line 1"), "in /home/ann", "nowhere")
