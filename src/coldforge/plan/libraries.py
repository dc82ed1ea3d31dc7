"""What a package asks its system for: the libraries that the tree leaves to it, in each family's words.

Debian and Arch Linux name packages, which tables tell (build/libraries/). RPM and apk name the libraries themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, Literal

from coldforge import recipes
from coldforge.records import Need
from coldforge.target import Target

DEBIAN: Final = "build/libraries/debian.txt"
ARCH: Final = "build/libraries/arch.txt"
# The parts of the C library itself: its version is the floor, they are no dependency of their own.
_GLIBC: Final = re.compile(
    r"lib(c|m)\.so\.6|lib(dl|resolv)\.so\.2|libpthread\.so\.0|lib(rt|util|nsl|anl|mvec|thread_db)\.so\.1|ld-linux[\w-]*\.so\.\d"
)
_MUSL: Final = re.compile(r"libc\.so|libc\.musl-\w+\.so\.1|ld-musl-\w+\.so\.1")  # as it calls itself, and as Alpine calls it


def c_library(soname: str) -> Literal["", "glibc", "musl"]:
    """The C library that a soname is a part of; empty for every other library.

    >>> c_library("ld-linux-x86-64.so.2"), c_library("libc.so"), c_library("libcairo.so.2")
    ('glibc', 'musl', '')
    """
    return "glibc" if _GLIBC.fullmatch(soname) else "musl" if _MUSL.fullmatch(soname) else ""


def known(project: Path | None = None, table: str = DEBIAN) -> Mapping[str, str]:
    """A distribution's packages by soname, each as a dependency: `libglib2.0-0t64 | libglib2.0-0`."""
    lines = recipes.find(table, project).read_text(encoding="utf-8").splitlines()
    return dict(line.split(" ", 1) for line in lines if line and not line.startswith("#"))


def named(needs: Iterable[Need], packages: Mapping[str, str], priority: str = "required") -> tuple[str, ...]:
    """The dependencies for what is needed with this priority, as far as the packages are known. An empty text asks for nothing."""
    return tuple(sorted({packages[need.soname] for need in needs if need.priority == priority and packages.get(need.soname)}))


def unknown(needs: Iterable[Need], packages: Mapping[str, str], declared: Iterable[str]) -> Iterator[Need]:
    """What is required of the system without a package that is known to bring it.

    A declared dependency counts for a library whose name it starts with: `libmpv2` for `libmpv.so.2`.
    """
    named = tuple(package.strip().lower() for package in declared)
    for need in needs:
        stem = need.soname.partition(".so")[0].lower()
        if need.priority == "required" and need.soname not in packages and not any(package.startswith(stem) for package in named):
            yield need


def rpm(needs: Iterable[Need], floor: str, priority: str = "required") -> tuple[str, ...]:
    """The same for RPM, whose packages provide their libraries by name: `libGL.so.1()(64bit)`.

    Both of coldforge's Linux architectures are marked `(64bit)`. `floor` is like glibc-2.28, or empty.
    Source: rpm's elfdeps, https://rpm-software-management.github.io/rpm/manual/dependency_generators.html
    """
    number = floor.removeprefix("glibc-")
    own = [f"libc.so.6(GLIBC_{number})(64bit)"] if number and priority == "required" else []
    return (*own, *sorted(f"{need.soname}()(64bit)" for need in needs if need.priority == priority))


def apk(needs: Iterable[Need], target: Target) -> tuple[str, ...]:
    """The same for apk, whose packages provide their libraries by name: `so:libGL.so.1`; and the C library, which it cannot mix up."""
    own = f"so:libc.musl-{target.arch}.so.1" if target.musl else "so:libc.so.6"
    return (own, *sorted(f"so:{need.soname}" for need in needs if need.priority == "required"))
