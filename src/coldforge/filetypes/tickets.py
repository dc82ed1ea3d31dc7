"""Apple's tickets, by the format of what has them: how each is put to a file, found in it, and asked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from coldforge.filetypes import developer, images, pkg
from coldforge.filetypes.spans import Span, copied


class Stapled(Protocol):
    """A module about a format whose files carry signature and ticket: `images` and `pkg`."""

    def read(self, stream: BinaryIO) -> developer.By | None:
        """Who has signed it; None for nobody. Raises one of `signed.damage()` when that is not this file."""
        ...

    def record(self, stream: BinaryIO) -> str:
        """What its ticket is asked for by. Raises ValueError when it is not signed."""
        ...

    def ticket(self, stream: BinaryIO) -> bytes:
        """Its ticket, empty for none."""
        ...

    def stapled(self, stream: BinaryIO, ticket: bytes) -> tuple[Span, ...]:
        """It with a ticket, as spans of it. Raises ValueError when it is not signed."""
        ...


FORMATS: Final[Mapping[str, Stapled]] = {"dmg": images, "pkg": pkg}


def staple(file: Path, form: str, ticket: bytes, out: Path) -> None:
    """Write a signed file with a ticket to another file. Raises as `Stapled.stapled`."""
    with file.open("rb") as stream, out.open("wb") as made:
        copied(stream, FORMATS[form].stapled(stream, ticket), made)
