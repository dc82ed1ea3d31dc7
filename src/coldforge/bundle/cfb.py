"""The container that a database of Windows Installer is (Compound File Binary), as far as two streams of it go: the summary and the texts.

Sources: [MS-CFB] (the container), [MS-OLEPS] (properties), https://learn.microsoft.com/windows/win32/msi/summary-property-descriptions
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Final

from coldforge.errors import BuildFailed

_MAGIC: Final = bytes.fromhex("d0cf11e0a1b11ae1")
_SUMMARY: Final = "\x05SummaryInformation"
_POOL: Final = "\u4840\u3f3f\u4577\u446c\u3e6a\u44b2\u482f"  # _StringPool, in the spelling of Windows Installer
_LAST: Final = 0xFFFFFFFE
_SMALL: Final = 4096  # bytes: smaller streams lie together in one
_TEXT, _TIME = 0x1E, 0x40  # VT_LPSTR, VT_FILETIME
_CODE, _CREATED, _SAVED = 9, 12, 13  # PID_REVNUMBER is the package code
_SINCE_1601: Final = 11_644_473_600  # seconds before 1970


def normalise(path: Path, code: str, epoch: int, codepage: int) -> None:
    """Put a package code and one time into the summary of a database, in place of what its writer chose, and say which code page it is in.

    Raises BuildFailed when the file is not what wixl writes.
    """
    data = bytearray(path.read_bytes())
    try:
        _patch(data, _SUMMARY, lambda summary: _change(summary, code, epoch))
        _patch(data, _POOL, lambda pool: struct.pack_into("<H", pool, 0, codepage))
    except (struct.error, IndexError, ValueError) as error:
        raise BuildFailed(f"{path.name} is no database of Windows Installer as wixl writes it", why=str(error)) from error
    path.write_bytes(data)


def _patch(data: bytearray, name: str, change: Callable[[bytearray], None]) -> None:
    places = _places(data, name)
    stream = bytearray(b"".join(data[start : start + size] for start, size in places))
    change(stream)
    for number, (start, size) in enumerate(places):
        data[start : start + size] = stream[number * size : (number + 1) * size]


def _change(summary: bytearray, code: str, epoch: int) -> None:
    (offset,) = struct.unpack_from("<I", summary, 44)
    (count,) = struct.unpack_from("<I", summary, offset + 4)
    for number in range(count):
        kind, place = struct.unpack_from("<II", summary, offset + 8 + 8 * number)
        (form,) = struct.unpack_from("<I", summary, offset + place)
        if kind in (_CREATED, _SAVED) and form == _TIME:
            struct.pack_into("<Q", summary, offset + place + 4, (epoch + _SINCE_1601) * 10_000_000)
        elif kind == _CODE and form == _TEXT:
            (length,) = struct.unpack_from("<I", summary, offset + place + 4)
            text = code.encode() + b"\0"
            if length != len(text):
                raise ValueError("its package code has another length")
            summary[offset + place + 8 : offset + place + 8 + length] = text


def _places(data: bytearray, name: str) -> list[tuple[int, int]]:
    """Where the pieces of a stream lie, and how large they are: all alike."""
    spelled = name.encode("utf-16-le") + b"\0\0"
    if data[:8] != _MAGIC:
        raise ValueError("it begins like no compound file")
    sector, mini = 1 << struct.unpack_from("<H", data, 30)[0], 1 << struct.unpack_from("<H", data, 32)[0]
    fat_count, directory = struct.unpack_from("<II", data, 44)
    mini_fat, mini_count = struct.unpack_from("<II", data, 60)
    table_sectors = list(struct.unpack_from("<109I", data, 76))
    more, more_count = struct.unpack_from("<II", data, 68)
    for _ in range(more_count):
        found = struct.unpack_from(f"<{sector // 4}I", data, (more + 1) * sector)
        table_sectors += found[:-1]
        more = found[-1]
    fat = _numbers(data, table_sectors[:fat_count], sector)
    entries = [(number + 1) * sector + part for number in _chain(fat, directory) for part in range(0, sector, 128)]
    root = entries[0]
    entry = next((place for place in entries if data[place : place + len(spelled)] == spelled), None)
    if entry is None:
        raise ValueError(f"it has no stream {name!r}")
    start, size = struct.unpack_from("<IQ", data, entry + 116)
    if size >= _SMALL:
        return [((number + 1) * sector, sector) for number in _chain(fat, start)]
    small = _numbers(data, _chain(fat, mini_fat)[:mini_count], sector)
    stream = _chain(fat, struct.unpack_from("<I", data, root + 116)[0])
    return [((stream[number * mini // sector] + 1) * sector + number * mini % sector, mini) for number in _chain(small, start)]


def _numbers(data: bytearray, sectors: list[int], size: int) -> list[int]:
    return [number for sector in sectors for number in struct.unpack_from(f"<{size // 4}I", data, (sector + 1) * size)]


def _chain(table: list[int], first: int) -> list[int]:
    """The sectors of a stream. Raises ValueError when they have no end."""
    found: list[int] = []
    while first != _LAST:
        found.append(first)
        if len(found) > len(table):
            raise ValueError("a stream in it has no end")
        first = table[first]
    return found
