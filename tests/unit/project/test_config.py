"""The forms of values that packages hold: what a package manager would refuse is refused before anything is built."""

from __future__ import annotations

import msgspec
import pytest

from coldforge.project.config import Config


@pytest.mark.parametrize(
    ("form", "relation"),
    [
        ("deb", "libmpv2 (>= 0.35)"),
        ("deb", "libfoo1t64 | libfoo1"),
        ("deb", "python3:any (<<3.13~)"),
        ("rpm", "libX.so.1()(64bit)"),
        ("rpm", "perl(Foo::Bar) >= 1:1.2"),
        ("rpm", "/usr/bin/sh"),
        ("rpm", "(foo if bar)"),
        ("arch", "foo>=1:2-1"),
        ("arch", "libx.so=1-64"),
        ("apk", "so:libc.musl-x86_64.so.1"),
        ("apk", "!bar"),
        ("ipk", "libpthread"),
    ],
)
def test_what_package_managers_know(form: str, relation: str) -> None:
    msgspec.convert({form: {"depends": [relation]}}, Config)


@pytest.mark.parametrize("key", ["depends", "conflicts", "provides", "replaces"])
@pytest.mark.parametrize(
    ("form", "relation"),
    [
        *((form, relation) for form in ("deb", "rpm", "arch", "apk", "ipk") for relation in ("", "a\nb: c", "foo >= ", "Foo Bar")),
        ("deb", "foo (>= 1"),
        ("deb", "foo >= 1"),
        ("deb", "foo, bar"),
        ("rpm", "(foo if bar"),
        ("arch", "foo >= 1"),
        ("apk", "foo bar"),
    ],
)
def test_what_they_would_refuse(form: str, relation: str, key: str) -> None:
    with pytest.raises(msgspec.ValidationError, match="matching regex"):
        msgspec.convert({form: {key: [relation]}}, Config)
