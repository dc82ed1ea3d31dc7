"""xar archives, which packages for macOS are: what lies in one, and where. Nothing in one is believed.

Source: https://github.com/apple-oss-distributions/xar
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple
from xml.etree.ElementTree import Element, ParseError, fromstring

from coldforge.host.spans import Span, pieces

MAGIC: Final = b"xar!"
HEADER: Final = struct.Struct(">4sHHQQI")
_TABLE: Final = 64 << 20  # bytes of a table that are read
_ENTRIES: Final = 10_000
_DEPTH: Final = 32
PLAIN: Final = "application/octet-stream"
PACKED: Final = "application/x-gzip"  # which is zlib


class Entry(NamedTuple):
    """A file: where its bytes lie, how they are kept, and how many they are when unpacked."""

    path: str
    span: Span
    encoding: str
    size: int


class Table(NamedTuple):
    """What an archive says of itself: when it was made, the files in it, and whether it has a signature."""

    time: str
    entries: list[Entry]
    signed: bool


def entries(stream: BinaryIO) -> Table:
    """What an archive says of itself. Raises ValueError, struct.error or zlib.error when it is damaged."""
    end = stream.seek(0, 2)
    stream.seek(0)
    magic, start, _, packed, plain, _ = HEADER.unpack(stream.read(HEADER.size))
    if magic != MAGIC or plain > _TABLE or start + packed > end:
        raise ValueError("its header is damaged")
    stream.seek(start)
    text = zlib.decompressobj().decompress(stream.read(packed), plain + 1)
    if len(text) != plain or b"<!DOCTYPE" in text:  # which could define entities without end
        raise ValueError("its table is damaged")
    try:
        toc = fromstring(text.decode()).find("toc")  # noqa: S314  # without a document type there are no entities
    except ParseError as error:
        raise ValueError("its table is damaged") from error
    if toc is None:
        raise ValueError("it has no table")
    signed = any(toc.find(name) is not None for name in ("signature", "x-signature"))
    return Table(toc.findtext("creation-time", ""), list(_files(toc, "", start + packed, end)), signed)


def _files(parent: Element, folder: str, heap: int, end: int) -> Iterator[Entry]:
    if folder.count("/") > _DEPTH:
        raise ValueError("its folders go too deep")
    for number, element in enumerate(parent.findall("file")):
        if number > _ENTRIES:
            raise ValueError(f"it has more than {_ENTRIES} entries")
        path = f"{folder}{element.findtext('name', '')}"
        data = element.find("data")
        if data is not None:
            length, offset, size = (int(data.findtext(name, "")) for name in ("length", "offset", "size"))
            encoding = data.find("encoding")
            if min(length, offset, size) < 0 or heap + offset + length > end:
                raise ValueError("a file of it is cut off")
            style = PLAIN if encoding is None else encoding.get("style", "")
            yield Entry(path, Span(heap + offset, heap + offset + length), style, size)
        yield from _files(element, f"{path}/", heap, end)


def content(stream: BinaryIO, entry: Entry) -> Iterator[bytes]:
    """The bytes of a file. Raises ValueError, EOFError or zlib.error when they are not what is announced."""
    if entry.encoding == PLAIN:
        yield from pieces(stream, [entry.span])
        return
    if entry.encoding != PACKED:
        raise ValueError(f"{entry.path} is compressed by {entry.encoding}, which is not read")
    unpack, left = zlib.decompressobj(), entry.size
    for piece in pieces(stream, [entry.span]):
        data = unpack.decompress(piece, left + 1)
        left -= len(data)
        if left < 0:
            raise ValueError("a file of it unpacks to more than it says")
        yield data
    if left:
        raise EOFError("a file of it is cut off")
