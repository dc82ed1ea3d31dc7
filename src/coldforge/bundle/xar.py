"""xar, the archive that a package for macOS is: a header, a compressed table in XML, and the files one after the other.

Nothing of the machine is in the table: no times but one, no owners.
Source: https://github.com/apple-oss-distributions/xar
"""

from __future__ import annotations

import hashlib
import shutil
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, Final
from xml.etree.ElementTree import Element, SubElement, tostring

from coldforge.host import clock, files
from coldforge.host.xar import HEADER, MAGIC, PACKED, PLAIN

_SHA1: Final = 1
_LEVEL: Final = 9


def write(content: Mapping[str, bytes | Path], out: BinaryIO, epoch: int) -> None:
    """Write files by their paths: those on the disk as they are, because they are compressed already. Folders come by themselves."""
    xar = Element("xar")
    toc = SubElement(xar, "toc")
    checksum = SubElement(toc, "checksum", style="sha1")
    length = hashlib.sha1(usedforsecurity=False).digest_size
    for name, value in (("offset", 0), ("size", length)):
        SubElement(checksum, name).text = str(value)
    SubElement(toc, "creation-time").text = clock.iso(epoch).rstrip("Z")
    heap: list[bytes | Path] = []
    at, folders = length, {"": toc}
    for path, data in content.items():
        folder, _, name = path.rpartition("/")
        if folder not in folders:
            folders[folder] = _entry(toc, len(folders) + len(heap), folder, "directory", "0755")
        kept = data if isinstance(data, Path) else _smaller(data)
        heap.append(kept)
        at += _file(_entry(folders[folder], len(folders) + len(heap) - 1, name, "file", "0644"), data, kept, at)
    plain = b'<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(xar, encoding="utf-8")
    packed = zlib.compress(plain, _LEVEL)
    out.write(HEADER.pack(MAGIC, HEADER.size, 1, len(packed), len(plain), _SHA1) + packed)
    out.write(hashlib.sha1(packed, usedforsecurity=False).digest())
    for kept in heap:
        if isinstance(kept, Path):
            with kept.open("rb") as stream:
                shutil.copyfileobj(stream, out, files.CHUNK)
        else:
            out.write(kept)


def _entry(parent: Element, number: int, name: str, kind: str, mode: str) -> Element:
    entry = SubElement(parent, "file", id=str(number))
    for tag, text in (("name", name), ("type", kind), ("mode", mode)):
        SubElement(entry, tag).text = text
    return entry


def _smaller(data: bytes) -> bytes:
    packed = zlib.compress(data, _LEVEL)
    return packed if len(packed) < len(data) else data


def _file(entry: Element, data: bytes | Path, kept: bytes | Path, offset: int) -> int:
    """What is said of a file's bytes; how many are kept."""
    (size, plain), (length, archived) = _facts(data), _facts(kept)
    found = SubElement(entry, "data")
    for name, value in (("length", length), ("offset", offset), ("size", size)):
        SubElement(found, name).text = str(value)
    SubElement(found, "encoding", style=PLAIN if kept is data else PACKED)
    SubElement(found, "extracted-checksum", style="sha1").text = plain
    SubElement(found, "archived-checksum", style="sha1").text = archived
    return length


def _facts(data: bytes | Path) -> tuple[int, str]:
    if isinstance(data, Path):
        return data.stat().st_size, files.digests(data, "sha1")[0]
    return len(data), files.digest(data, "sha1")
