"""The container of Windows' app packages: a zip whose files are hashed in blocks of 64 KiB, which can be unpacked one by one.

Sources: APPNOTE.TXT 6.3.10 (.ZIP file format), ECMA-376-2 (Open Packaging Conventions: names and types of parts),
https://learn.microsoft.com/uwp/schemas/blockmapschema/app-package-block-map (the block map).
"""

from __future__ import annotations

import base64
import hashlib
import io
import re
import zlib
from collections.abc import Iterator
from functools import partial
from typing import BinaryIO, Final
from urllib.parse import quote
from xml.etree.ElementTree import Element, SubElement, tostring

from coldforge.bundle.zips import moment
from coldforge.filetypes import msix
from coldforge.filetypes.msix import BLOCK_MAP, MANIFEST, TYPES

BLOCK: Final = 1 << 16
LARGE: Final = msix.FULL - (1 << 27)  # bytes from which a part has fields of 64 bits: what cannot be packed grows a little
_DEFLATED: Final = 8
_KNOWN: Final = {
    MANIFEST: "application/vnd.ms-appx.manifest+xml",
    BLOCK_MAP: "application/vnd.ms-appx.blockmap+xml",
    msix.SIGNATURE: "application/vnd.ms-appx.signature",
}
_ANY: Final = "application/octet-stream"


class Writer:
    """Writes parts to a file that can be sought in, one after the other, and at the end what is to be known of them."""

    def __init__(self, out: BinaryIO, epoch: int) -> None:
        year, month, day, hour, minute, second = moment(epoch)
        self._out, self._directory, self._types = out, list[bytes](), dict[str, str]()
        self._stamp = hour << 11 | minute << 5 | second // 2, (year - 1980) << 9 | month << 5 | day
        self._map = Element("BlockMap", xmlns="http://schemas.microsoft.com/appx/2010/blockmap")
        self._map.attrib["HashMethod"] = "http://www.w3.org/2001/04/xmlenc#sha256"

    def add(self, path: str, stream: BinaryIO, *, size: int = 0) -> None:
        """A file of the package, by its path in the tree; of a large one it must be known how many bytes it has."""
        name, large = part_name(path), size >= LARGE
        self._types[name] = _KNOWN.get(path, _ANY)
        file = SubElement(self._map, "File", Name=path.replace("/", "\\"))
        start = self._out.tell()
        written = self._write(name, stream, file, large=large)
        record = msix.local(msix.Entry(name=name, stamp=self._stamp, method=0, checksum=0, packed=0, size=0, start=start), large=large)
        file.attrib |= {"Size": str(written), "LfhSize": str(len(record))}

    def close(self) -> None:
        """Write the map of the blocks, the types of the parts, and the directory of the zip."""
        # that of the signature too, though there is none yet: with one the types stay what they are
        self._types |= {name: _KNOWN[name] for name in (BLOCK_MAP, msix.SIGNATURE)}
        for name, document in ((BLOCK_MAP, self._map), (TYPES, _content_types(self._types))):
            self._write(name, io.BytesIO(xml(document)), Element("File"))
        start, directory, count = self._out.tell(), b"".join(self._directory), len(self._directory)
        self._out.write(directory + msix.end(count, len(directory), start))

    def _write(self, name: str, stream: BinaryIO, file: Element, *, large: bool = False) -> int:
        """A part, and its blocks into the element of its file. How many bytes it has."""
        start, size, checksum = self._out.tell(), 0, 0
        stamped = partial(msix.Entry, name=name, stamp=self._stamp, start=start)
        self._out.write(msix.local(stamped(method=0, checksum=0, packed=0, size=0), large=large))
        content = self._out.tell()
        deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        for block in blocks(stream):
            size, checksum = size + len(block), zlib.crc32(block, checksum)
            packed = deflate.compress(block) + deflate.flush(zlib.Z_FULL_FLUSH)  # nothing in a block refers to the one before it
            SubElement(file, "Block", Hash=base64.b64encode(hashlib.sha256(block).digest()).decode(), Size=str(len(packed)))
            self._out.write(packed)
        if size:
            self._out.write(deflate.flush())  # the end of the stream is in no block
        end = self._out.tell()
        entry = stamped(method=_DEFLATED if size else 0, checksum=checksum, packed=end - content, size=size)
        self._out.seek(start)
        self._out.write(msix.local(entry, large=large))
        self._out.seek(end)
        self._directory.append(msix.central(entry, large=large))
        return size


def blocks(stream: BinaryIO) -> Iterator[bytes]:
    """The content in the pieces that the map has hashes of."""
    return iter(partial(stream.read, BLOCK), b"")


def part_name(path: str) -> str:
    """What a path is called in the zip: as in an address, and as Windows' own packer does it.

    >>> part_name("a b/größe [1]~^.txt")
    'a%20b/gr%C3%B6%C3%9Fe%20%5B1%5D~^.txt'
    """
    return quote(path, safe="/~^`")


def xml(document: Element) -> bytes:
    """A document in UTF-8. No blank ends an empty element: osslsigncode looks for the type of the signature by its letters."""
    text: bytes = tostring(document, encoding="utf-8", xml_declaration=True)
    return text.replace(b" />", b"/>")  # in values and texts the last of these letters is written otherwise


def _content_types(types: dict[str, str]) -> Element:
    """What each part is, by its extension where it has one, else by its name."""
    document = Element("Types", xmlns="http://schemas.openxmlformats.org/package/2006/content-types")
    endings = {name: _extension(name) if kind == _ANY else "" for name, kind in types.items()}
    for ending in sorted({ending for ending in endings.values() if ending}):
        SubElement(document, "Default", Extension=ending, ContentType=_ANY)
    for name, kind in types.items():
        if not endings[name]:
            SubElement(document, "Override", PartName=f"/{name}", ContentType=kind)
    return document


def _extension(name: str) -> str:
    found = re.search(r"[^/]\.([A-Za-z0-9]+)$", name)
    return found[1].lower() if found else ""
