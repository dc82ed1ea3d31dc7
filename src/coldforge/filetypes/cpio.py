"""Headers of cpio archives of the old ASCII format (`odc`): what packages for macOS hold. Nothing in one is believed.

Source: cpio(5)
"""

from __future__ import annotations

from typing import Final, NamedTuple

MAGIC: Final = b"070707"
SIZE: Final = 76
LAST: Final = "TRAILER!!!"
_FIELDS: Final = ((18, 24), (24, 30), (30, 36), (48, 59), (59, 65), (65, 76))
_NAME: Final = 1 << 16


class Header(NamedTuple):
    """What is said of an entry, and how many bytes its name has with the zero behind it."""

    mode: int
    uid: int
    gid: int
    time: int
    length: int
    size: int


def header(data: bytes) -> Header:
    """The header of an entry. Raises ValueError for what is none."""
    if len(data) < SIZE or not data.startswith(MAGIC):
        raise ValueError("a header of it is damaged")
    found = Header(*(int(data[start:end], 8) for start, end in _FIELDS))
    if min(found) < 0 or not 1 <= found.length <= _NAME:
        raise ValueError("a header of it is damaged")
    return found


def name(data: bytes) -> str:
    """A name as it stands behind a header."""
    return data.removesuffix(b"\0").decode(errors="surrogateescape")
