"""Locks of every writer are read into the same pins."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldforge.errors import ConfigurationError
from coldforge.freeze.requirements import holds, normalised, pins, recorded

TEXT = """\
--index-url https://example.org/simple
# a comment
Zope.Interface[test]==7.2 ; python_version < "3.13" \\
    --hash=sha256:bb \\
    --hash=sha256:aa
    # via something
click==8.1 --hash=sha256:cc
"""


def test_names_versions_markers_and_hashes() -> None:
    click, zope = pins(TEXT)
    assert (click.name, click.version, click.marker) == ("click", "8.1", "")
    assert (zope.name, zope.version, zope.marker) == ("zope-interface", "7.2", 'python_version < "3.13"')
    assert zope.distribution.hashes == ("sha256:aa", "sha256:bb")
    assert "\n" not in zope.line


def test_windows_line_ends_are_read() -> None:
    assert pins(TEXT.replace("\n", "\r\n")) == pins(TEXT)


def test_only_what_is_installed_is_recorded() -> None:
    assert [dist.name for dist in recorded(pins(TEXT), "3.12.1")] == ["click", "zope-interface"]
    assert [dist.name for dist in recorded(pins(TEXT), "3.13.0")] == ["click"]


def test_the_words_of_windows_for_a_machine_mean_windows() -> None:
    for marker in ("sys_platform == 'win32'", "os_name == 'nt'", "platform_system == 'Windows'", "platform_machine == 'AMD64'"):
        assert holds(marker, "3.13.2", "AMD64")
        assert not holds(marker, "3.13.2", "x86_64")


def test_a_marker_that_cannot_be_read_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match="no marker at all"):
        holds("no marker at all", "3.11.1")


@pytest.mark.parametrize("name", ["Friendly-Bard", "FRIENDLY.BARD", "friendly__bard", "FrIeNdLy-._.-bArD"])
def test_names_are_compared_as_the_index_does(name: str) -> None:
    assert normalised(name) == "friendly-bard"  # the examples of PEP 503


@given(st.lists(st.tuples(st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True), st.integers(0, 99)), unique_by=lambda p: p[0]))
def test_whatever_is_written_is_read(written: list[tuple[str, int]]) -> None:
    text = "".join(f"{name}=={version}.0 \\\n    --hash=sha256:{version:064x}\n" for name, version in written)
    assert {(pin.name, pin.version) for pin in pins(text)} == {(normalised(name), f"{version}.0") for name, version in written}


def test_markers_of_another_machine_are_those_of_the_target() -> None:
    marker = "platform_machine == 'aarch64'"
    assert holds(marker, "3.11.2", "aarch64")
    assert not holds(marker, "3.11.2", "riscv64")
    (pin,) = pins(f"click==8.1 ; {marker} --hash=sha256:cc")
    assert [dist.name for dist in recorded([pin], "3.11.2", "aarch64")] == ["click"]
    assert recorded([pin], "3.11.2", "x86_64") == ()
