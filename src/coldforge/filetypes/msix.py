"""Windows' app packages as zips: how their records are written, and where a signature is in one: the last part, before the directory.

Sources: APPNOTE.TXT 6.3.10 (.ZIP file format), https://learn.microsoft.com/windows/msix/package/create-app-package-with-makeappx-tool;
what a signature is about is told by no document: SignTool and osslsigncode agree about it.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO, Final
from xml.etree.ElementTree import ParseError, fromstring

from coldforge.filetypes.spans import Span, pieces

MAGIC: Final = b"PK\3\4"
MANIFEST: Final = "AppxManifest.xml"
BLOCK_MAP: Final = "AppxBlockMap.xml"
TYPES: Final = "[Content_Types].xml"
SIGNATURE: Final = "AppxSignature.p7x"
CATALOGUE: Final = "AppxMetadata/CodeIntegrity.cat"  # which is signed too, where there is one
FULL: Final = 0xFFFFFFFF  # what stands in a field of 32 bits whose value takes 64
_MANY: Final = 0xFFFF
_MARK: Final = b"PKCX"  # before the PKCS #7 structure
_VERSION, _VERSION_64 = 20, 45  # of zip, for what is deflated, and for what is large
_DEFLATED: Final = 8
_LOCAL: Final = struct.Struct("<4s5H3I2H")
_CENTRAL: Final = struct.Struct("<4s6H3I5H2I")
_END: Final = struct.Struct("<4s4H2IH")
_END_64: Final = struct.Struct("<4sQ2H2I4Q")
_LOCATOR: Final = struct.Struct("<4sIQI")
_LARGEST: Final = 1 << 20  # bytes of a signature, or of the manifest
_DIRECTORY: Final = 1 << 26  # bytes of the directory


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A part as the zip knows it: sizes in bytes, and where its record begins. `stamp` are its time and date in MS-DOS's form."""

    name: str
    stamp: tuple[int, int]
    method: int
    checksum: int
    packed: int
    size: int
    start: int


def local(entry: Entry, *, large: bool = False) -> bytes:
    """The record before a part's bytes; `large` has room for sizes of 64 bits, whatever they are."""
    name, extra = entry.name.encode(), struct.pack("<2H2Q", 1, 16, entry.size, entry.packed) if large else b""
    sizes = (FULL, FULL) if large else (entry.packed, entry.size)
    facts = (_VERSION_64 if large else _VERSION, 0, entry.method, *entry.stamp, entry.checksum, *sizes, len(name), len(extra))
    return _LOCAL.pack(MAGIC, *facts) + name + extra


def central(entry: Entry, *, large: bool = False) -> bytes:
    """The record of a part in the directory."""
    name, start = entry.name.encode(), min(entry.start, FULL)
    fields = [entry.size, entry.packed] if large else []
    fields += [entry.start] if start == FULL else []
    extra = struct.pack(f"<2H{len(fields)}Q", 1, 8 * len(fields), *fields) if fields else b""
    version = _VERSION_64 if extra else _VERSION
    sizes = (FULL, FULL) if large else (entry.packed, entry.size)
    facts = (version, version, 0, entry.method, *entry.stamp, entry.checksum, *sizes, len(name), len(extra), 0, 0, 0, 0, start)
    return _CENTRAL.pack(b"PK\1\2", *facts) + name + extra


