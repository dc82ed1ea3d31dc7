"""`.DS_Store`: how Finder shows a folder, here the window of a disk image: its size, its picture, and where the icons lie.

Nothing of it is documented by Apple; the structures are those that Finder writes. One block of a store holds all records of one
window, so that there is no more of the tree than that. The picture is named by an alias record alone: with a bookmark beside it macOS 26.2
shows none (https://github.com/dmgbuild/dmgbuild/issues/273).
Sources: https://metacpan.org/dist/Mac-Finder-DSStore/view/DSStoreFormat.pod, https://mac-alias.readthedocs.io (alias records)
"""

from __future__ import annotations

import plistlib
import posixpath
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from coldforge.bundle.macos.hfs import moment
from coldforge.filetypes import hfsnames

NAME: Final = ".DS_Store"
_PAGE: Final = 4096
SIZE: Final = 4 + 2 * _PAGE  # of the file, whatever is in it
# Binary logarithms of the blocks' sizes. A store of 2 GiB is halved until its first 32 bytes are left for the head: then there is one
# block of each size above, which lies where it is as large itself, and each of these three takes the one of its size.
_SUPER, _ROOT, _LEAF, _WHOLE = 5, 11, 12, 31
_ADDRESSES: Final = 256
_UNKNOWN: Final = bytes.fromhex("0000100c000000870000200b00000000")  # as Finder writes it into an empty store
_EJECTABLE: Final = 5  # the kind of disk
_CORNER: Final = (200, 120)  # of the window on the screen, in points


class Picture(NamedTuple):
    """The picture of a window: where it lies on the volume, and the numbers of its folder and its own."""

    path: str
    folder: int
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """How the window of a volume looks. Sizes and places are in points, from the upper left corner; an icon lies around its place."""

    volume: str
    epoch: int
    size: tuple[int, int]
    icon_size: int
    text_size: int
    icons: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    picture: Picture | None = None


def store(window: Window) -> bytes:
    """The file. Raises ValueError when the names are more than one block holds."""
    records = sorted(_records(window), key=lambda record: (record[0].lower(), record[1]))
    leaf = struct.pack(">II", 0, len(records)) + b"".join(_record(*record) for record in records)
    if len(leaf) > _PAGE:
        message = "the window has more icons than are kept"
        raise ValueError(message)
    superblock = struct.pack(">5I", 2, 0, len(records), 1, _PAGE)
    made = bytearray(2 << _LEAF)
    made[:32] = struct.pack(">4sIII", b"Bud1", 1 << _ROOT, 1 << _ROOT, 1 << _ROOT) + _UNKNOWN
    for width, data in ((_ROOT, _table()), (_SUPER, superblock), (_LEAF, leaf)):
        made[1 << width : (1 << width) + len(data)] = data
    return struct.pack(">I", 1) + bytes(made)


def _table() -> bytes:
    """The blocks' addresses, the name of the tree of records, and for each size what is free."""
    taken = (_ROOT, _SUPER, _LEAF)
    addresses = [1 << width | width for width in taken]
    data = struct.pack(">II", len(addresses), 0) + struct.pack(f">{_ADDRESSES}I", *addresses, *[0] * (_ADDRESSES - len(addresses)))
    data += struct.pack(">IB4sI", 1, 4, b"DSDB", taken.index(_SUPER))
    free = [[1 << width] if _SUPER <= width < _WHOLE and width not in taken else [] for width in range(_WHOLE + 1)]
    return data + b"".join(struct.pack(f">I{len(places)}I", len(places), *places) for places in free)


Record = tuple[str, bytes, bytes, bytes]
"""The name of the file, what is said of it, the type of that, and its bytes."""


def _records(window: Window) -> Iterator[Record]:
    yield ".", b"bwsp", b"blob", _blob(plist(_bounds(window)))
    yield ".", b"icvp", b"blob", _blob(plist(_view(window)))
    yield ".", b"icvl", b"type", b"icnv"
    yield ".", b"vSrn", b"long", struct.pack(">I", 1)
    for name, (x, y) in window.icons.items():
        yield hfsnames.spelled(name), b"Iloc", b"blob", _blob(struct.pack(">4I", x, y, 0xFFFFFFFF, 0xFFFF0000))


def _record(name: str, code: bytes, kind: bytes, data: bytes) -> bytes:
    text = name.encode("utf-16-be")
    return struct.pack(">I", len(text) // 2) + text + code + kind + data


def _blob(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def plist(content: Mapping[str, Any]) -> bytes:
    """A binary property list, the same for the same content."""
    return plistlib.dumps(dict(content), fmt=plistlib.FMT_BINARY, sort_keys=True)


def _bounds(window: Window) -> dict[str, Any]:
    """Nothing but the icons: no bars at any side."""
    hidden = ("ContainerShowSidebar", "PreviewPaneVisibility", "ShowPathbar", "ShowSidebar", "ShowStatusBar", "ShowTabView", "ShowToolbar")
    (x, y), (width, height) = _CORNER, window.size
    return {"WindowBounds": f"{{{{{x}, {y}}}, {{{width}, {height}}}}}", "SidebarWidth": 180, **dict.fromkeys(hidden, False)}


def _view(window: Window) -> dict[str, Any]:
    found: dict[str, Any] = {
        "arrangeBy": "none",
        "backgroundType": 2 if window.picture else 0,
        "gridOffsetX": 0.0,
        "gridOffsetY": 0.0,
        "gridSpacing": 100.0,
        "iconSize": float(window.icon_size),
        "labelOnBottom": True,
        "showIconPreview": True,
        "showItemInfo": False,
        "textSize": float(window.text_size),
        "viewOptionsVersion": 1,
    }
    found |= dict.fromkeys(("backgroundColorBlue", "backgroundColorGreen", "backgroundColorRed"), 1.0)
    return found | ({"backgroundImageAlias": alias(window.volume, window.picture, window.epoch)} if window.picture else {})


def alias(volume: str, picture: Picture, epoch: int) -> bytes:
    """An alias record (version 2) of a file that lies in a folder of the volume."""
    folder, name = posixpath.split(picture.path)
    time = moment(epoch)
    head = struct.pack(">h28pI2shI", 0, _roman(volume, 27), time, b"H+", _EJECTABLE, picture.folder)
    head += struct.pack(">64pII8xhhI12x", _roman(name, 63), picture.number, time, -1, -1, 0)
    tags = {
        0: _roman(folder, 255),
        16: struct.pack(">Q", time << 16),
        17: struct.pack(">Q", time << 16),
        1: struct.pack(">I", picture.folder),
        2: _roman(volume, 255) + b":" + _roman(folder, 255) + b":\0" + _roman(name, 255),
        14: _counted(hfsnames.spelled(name)),
        15: _counted(hfsnames.spelled(volume)),
        18: f"/{picture.path}".encode(),
        19: f"/Volumes/{volume}".encode(),
    }
    body = b"".join(struct.pack(">hH", tag, len(data)) + data + bytes(len(data) % 2) for tag, data in tags.items())
    body += struct.pack(">hH", -1, 0)
    return struct.pack(">4xHH", 8 + len(head) + len(body), 2) + head + body


def _roman(text: str, longest: int) -> bytes:
    return text.encode("mac_roman", "replace").replace(b":", b"/")[:longest]


def _counted(text: str) -> bytes:
    data = text.encode("utf-16-be")
    return struct.pack(">H", len(data) // 2) + data
