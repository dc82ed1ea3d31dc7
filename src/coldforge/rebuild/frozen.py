"""The two archives of a frozen program: CArchive at a program's end, and in it PYZ with the byte code.

Source: PyInstaller/archive/writers.py.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import Final

from coldforge.filetypes import marshalled, packed
from coldforge.rebuild.members import ENTRIES, Container, Member
from coldforge.rebuild.verdict import What
from coldforge.rebuild.views import CHUNK, Budget, part, unpacked

BOOT_LOADER: Final = "(boot loader)"


def pyz(view: memoryview, budget: Budget) -> Container:
    """PYZ: its magic, that of Python's byte code, the table's place; the table is a marshalled list of (name, (kind, place, length))."""
    table = marshalled.loads(view[int.from_bytes(view[8:12], "big") :])

    def member(name: str, kind: int, place: int, length: int) -> Member:
        read = partial(_inflated, part(view, place, length), budget, compressed=length > 0)
        return Member(name=name, facts={"kind": str(kind)}, read=read)

    entries = tuple(member(str(name), *where) for name, where in islice(table, ENTRIES))
    return Container(kind="PYZ", facts={"header": view[:8].hex()}, members=entries)


def carchive(view: memoryview, budget: Budget) -> Container | None:
    """CArchive, at a program's end: a cookie tells its length, and place and length of its table. Before it lies the boot loader."""
    cookie = packed.cookie(bytes(view[-packed.TAIL :]), len(view))
    if cookie is None:
        return None
    boot = view[: cookie.start]
    members = [Member(name=BOOT_LOADER, read=lambda: boot)] if cookie.start else []
    members += islice(_entries(view[cookie.start :], cookie, budget), ENTRIES)
    facts: dict[What, str] = {"header": f"Python {cookie.version}, {cookie.library.decode('latin-1')}"}
    return Container(kind="CArchive", facts=facts, members=tuple(members))


def _entries(archive: memoryview, cookie: packed.Cookie, budget: Budget) -> Iterator[Member]:
    for row in packed.rows(archive[cookie.table : cookie.table + cookie.size]):
        name = row.name.partition(b"\0")[0].decode(errors="backslashreplace")
        read = partial(_inflated, part(archive, row.place, row.size), budget, compressed=row.compressed)
        yield Member(name=name, facts={"kind": row.kind.decode("latin-1")}, read=read)


def _inflated(content: memoryview, budget: Budget, *, compressed: bool) -> memoryview:
    return unpacked(_inflate(content), budget) if compressed else content


def _inflate(content: memoryview) -> Iterator[bytes]:
    engine = zlib.decompressobj()
    data: bytes | memoryview = content
    while data and not engine.eof:
        yield engine.decompress(data, CHUNK)
        data = engine.unconsumed_tail
    if not engine.eof:
        raise EOFError("it is cut off")