def end(count: int, size: int, start: int) -> bytes:
    """What stands behind a directory of `count` records in `size` bytes that begins at `start`."""
    whole = b""
    if count >= _MANY or start >= FULL:
        facts = (_END_64.size - 12, _VERSION_64, _VERSION_64, 0, 0, count, count, size, start)
        whole = _END_64.pack(b"PK\6\6", *facts) + _LOCATOR.pack(b"PK\6\7", 0, start + size, 1)
    shown = min(count, _MANY)
    return whole + _END.pack(b"PK\5\6", 0, 0, shown, shown, size, min(start, FULL), 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What is where in a package: its parts in order, each with its record in the directory, and where the directory begins.

    Those of a signature are apart: `signature` is None where there is none.
    """

    parts: Mapping[str, Entry]
    records: tuple[bytes, ...]
    directory: int
    signature: Entry | None

    @property
    def body(self) -> int:
        """Where the parts that were built end."""
        return self.signature.start if self.signature else self.directory

    @property
    def tail(self) -> bytes:
        """What stands behind the parts of an unsigned package."""
        listed = b"".join(self.records)
        return listed + end(len(self.records), len(listed), self.body)


def layout(stream: BinaryIO) -> Layout | None:
    """What is where in an app package; None for any other zip. Raises ValueError, struct.error or EOFError for a damaged one."""
    start, size, count = _directory(stream)
    if size > _DIRECTORY:
        raise ValueError("its directory is larger than any")
    stream.seek(start)
    listed = list(_records(stream.read(size)))
    if MANIFEST not in (entry.name for entry, _ in listed):
        return None
    if len({entry.name for entry, _ in listed}) != len(listed) or len(listed) != count:
        raise ValueError("its directory is not what it says")
    *rest, (last, _) = listed
    if last.name != SIGNATURE:
        return Layout(parts={e.name: e for e, _ in listed}, records=tuple(r for _, r in listed), directory=start, signature=None)
    found = Layout(parts={e.name: e for e, _ in rest}, records=tuple(r for _, r in rest), directory=start, signature=last)
    stream.seek(last.start)
    if last.start + len(stream.read(_LOCAL.size + len(SIGNATURE))) + last.packed != start:
        raise ValueError("there is more between its parts and its directory than a signature")
    return found


def _directory(stream: BinaryIO) -> tuple[int, int, int]:
    """Where the directory begins, how many bytes it has, and how many records."""
    whole = stream.seek(0, 2)
    stream.seek(max(0, whole - _END.size))
    mark, disk, first, here, count, size, start, comment = _END.unpack(stream.read(_END.size))
    behind = _END.size
    if mark != b"PK\5\6" or disk or first or here != count or comment:
        raise ValueError("it does not end with the directory of a zip")
    if count == _MANY or start == FULL:
        behind += _LOCATOR.size + _END_64.size
        stream.seek(max(0, whole - behind))
        mark, _, _, _, _, _, _, count, size, start = _END_64.unpack(stream.read(_END_64.size))
        if mark != b"PK\6\6":
            raise ValueError("its directory is not where it says")
    if start + size + behind != whole:
        raise ValueError("there is more in it than its directory tells")
    return start, size, count


def _records(data: bytes) -> Iterator[tuple[Entry, bytes]]:
    place = 0
    while place < len(data):
        mark, _, _, _, method, time, date, checksum, packed, size, *rest = _CENTRAL.unpack_from(data, place)
        name_size, extra_size, comment, _, _, _, start = rest
        if mark != b"PK\1\2" or comment:
            raise ValueError("a record of its directory is damaged")
        begin = place + _CENTRAL.size
        following = begin + name_size + extra_size
        name, extra = data[begin : begin + name_size].decode(), data[begin + name_size : following]
        size, packed, start = _large((size, packed, start), extra)
        entry = Entry(name=name, stamp=(time, date), method=method, checksum=checksum, packed=packed, size=size, start=start)
        yield entry, data[place:following]
        place = following


def _large(values: tuple[int, int, int], extra: bytes) -> Iterator[int]:
    """Sizes and place, from the extra field where they are too large for their own."""
    kind, length = struct.unpack_from("<2H", extra) if extra else (0, 0)
    fields = iter(struct.unpack_from(f"<{length // 8}Q", extra, 4) if kind == 1 else ())
    for value in values:
        yield next(fields) if value == FULL else value


def _content(stream: BinaryIO, entry: Entry) -> bytes:
    """A part's own bytes, of which there are few."""
    if max(entry.size, entry.packed) > _LARGEST * 64:
        raise ValueError(f"{entry.name} is larger than any")
    stream.seek(entry.start)
    *_, name_size, extra_size = _LOCAL.unpack(stream.read(_LOCAL.size))
    stream.seek(name_size + extra_size, 1)
    data = stream.read(entry.packed)
    if entry.method == _DEFLATED:
        unpacker = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
        data = unpacker.decompress(data, entry.size + 1)
    if len(data) != entry.size or zlib.crc32(data) != entry.checksum:
        raise ValueError(f"{entry.name} is damaged")
    return data


def digest(stream: BinaryIO, found: Layout, algorithm: str) -> bytes:
    """What a signature is about: the digests of all parts, of the directory, of the names' types and of the map of blocks."""
    if CATALOGUE in found.parts:
        raise ValueError("it has a catalogue of its own, which is not read here")
    made = hashlib.new(algorithm)
    for piece in pieces(stream, (Span(0, found.body),)):
        made.update(piece)
    about = {
        b"AXPC": made.digest(),
        b"AXCD": hashlib.new(algorithm, found.tail).digest(),
        b"AXCT": hashlib.new(algorithm, _content(stream, found.parts[TYPES])).digest(),
        b"AXBM": hashlib.new(algorithm, _content(stream, found.parts[BLOCK_MAP])).digest(),
    }
    return b"APPX" + b"".join(name + value for name, value in about.items())


def signature(stream: BinaryIO, found: Layout) -> bytes:
    """The PKCS #7 structure of a package; empty when it has none. Raises ValueError for another one."""
    if found.signature is None:
        return b""
    data = _content(stream, found.signature)
    if not data.startswith(_MARK):
        raise ValueError("its signature is of no known kind")
    return data[len(_MARK) :]


def signed(stream: BinaryIO, made: bytes) -> tuple[Span, ...]:
    """A package with a signature, which has the time of the other parts. Raises ValueError when it has one already."""
    found = layout(stream)
    if found is None or found.signature:
        raise ValueError("it is signed already" if found else "it is no app package")
    data, compressor = _MARK + made, zlib.compressobj(wbits=-zlib.MAX_WBITS)
    packed = compressor.compress(data) + compressor.flush()
    entry = Entry(
        name=SIGNATURE,
        stamp=found.parts[MANIFEST].stamp,
        method=_DEFLATED,
        checksum=zlib.crc32(data),
        packed=len(packed),
        size=len(data),
        start=found.directory,
    )
    record, listed = local(entry), b"".join((*found.records, central(entry)))
    behind = end(len(found.records) + 1, len(listed), found.directory + len(record) + len(packed))
    return (Span(0, found.directory), Span(0, 0, record + packed + listed + behind))


def publisher(stream: BinaryIO) -> str:
    """Whose package it is, as its manifest says. Raises ValueError when that does not say it."""
    found = layout(stream)
    try:
        text = _content(stream, found.parts[MANIFEST]) if found else b"<x/>"
        identity = fromstring(text).find("{*}Identity")  # noqa: S314  # expat refuses entities that grow
    except ParseError as error:
        raise ValueError("its manifest is damaged") from error
    if identity is None:
        raise ValueError("its manifest names no publisher")
    return identity.attrib.get("Publisher", "")
