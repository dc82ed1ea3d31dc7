"""Targets: the systems an artifact is for, `<os>-<arch>[-musl]`."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import Final, Self

from coldforge.errors import ConfigurationError

# Accepted on input, never printed.
_ALIASES: Final = {
    "win": "windows", "win32": "windows", "darwin": "macos", "osx": "macos", "mac": "macos",
    "amd64": "x86_64", "x64": "x86_64", "arm64": "aarch64",
}  # fmt: skip
KNOWN: Final = (
    "linux-x86_64", "linux-aarch64", "linux-x86_64-musl", "linux-aarch64-musl",
    "windows-x86_64", "windows-aarch64", "macos-x86_64", "macos-aarch64", "macos-universal2",
)  # fmt: skip


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """One system: operating system, architecture, and whether its C library is musl."""

    os: str
    arch: str
    musl: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """The target a user named; aliases such as `amd64` and `darwin` are understood.

        Raises ConfigurationError naming the nearest known target.
        """
        parts = [_ALIASES.get(part, part) for part in text.strip().lower().replace("_", "-").replace("x86-64", "x86_64").split("-")]
        canonical = "-".join(parts)
        if canonical not in KNOWN:
            from difflib import get_close_matches

            near = get_close_matches(canonical, KNOWN, n=1, cutoff=0.4)
            hint = f"did you mean {near[0]}? " if near else ""
            raise ConfigurationError(f"unknown target {text!r}", hint=f"{hint}Known targets: {', '.join(KNOWN)}.")
        return cls(parts[0], parts[1], "musl" in parts)

    def __str__(self) -> str:
        return f"{self.os}-{self.arch}" + ("-musl" if self.musl else "")

    @property
    def debian_arch(self) -> str:
        """Debian's word for the architecture."""
        return {"x86_64": "amd64", "aarch64": "arm64"}[self.arch]

    def program(self, name: str) -> str:
        """The file of an executable at the top of a tree."""
        return f"{name}.exe" if self.os == "windows" else name

    @property
    def halves(self) -> tuple[Target, ...]:
        """The targets that it is made of, none for one that is frozen itself."""
        return (Target(self.os, "x86_64"), Target(self.os, "aarch64")) if self.arch == "universal2" else ()

    @property
    def architectures(self) -> tuple[str, ...]:
        """What every piece of code in a tree for it must be made for."""
        return tuple(half.arch for half in self.halves) or (self.arch,)

    @property
    def machine(self) -> str:
        """What Python's `platform.machine()` is on it: what markers ask for."""
        own = {"windows": {"x86_64": "AMD64", "aarch64": "ARM64"}, "macos": {"aarch64": "arm64"}}
        return own.get(self.os, {}).get(self.arch, self.arch)

    @property
    def triple(self) -> str:
        """A system in the words of compilers and of uv."""
        if self.os != "linux":
            return f"{self.arch}-{'pc-windows-msvc' if self.os == 'windows' else 'apple-darwin'}"
        return f"{self.arch}-unknown-linux-{'musl' if self.musl else 'gnu'}"


def host_target() -> Target:
    """The target this machine itself is."""
    import platform

    system = {"linux": "linux", "win32": "windows", "darwin": "macos"}.get(sys.platform, "linux")
    machine = platform.machine().lower()
    return Target(system, _ALIASES.get(machine, machine), musl=system == "linux" and not glibc())


def glibc() -> str:
    """This machine's glibc, like `glibc 2.36`; empty where the C library is another, such as musl."""
    try:
        return os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (ValueError, AttributeError, OSError):
        return ""
