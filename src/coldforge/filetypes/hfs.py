"""Volumes of HFS Plus, as disk images for macOS hold them: what lies in them, and where. Nothing in one is believed.

Source: https://developer.apple.com/library/archive/technotes/tn/tn1150.html
"""

from __future__ import annotations

import stat
import struct
from collections.abc import Iterator
from typing import BinaryIO, Final, Literal, NamedTuple

from coldforge.filetypes import hfsnames
from coldforge.filetypes.spans import Span, pieces

PLACE: Final = 1024  # of the header
MAGIC: Final = (b"H+", b"HX")
ROOT: Final = 2  # the number of the folder that is the volume
_ENTRIES: Final = 200_000
FOLDER, FILE = 1, 2
SINCE_1904: Final = 2082844800  # seconds before 1970
_LINK: Final = 4096  # bytes of a link's text
_FORK: Final = struct.Struct(">QII16I")


class Entry(NamedTuple):
    """A file, folder or link of a volume. `spans` are where its bytes lie; `time` counts from 1970; `hidden` is so to Finder."""

    path: str
    kind: Literal["file", "directory", "link", "other"]
    mode: int
    owner: str
    time: int
    size: int = 0
    spans: tuple[Span, ...] = ()
    hidden: bool = False


class Volume(NamedTuple):
    """A volume: its name, and what lies in it, in the order of its catalog."""

    name: str
    entries: tuple[Entry, ...]


class _Place(NamedTuple):
    """Whose an entry is: the folder's number, and the name there."""

    parent: int
    name: str


def read(stream: BinaryIO) -> Volume:
    """What is on a volume. Raises ValueError, EOFError, IndexError or struct.error when it is damaged."""
    stream.seek(PLACE)
    header = stream.read(512)
    if header[:2] not in MAGIC or len(header) < 512:
        raise ValueError("it is no volume of HFS Plus")
    block = struct.unpack_from(">I", header, 40)[0]
    if not 512 <= block <= 1 << 20:
        raise ValueError("its blocks are of no known size")
    end = stream.seek(0, 2)
    catalog = b"".join(pieces(stream, _fork(header[272:352], block, end)[1]))
    folders: dict[int, _Place] = {}
    found = []
    for parent, name, data in _leaves(catalog):
        kind = struct.unpack_from(">H", data)[0]
        if kind in (FOLDER, FILE):
            number = struct.unpack_from(">I", data, 8)[0]
            if kind == FOLDER:
                folders[number] = _Place(parent, name)
            found.append((number, _Place(parent, name), data))
        if len(found) > _ENTRIES:
            raise ValueError(f"it has more than {_ENTRIES} entries")
    if ROOT not in folders:
        raise ValueError("it has no root")
    entries = (_entry(_path(place, folders), data, block, end) for number, place, data in found if number != ROOT)
    return Volume(folders[ROOT].name, tuple(entries))


def link(stream: BinaryIO, entry: Entry) -> str:
    """Where a link leads. Raises ValueError for more than a path."""
    if entry.size > _LINK:
        raise ValueError("a link of it is longer than any path")
    return b"".join(pieces(stream, entry.spans)).decode(errors="backslashreplace")


def _fork(data: bytes, block: int, end: int) -> tuple[int, tuple[Span, ...]]:
    """The size of a fork, and where it lies. Raises ValueError for one in more pieces than stand here, or beyond the end."""
    size, _, _, *extents = _FORK.unpack(data)
    spans, left = [], size
    for start, count in zip(extents[::2], extents[1::2], strict=True):
        length = min(left, count * block)
        if length:
            spans.append(Span(start * block, start * block + length))
            left -= length
    if left or any(span.end > end for span in spans):
        raise ValueError("a file of it is cut off, or in more than eight pieces")
    return size, tuple(spans)


def _leaves(tree: bytes) -> Iterator[tuple[int, str, bytes]]:
    """The records of a catalog: the folder's number, the name, and the data."""
    first, size = struct.unpack_from(">I", tree, 14 + 10)[0], struct.unpack_from(">H", tree, 14 + 18)[0]
    if size < 512:
        raise ValueError("its catalog is damaged")
    number, met = first, 0
    while number:
        node = tree[number * size : (number + 1) * size]
        after, kind, count = *struct.unpack_from(">I4xb", node), struct.unpack_from(">H", node, 10)[0]
        met += 1
        if kind != -1 or len(node) < size or met > len(tree) // size:
            raise ValueError("its catalog goes around in circles")
        offsets = struct.unpack_from(f">{count}H", node, size - 2 * count)[::-1]
        for offset in offsets:
            length, parent, letters = struct.unpack_from(">HIH", node, offset)
            name = node[offset + 8 : offset + 8 + 2 * letters].decode("utf-16-be", "surrogatepass")
            yield parent, hfsnames.shown(name), node[offset + 2 + length :]
        number = after


def _path(place: _Place, folders: dict[int, _Place]) -> str:
    names = [place.name]
    while place.parent != ROOT:
        place = folders.get(place.parent) or _Place(ROOT, "")
        names.append(place.name)
        if not place.name or len(names) > len(folders) + 1:
            raise ValueError("an entry of it is in no folder")
    return "/".join(reversed(names))


def _entry(path: str, data: bytes, block: int, end: int) -> Entry:
    changed = struct.unpack_from(">I", data, 16)[0]
    owner, group, _, _, mode = struct.unpack_from(">IIBBH", data, 32)
    hidden = bool(struct.unpack_from(">H", data, 56)[0] & 0x4000)
    kinds: dict[int, Literal["file", "directory", "link"]] = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "link"}
    is_folder = struct.unpack_from(">H", data)[0] == FOLDER
    kind = kinds.get(stat.S_IFMT(mode)) or ("other" if mode else "directory" if is_folder else "file")
    size, spans = (0, ()) if is_folder else _fork(data[88:168], block, end)
    return Entry(path, kind, stat.S_IMODE(mode), f"{owner}:{group}", changed - SINCE_1904, size, spans, hidden)
