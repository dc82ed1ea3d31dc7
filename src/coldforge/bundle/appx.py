"""The container of Windows' app packages: a zip whose files are hashed in blocks of 64 KiB, which can be unpacked one by one.

Sources: APPNOTE.TXT 6.3.10 (.ZIP file format), ECMA-376-2 (Open Packaging Conventions: names and types of parts),
https://learn.microsoft.com/uwp/schemas/blockmapschema/app-package-block-map (the block map).
"""

from __future__ import annotations

import base64
import hashlib
import io
import re
import struct
import zlib
from collections.abc import Iterator
from functools import partial
from typing import BinaryIO, Final
from urllib.parse import quote
from xml.etree.ElementTree import Element, SubElement, tostring

from coldforge.bundle.zips import moment

MANIFEST: Final = "AppxManifest.xml"
BLOCK_MAP: Final = "AppxBlockMap.xml"
TYPES: Final = "[Content_Types].xml"
BLOCK: Final = 1 << 16
_VERSION: Final = 20  # of zip, for what is deflated
_DEFLATED: Final = 8
_LOCAL: Final = struct.Struct("<4s5H3I2H")
_CENTRAL: Final = struct.Struct("<4s6H3I5H2I")
_END: Final = struct.Struct("<4s4H2IH")
_KNOWN: Final = {MANIFEST: "application/vnd.ms-appx.manifest+xml", BLOCK_MAP: "application/vnd.ms-appx.blockmap+xml"}
_ANY: Final = "application/octet-stream"


class Writer:
    """Writes parts to a file that can be sought in, one after the other, and at the end what is to be known of them."""

    def __init__(self, out: BinaryIO, epoch: int) -> None:
        year, month, day, hour, minute, second = moment(epoch)
        self._out, self._directory, self._types = out, list[bytes](), dict[str, str]()
        self._stamp = hour << 11 | minute << 5 | second // 2, (year - 1980) << 9 | month << 5 | day
        self._map = Element("BlockMap", xmlns="http://schemas.microsoft.com/appx/2010/blockmap")
        self._map.attrib["HashMethod"] = "http://www.w3.org/2001/04/xmlenc#sha256"

    def add(self, path: str, stream: BinaryIO) -> None:
        """A file of the package, by its path in the tree."""
        name = part_name(path)
        self._types[name] = _KNOWN.get(path, _ANY)
        file = SubElement(self._map, "File", Name=path.replace("/", "\\"))
        size = self._write(name, stream, file)
        file.attrib |= {"Size": str(size), "LfhSize": str(_LOCAL.size + len(name))}

    def close(self) -> None:
        """Write the map of the blocks, the types of the parts, and the directory of the zip."""
        self._types[BLOCK_MAP] = _KNOWN[BLOCK_MAP]
        for name, document in ((BLOCK_MAP, self._map), (TYPES, _content_types(self._types))):
            self._write(name, io.BytesIO(xml(document)), Element("File"))
        start, directory, count = self._out.tell(), b"".join(self._directory), len(self._directory)
        self._out.write(directory + _END.pack(b"PK\5\6", 0, 0, count, count, len(directory), start, 0))

    def _write(self, name: str, stream: BinaryIO, file: Element) -> int:
        """A part, and its blocks into the element of its file. How many bytes it has."""
        start, size, checksum = self._out.tell(), 0, 0
        self._out.write(bytes(_LOCAL.size) + name.encode())
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
        method = _DEFLATED if size else 0
        facts = (0, method, *self._stamp, checksum, end - content, size, len(name), 0)
        self._out.seek(start)
        self._out.write(_LOCAL.pack(b"PK\3\4", _VERSION, *facts))
        self._out.seek(end)
        self._directory.append(_CENTRAL.pack(b"PK\1\2", _VERSION, _VERSION, *facts, 0, 0, 0, 0, start) + name.encode())
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
    """A document in UTF-8."""
    text: bytes = tostring(document, encoding="utf-8", xml_declaration=True)
    return text


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
