"""Two streams of a database of Windows Installer as every build must leave them: the summary and the texts.

Sources: [MS-OLEPS] (properties), https://learn.microsoft.com/windows/win32/msi/summary-property-descriptions
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO, Final

from coldforge.errors import BuildFailed
from coldforge.filetypes import ole, spans

_SUMMARY: Final = "\x05SummaryInformation"
_POOL: Final = "\u4840\u3f3f\u4577\u446c\u3e6a\u44b2\u482f"  # _StringPool, in the spelling of Windows Installer
_TEXT, _TIME = 0x1E, 0x40  # VT_LPSTR, VT_FILETIME
_CODE, _CREATED, _SAVED = 9, 12, 13  # PID_REVNUMBER is the package code
_SINCE_1601: Final = 11_644_473_600  # seconds before 1970


def normalise(path: Path, code: str, epoch: int, codepage: int) -> None:
    """Put a package code and one time into the summary of a database, in place of what its writer chose, and say which code page it is in.

    Raises BuildFailed when the file is not what wixl writes.
    """
    try:
        with path.open("r+b") as stream:
            found = {entry.path: entry for entry in ole.entries(stream) if entry.kind == ole.STREAM}
            _patch(stream, found, _SUMMARY, lambda summary: change(summary, code, epoch, codepage))
            _patch(stream, found, _POOL, lambda pool: struct.pack_into("<H", pool, 0, codepage))
    except (struct.error, IndexError, ValueError, EOFError) as error:
        raise BuildFailed(f"{path.name} is no database of Windows Installer as wixl writes it", why=str(error)) from error


def _patch(stream: BinaryIO, found: Mapping[tuple[bytes, ...], ole.Entry], name: str, change: Callable[[bytearray], None]) -> None:
    entry = found.get((name.encode("utf-16-le") + b"\0\0",))
    if entry is None:
        raise ValueError(f"it has no stream {name!r}")
    data = bytearray().join(spans.pieces(stream, entry.spans))
    change(data)
    place = 0
    for span in entry.spans:
        stream.seek(span.start)
        place += stream.write(data[place : place + span.end - span.start])


def change(summary: bytearray, code: str, epoch: int, codepage: int) -> None:
    """The same of a summary: wixl says that its texts are in a code page of Windows, and writes them in UTF-8.

    Letters that the code page does not have are left out. A text gets shorter by that, never longer.
    """
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
        elif form == _TEXT:
            (length,) = struct.unpack_from("<I", summary, offset + place + 4)
            start = offset + place + 8
            told = summary[start : start + length].rstrip(b"\0").decode().encode(f"cp{codepage}", "ignore") + b"\0"
            struct.pack_into("<I", summary, offset + place + 4, len(told))
            summary[start : start + length] = told.ljust(length, b"\0")
