"""The two archives of a frozen program: CArchive at a program's end, and in it PYZ with the byte code.

Source: PyInstaller/archive/writers.py.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import Final

from coldforge.host import marshalled
from coldforge.rebuild.members import ENTRIES, Container, Member
from coldforge.rebuild.verdict import What
from coldforge.rebuild.views import CHUNK, Budget, part, unpacked

BOOT_LOADER: Final = "(boot loader)"
_TAIL: Final = 1 << 16
_MARK: Final = b"MEI\014\013\012\013\016"
_COOKIE: Final = struct.Struct("!8sIIII64s")
_ENTRY: Final = struct.Struct("!IIIIBc")


def pyz(view: memoryview, budget: Budget) -> Container:
    """PYZ: its magic, that of Python's byte code, the table's place; the table is a marshalled list of (name, (kind, place, length))."""
    table = marshalled.loads(view[int.from_bytes(view[8:12], "big") :])

    def member(name: str, kind: int, place: int, length: int) -> Member:
        read = partial(_inflated, part(view, place, length), budget, packed=length > 0)
        return Member(name=name, facts={"kind": str(kind)}, read=read)

    entries = tuple(member(str(name), *where) for name, where in islice(table, ENTRIES))
    return Container(kind="PYZ", facts={"header": view[:8].hex()}, members=entries)


def carchive(view: memoryview, budget: Budget) -> Container | None:
    """CArchive, at a program's end: a cookie tells its length, and place and length of its table. Before it lies the boot loader."""
    tail = bytes(view[-_TAIL:])
    place = tail.rfind(_MARK)
    if place < 0 or len(tail) < place + _COOKIE.size:
        return None
    _, length, offset, size, version, library = _COOKIE.unpack_from(tail, place)
    start = len(view) - len(tail) + place + _COOKIE.size - length
    if start < 0 or offset + size > length:
        raise ValueError("its cookie is damaged")
    boot = view[:start]
    members = [Member(name=BOOT_LOADER, read=lambda: boot)] if start else []
    members += islice(_entries(view[start:], offset, size, budget), ENTRIES)
    facts: dict[What, str] = {"header": f"Python {version}, {library.partition(bytes(1))[0].decode('latin-1')}"}
    return Container(kind="CArchive", facts=facts, members=tuple(members))


def _entries(archive: memoryview, offset: int, size: int, budget: Budget) -> Iterator[Member]:
    end = offset + size
    while offset + _ENTRY.size <= end:
        total, place, length, _plain, packed, kind = _ENTRY.unpack_from(archive, offset)
        if total < _ENTRY.size:
            raise ValueError("its table is damaged")
        name = bytes(archive[offset + _ENTRY.size : offset + total]).partition(b"\0")[0].decode(errors="backslashreplace")
        read = partial(_inflated, part(archive, place, length), budget, packed=bool(packed))
        yield Member(name=name, facts={"kind": kind.decode("latin-1")}, read=read)
        offset += total


def _inflated(content: memoryview, budget: Budget, *, packed: bool) -> memoryview:
    return unpacked(_inflate(content), budget) if packed else content


def _inflate(content: memoryview) -> Iterator[bytes]:
    engine = zlib.decompressobj()
    data: bytes | memoryview = content
    while data and not engine.eof:
        yield engine.decompress(data, CHUNK)
        data = engine.unconsumed_tail
    if not engine.eof:
        raise EOFError("it is cut off")
