"""Where the streams of a gzip file end: an apk is two of them in one file, or three when it is signed."""

from __future__ import annotations

import zlib
from typing import BinaryIO, Final, NamedTuple

HEAD: Final = 1 << 14  # bytes of a stream's content that are kept: a tar with a few signatures is smaller
_PIECE: Final = 1 << 16
_LARGEST: Final = 16 << 30  # bytes that one stream unpacks to


class Stream(NamedTuple):
    """A stream of gzip: where it ends in the file, the first bytes of what is in it, and how many there are."""

    end: int
    head: bytes
    size: int


def stream_at(stream: BinaryIO, start: int) -> Stream:
    """The gzip stream that begins at `start`.

    Raises EOFError when it has no end, zlib.error when it is damaged, ValueError when it unpacks to more than anybody needs.
    """
    stream.seek(start)
    inflate, head, left, amount = zlib.decompressobj(wbits=31), b"", b"", 0
    while not inflate.eof:
        left = left or stream.read(_PIECE)
        if not left:
            raise EOFError("it is cut off")
        data = inflate.decompress(left, _PIECE)
        left = inflate.unconsumed_tail
        head, amount = (head + data)[:HEAD], amount + len(data)
        if amount > _LARGEST:
            raise ValueError("it unpacks to more than is looked at")
    return Stream(stream.tell() - len(inflate.unused_data), head, amount)
