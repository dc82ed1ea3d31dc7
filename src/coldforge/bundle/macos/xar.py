"""xar, the archive that a package for macOS is: a header, a table in XML, and the files one after the other.

Nothing of the machine is in the table: no times but one, no owners.
Source: https://github.com/apple-oss-distributions/xar
"""

from __future__ import annotations

import shutil
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, Final

from coldforge.filetypes.spans import Span
from coldforge.filetypes.xar import PACKED, PLAIN, Entry, head
from coldforge.host import clock, files

_LEVEL: Final = 9


def write(content: Mapping[str, bytes | Path], out: BinaryIO, epoch: int) -> None:
    """Write files by their paths: those on the disk as they are, because they are compressed already. Folders come by themselves."""
    heap: list[bytes | Path] = []
    entries: list[Entry] = []
    at = 0
    for path, data in content.items():
        kept = data if isinstance(data, Path) else _smaller(data)
        (size, plain), (length, archived) = _facts(data), _facts(kept)
        entries.append(Entry(path, Span(at, at + length), PLAIN if kept is data else PACKED, size, plain, archived))
        heap.append(kept)
        at += length
    out.write(head(entries, clock.iso(epoch).rstrip("Z")))
    for kept in heap:
        if isinstance(kept, Path):
            with kept.open("rb") as stream:
                shutil.copyfileobj(stream, out, files.CHUNK)
        else:
            out.write(kept)


def _smaller(data: bytes) -> bytes:
    packed = zlib.compress(data, _LEVEL)
    return packed if len(packed) < len(data) else data


def _facts(data: bytes | Path) -> tuple[int, str]:
    if isinstance(data, Path):
        return data.stat().st_size, files.digests(data, "sha1")[0]
    return len(data), files.digest(data, "sha1")
