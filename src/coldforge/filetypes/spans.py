"""Files as spans of other files: what is left out, or stands in its place, needs no copy of the rest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import BinaryIO, NamedTuple

from coldforge.host.files import CHUNK


class Span(NamedTuple):
    """Bytes of a file, from where to where; or bytes that stand in their place."""

    start: int
    end: int
    instead: bytes | None = None


def pieces(stream: BinaryIO, spans: Iterable[Span]) -> Iterator[bytes]:
    """The bytes of spans, piece by piece. Raises EOFError when the file ends before one does."""
    for span in spans:
        if span.instead is not None:
            yield span.instead
            continue
        stream.seek(span.start)
        left = span.end - span.start
        while left:
            data = stream.read(min(left, CHUNK))
            if not data:
                raise EOFError("it is cut off")
            left -= len(data)
            yield data


def copied(stream: BinaryIO, spans: Iterable[Span], out: BinaryIO) -> None:
    """Write spans of a file, one after the other."""
    out.writelines(pieces(stream, spans))
