"""Databases of Windows Installer, read without trust: their tables, and the files of the cabinets in them.

The form of tables is not published; this one is what msitools and Wine read: columns one after the other, texts by their number in a pool.
"""

from __future__ import annotations

import string
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Final

from coldforge.filetypes import cab, ole, spans

LARGEST: Final = 4 << 30  # bytes that the cabinets of one may unpack to, on the disk
TABLE: Final = "!"  # what the streams of tables are marked with
_LETTERS: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase + "._"
_POOL, _TEXTS, _COLUMNS = "!_StringPool", "!_StringData", "!_Columns"
_WIDE: Final = 0x8000  # numbers of texts take three bytes
_TEXT, _BINARY = 0x800, 0x900  # in the type of a column, whose low byte is a size
_NAME: Final = _TEXT | 64
_DEPTH: Final = 64  # folders in folders
Row = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """`tables` are rows by column, everything as text; `streams` all others by their readable names, in the container's order."""

    tables: Mapping[str, Sequence[Row]]
    streams: Mapping[str, ole.Entry]


def read(stream: BinaryIO) -> Database:
    """Tables and streams; no tables when it is another container. Raises ValueError, IndexError or struct.error when it is damaged."""
    found = {_readable(entry.path[-1]): entry for entry in ole.entries(stream) if entry.kind == ole.STREAM and len(entry.path) == 1}
    if sum(entry.size for entry in found.values()) > stream.seek(0, 2):
        raise ValueError("its streams lie over each other")
    rest = {name: entry for name, entry in found.items() if not name.startswith(TABLE)}
    if not {_POOL, _TEXTS, _COLUMNS} <= found.keys():
        return Database(tables={}, streams=rest)
    raw = {name: content(stream, entry) for name, entry in found.items() if name.startswith(TABLE)}
    width, texts = _texts(raw.pop(_POOL), raw.pop(_TEXTS))
    columns: dict[str, list[tuple[str, int]]] = {}
    kinds = [("Table", _NAME), ("Number", 2), ("Name", _NAME), ("Type", 2)]
    for row in sorted(_rows(raw.pop(_COLUMNS), kinds, width, texts), key=lambda row: int(row["Number"])):
        columns.setdefault(row["Table"], []).append((row["Name"], int(row["Type"])))
    tables = {name[1:]: list(_rows(data, columns.get(name[1:], []), width, texts)) for name, data in sorted(raw.items())}
    return Database(tables=tables, streams=rest)


def content(stream: BinaryIO, entry: ole.Entry) -> bytes:
    """The bytes of a stream."""
    return b"".join(spans.pieces(stream, entry.spans))


def _readable(name: bytes) -> str:
    """A name as people write it: two letters are packed into one character, so that long ones fit."""
    return "".join(_letters(ord(char), char) for char in name.decode("utf-16-le", errors="backslashreplace").rstrip("\0"))


def _letters(number: int, char: str) -> str:
    if number == 0x4840:
        return TABLE
    if 0x3800 <= number < 0x4800:
        return _LETTERS[number & 63] + _LETTERS[number - 0x3800 >> 6]
    return _LETTERS[number - 0x4800] if 0x4800 <= number < 0x4840 else char


def _texts(pool: bytes, data: bytes) -> tuple[int, list[str]]:
    """How many bytes the number of a text takes, and the texts by it; the first is none."""
    page, flags = struct.unpack_from("<HH", pool)
    numbers = iter(struct.iter_unpack("<HH", pool[4 : len(pool) // 4 * 4]))
    texts, place = [""], 0
    for short, uses in numbers:
        low, high = next(numbers, (0, 0)) if uses and not short else (short, 0)  # the length of a long one follows
        size = low | high << 16
        texts.append(_decoded(data[place : place + size], page))
        place += size
    return 3 if flags & _WIDE else 2, texts


def _decoded(data: bytes, page: int) -> str:
    try:
        return data.decode("utf-8" if page in (0, 65001) else f"cp{page}", errors="backslashreplace")
    except LookupError:  # a code page that nobody has
        return data.decode("latin-1")


def _rows(data: bytes, columns: Sequence[tuple[str, int]], width: int, texts: Sequence[str]) -> Iterator[Row]:
    widths = [_width(kind, width) for _, kind in columns]
    count = len(data) // (sum(widths) or 1) if columns else 0
    if columns and count * sum(widths) != len(data):
        raise ValueError("a table of it is cut off")
    found: list[list[str]] = []
    place = 0
    for (_, kind), size in zip(columns, widths, strict=True):
        cells = (int.from_bytes(data[at : at + size], "little") for at in range(place, place + count * size, size))
        found.append([texts[cell] if _is_text(kind) else _number(cell, size) for cell in cells])
        place += count * size
    names = [name for name, _ in columns]
    yield from (dict(zip(names, row, strict=True)) for row in zip(*found, strict=True))


def _is_text(kind: int) -> bool:
    return bool(kind & _TEXT) and kind & 0xFFF != _BINARY


def _width(kind: int, width: int) -> int:
    if _is_text(kind):
        return width
    return 2 if kind & _TEXT or kind & 0xFF <= 2 else 4


def _number(cell: int, size: int) -> str:
    """Numbers are kept with their sign turned; nothing is none."""
    return str(cell - (1 << 8 * size - 1)) if cell else ""


def unpack(stream: BinaryIO, database: Database, folder: Path, out: Path, limit: int = LARGEST) -> list[cab.File]:
    """Write the files of the cabinets to `out`; `name` is where they are installed, as far as the tables say. `folder` is for scratch.

    Raises what `cab.unpack` raises.
    """
    paths = dict(_paths(database.tables))
    found: list[cab.File] = []
    with out.open("wb") as written:
        for entry in cabinets(stream, database).values():
            with (folder / "cabinet").open("w+b") as cabinet:
                spans.copied(stream, entry.spans, cabinet)
                files = cab.unpack(cabinet, written, limit - written.tell())
            found += [replace(file, name=paths.get(file.name, file.name)) for file in files]
    return found


def cabinets(stream: BinaryIO, database: Database) -> dict[str, ole.Entry]:
    """The streams that are cabinets."""
    heads = {name: next(spans.pieces(stream, entry.spans[:1]), b"") for name, entry in database.streams.items()}
    return {name: database.streams[name] for name, head in heads.items() if head.startswith(cab.MAGIC)}


def _paths(tables: Mapping[str, Sequence[Row]]) -> Iterator[tuple[str, str]]:
    """Where each file of a cabinet is installed, below the folders of the system."""
    folders = {row["Directory"]: (row["Directory_Parent"], row["DefaultDir"]) for row in tables.get("Directory", ())}
    places = {row["Component"]: row["Directory_"] for row in tables.get("Component", ())}
    for row in tables.get("File", ()):
        steps, folder = [_long(row["FileName"])], places.get(row["Component_"], "")
        for _ in range(_DEPTH):
            parent, name = folders.get(folder, ("", ""))
            if parent in ("", folder):
                break
            steps.append(_long(name.partition(":")[0]))
            folder = parent
        yield row["File"], "/".join(step for step in reversed(steps) if step not in ("", "."))


def _long(name: str) -> str:
    """The long one of two names, `SHORT~1|long`."""
    return name.rpartition("|")[2]
