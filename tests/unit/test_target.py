"""Targets: one spelling out, several in."""

from __future__ import annotations

import os
import sys

import pytest

from coldforge.errors import ConfigurationError
from coldforge.target import KNOWN, Target, glibc, host_target


@pytest.mark.parametrize("name", KNOWN)
def test_every_known_target_is_its_own_text(name: str) -> None:
    assert str(Target.parse(name)) == name


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("linux-amd64", "linux-x86_64"),
        ("Linux-X86-64", "linux-x86_64"),
        ("darwin-arm64", "macos-aarch64"),
        ("win-x64", "windows-x86_64"),
        ("linux-arm64-musl", "linux-aarch64-musl"),
    ],
)
def test_aliases_are_understood(alias: str, name: str) -> None:
    assert str(Target.parse(alias)) == name


@pytest.mark.parametrize("text", ["", "linux", "linux-sparc", "linux-x86_64-gnu", "plan9-amd64", "linux x86_64;rm"])
def test_an_unknown_target_names_the_known_ones(text: str) -> None:
    with pytest.raises(ConfigurationError, match="unknown target") as caught:
        Target.parse(text)
    assert "linux-x86_64" in caught.value.hint


def test_a_near_miss_is_suggested() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Target.parse("linux-x86_46")
    assert "did you mean linux-x86_64" in caught.value.hint


def test_this_machine_is_a_target() -> None:
    assert str(host_target()) in KNOWN


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="C libraries are told apart on Linux")
@pytest.mark.parametrize(("said", "musl"), [("glibc 2.36", False), ("", True), (OSError(22, "Invalid argument"), True)])
def test_a_machine_whose_c_library_is_musl(said: str | OSError, *, musl: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """What musl's Python says when it is asked for glibc's version: nothing, or that there is no such thing."""

    def confstr(_name: str) -> str:
        if isinstance(said, OSError):
            raise said
        return said

    monkeypatch.setattr(os, "confstr", confstr)
    assert host_target().musl is musl
    assert glibc() == ("" if musl else said)


@pytest.mark.parametrize(
    ("target", "triple", "machine"),
    [
        ("linux-aarch64-musl", "aarch64-unknown-linux-musl", "aarch64"),
        ("windows-x86_64", "x86_64-pc-windows-msvc", "AMD64"),
        ("windows-aarch64", "aarch64-pc-windows-msvc", "ARM64"),
        ("macos-aarch64", "aarch64-apple-darwin", "arm64"),
    ],
)
def test_a_target_in_the_words_of_uv_and_of_python(target: str, triple: str, machine: str) -> None:
    assert (Target.parse(target).triple, Target.parse(target).machine) == (triple, machine)


def test_programs_of_windows_have_a_suffix() -> None:
    assert (Target("windows", "x86_64").program("demo"), Target("linux", "x86_64").program("demo")) == ("demo.exe", "demo")
