"""What a package says of itself is read as it was written."""

from __future__ import annotations

from coldforge.bundle.linux import pkginfo


def test_what_is_written_is_read() -> None:
    text = pkginfo.text([("pkgname", "demo"), ("depend", "a>=1"), ("url", " "), ("depend", "b"), ("pkgdesc", "two\nlines = one")])
    assert text == b"pkgname = demo\ndepend = a>=1\ndepend = b\npkgdesc = two lines = one\n"
    assert pkginfo.fields(text.decode()) == {"pkgname": ["demo"], "depend": ["a>=1", "b"], "pkgdesc": ["two lines = one"]}


def test_other_lines_are_left_out() -> None:
    assert pkginfo.fields("# key = value\nnothing\n\npkgver = 1-1\n") == {"pkgver": ["1-1"]}
