"""What a file holds: its members, each with what is said of it besides its bytes."""

from __future__ import annotations

import struct
import tarfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from coldforge.rebuild.verdict import What

ENTRIES: Final = 200_000  # members that are looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One entry. `facts` are what is said of it besides its bytes, each a word of `Difference.what`."""

    name: str
    facts: Mapping[What, str] = field(default_factory=dict)
    read: Callable[[], memoryview]


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A file that holds others. `facts` are those of its own header; a compressed stream has one member without a name."""

    kind: str
    facts: Mapping[What, str] = field(default_factory=dict)
    members: tuple[Member, ...]


def damage() -> tuple[type[Exception], ...]:
    """What libraries raise when bytes make no sense."""
    import lzma
    import zipfile

    import zstandard

    return (
        tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, zstandard.ZstdError, struct.error, NotImplementedError,
        EOFError, ValueError, OSError, OverflowError, IndexError, KeyError, TypeError, RuntimeError, RecursionError,
    )  # fmt: skip
