"""What lacks, by what programs say before they end."""

from __future__ import annotations

import pytest

from coldforge.smoke.diagnosis import cannot_start, likely, missing

PACKAGES = {"libfoo.so.1": "libfoo1t64 | libfoo1", "libxcb-cursor.so.0": "libxcb-cursor0"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("OSError: libfoo.so.1: cannot open shared object file: No such file or directory", ("libfoo.so.1",)),
        ("ImportError: libGL.so.1: cannot open shared object file: No such file", ("libGL.so.1",)),
        ("\tlibglib-2.0.so.0 => not found\n\tlibc.so.6 => /lib/libc.so.6\n\tlibglib-2.0.so.0 => not found", ("libglib-2.0.so.0",)),
        ("qt.qpa.plugin: From 6.5.0, xcb-cursor0 or libxcb-cursor0 is needed to load the Qt xcb platform plugin.", ("libxcb-cursor.so.0",)),
        ("all is well with libfoo.so.1", ()),
    ],
)
def test_missing_libraries(text: str, found: tuple[str, ...]) -> None:
    assert missing(text) == found


def test_a_missing_library_is_told_with_its_package() -> None:
    (told,) = likely("libfoo.so.1: cannot open shared object file", ["libfoo.so.1"], PACKAGES)
    assert told.startswith("libfoo.so.1 is not there: Debian's package for it is libfoo1t64 | libfoo1")
    assert 'depends = ["libfoo1t64 | libfoo1"]' in told


def test_a_library_that_only_the_loader_misses_and_one_that_nobody_packages() -> None:
    told = list(likely("libodd.so.9: cannot open shared object file", ["libfoo.so.1"], PACKAGES))
    assert told[0].startswith("libodd.so.9 is not there: no known package")
    assert told[1].startswith("libfoo.so.1 is not there: Debian's package")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ModuleNotFoundError: No module named 'app.plugins'", "app.plugins was not collected"),
        ("PackageNotFoundError: No package metadata was found for app-core", "metadata of app-core"),
        ("FileNotFoundError: [Errno 2] No such file or directory: '/opt/x/_internal/app/a.txt'", "app/a.txt was not collected"),
        ("PermissionError: [Errno 13] Permission denied: '/home/person/.app'", "it wants to write /home/person/.app"),
    ],
)
def test_other_causes(text: str, words: str) -> None:
    (told,) = likely(text, (), PACKAGES)
    assert words in told


@pytest.mark.parametrize(
    ("text", "is_lost"),
    [
        ("`timeout` ended with exit code 127 in the container\ntimeout: failed to run command 'tiny': No such file or directory", True),
        ("`timeout` ended with exit code 126 in the container\ntimeout: failed to run command 'tiny': Permission denied", True),
        ("`timeout` ended with exit code 53 in the container\n", True),
        ("`timeout` ended with exit code 124 in the container\nListening on port 80", False),
        ("`timeout` ended with exit code 1 in the container\nError loading configuration: there is no tiny.toml", False),
        ("`timeout` ended with exit code 1 in the container\nsh: git: command not found", False),
        ("Error loading shared library libz.so.1: No such file or directory (needed by tiny)", True),
        ("Error relocating /opt/tiny/_internal/libx.so: gnu_get_libc_version: symbol not found", True),
    ],
)
def test_a_program_cannot_start_when_freezing_lost_something(text: str, is_lost: bool) -> None:
    assert cannot_start(text) == is_lost
