"""xar archives, which packages for macOS are: what lies in one, and where, and how its table is written. Nothing in one is believed.

Source: https://github.com/apple-oss-distributions/xar
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final, NamedTuple
from xml.etree.ElementTree import Element, ParseError, SubElement, fromstring, tostring

from coldforge.filetypes.spans import Span, pieces

MAGIC: Final = b"xar!"
HEADER: Final = struct.Struct(">4sHHQQI")
_TABLE: Final = 64 << 20  # bytes of a table that are read
_ENTRIES: Final = 10_000
_DEPTH: Final = 32
PLAIN: Final = "application/octet-stream"
PACKED: Final = "application/x-gzip"  # which is zlib
FILE, FOLDER = "0644", "0755"  # the modes of what is in an archive of ours
_SHA1: Final = "sha1"
_BLOCK: Final = 0xFFFF  # bytes of a block of zlib's that is not compressed


class Entry(NamedTuple):
    """A file: where its bytes lie, how they are kept, how many they are when unpacked, and the SHA-1 of both."""

    path: str
    span: Span
    encoding: str
    size: int
    plain: str = ""
    kept: str = ""


class Table(NamedTuple):
    """What an archive says of itself: when it was made, the files in it, and whether it has a signature."""

    time: str
    entries: list[Entry]
    signed: bool


class Toc(NamedTuple):
    """The table itself: as it lies there, read, and where the bytes begin that it tells of."""

    packed: bytes
    element: Element
    heap: int


def toc(stream: BinaryIO) -> Toc:
    """The table of an archive. Raises ValueError, struct.error or zlib.error when it is damaged."""
    end = stream.seek(0, 2)
    stream.seek(0)
    magic, start, _, packed, plain, _ = HEADER.unpack(stream.read(HEADER.size))
    if magic != MAGIC or plain > _TABLE or start + packed > end:
        raise ValueError("its header is damaged")
    stream.seek(start)
    kept = stream.read(packed)
    text = zlib.decompressobj().decompress(kept, plain + 1)
    if len(text) != plain or b"<!DOCTYPE" in text:  # which could define entities without end
        raise ValueError("its table is damaged")
    try:
        element = fromstring(text.decode()).find("toc")  # noqa: S314  # without a document type there are no entities
    except ParseError as error:
        raise ValueError("its table is damaged") from error
    if element is None:
        raise ValueError("it has no table")
    return Toc(kept, element, start + packed)


def entries(stream: BinaryIO) -> Table:
    """What an archive says of itself. Raises as `toc`."""
    found = toc(stream)
    signed = any(found.element.find(name) is not None for name in ("signature", "x-signature"))
    return Table(found.element.findtext("creation-time", ""), list(_files(found.element, "", found.heap, stream.seek(0, 2))), signed)


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
            sums = (data.findtext(name, "").lower() for name in ("extracted-checksum", "archived-checksum"))
            yield Entry(path, Span(heap + offset, heap + offset + length), style, size, *sums)
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


def head(files: Sequence[Entry], time: str) -> bytes:
    """What lies before the files of an archive, in the one form that they and a time have: header, table, and its checksum.

    Their places are counted from where the first begins. The table is not compressed, so that it is the same whatever zlib there is.
    """
    xar = Element("xar")
    table = SubElement(xar, "toc")
    checksum = SubElement(table, "checksum", style=_SHA1)
    length = hashlib.sha1(usedforsecurity=False).digest_size
    for name, value in (("offset", 0), ("size", length)):
        SubElement(checksum, name).text = str(value)
    SubElement(table, "creation-time").text = time
    folders = {"": table}
    for number, entry in enumerate(files):
        folder, _, name = entry.path.rpartition("/")
        if folder not in folders:
            folders[folder] = _entry(table, number + len(folders), folder, "directory", FOLDER)
        _file(_entry(folders[folder], number + len(folders), name, "file", FILE), entry, length)
    plain = b'<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(xar, encoding="utf-8")
    packed = _stored(plain)
    return HEADER.pack(MAGIC, HEADER.size, 1, len(packed), len(plain), 1) + packed + hashlib.sha1(packed, usedforsecurity=False).digest()


def _entry(parent: Element, number: int, name: str, kind: str, mode: str) -> Element:
    entry = SubElement(parent, "file", id=str(number))
    for tag, text in (("name", name), ("type", kind), ("mode", mode)):
        SubElement(entry, tag).text = text
    return entry


def _file(element: Element, entry: Entry, start: int) -> None:
    found = SubElement(element, "data")
    for name, value in (("length", entry.span.end - entry.span.start), ("offset", start + entry.span.start), ("size", entry.size)):
        SubElement(found, name).text = str(value)
    SubElement(found, "encoding", style=entry.encoding)
    SubElement(found, "extracted-checksum", style=_SHA1).text = entry.plain
    SubElement(found, "archived-checksum", style=_SHA1).text = entry.kept


def _stored(data: bytes) -> bytes:
    """Bytes as zlib has them that are not compressed (RFC 1950, RFC 1951 3.2.4)."""
    blocks = [data[place : place + _BLOCK] for place in range(0, len(data), _BLOCK)]
    made = (struct.pack("<BHH", block is blocks[-1], len(block), len(block) ^ 0xFFFF) + block for block in blocks)
    return b"\x78\x01" + b"".join(made) + zlib.adler32(data).to_bytes(4, "big")
