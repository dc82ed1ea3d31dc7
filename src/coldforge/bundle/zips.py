"""Zips of a tree, which those of Windows and of macOS share.

Source: APPNOTE.TXT 6.3.10 (.ZIP file format).
"""

from __future__ import annotations

import shutil
import time
import zipfile
import zlib
from pathlib import Path
from typing import Final

from coldforge.bundle.tree import Node, Tree
from coldforge.host import clock, files

_FILE, _FOLDER, _LINK = 0o100000, 0o040000, 0o120000  # in a mode
_UNIX: Final = 3  # whose attributes have modes, for those who unpack it on another system
_LATEST: Final = 4354819198  # 2107-12-31T23:59:58Z
_DIRECTORY: Final = 0x10  # MS-DOS's attribute


def tool() -> str:
    """What compresses them: another zlib may write other bytes."""
    return f"zipfile + zlib {zlib.ZLIB_RUNTIME_VERSION}"


def write(tree: Tree, out: Path, *, below: str = "") -> None:
    """Write the tree with `below` before each path: a folder, which gets an entry of its own."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for node in (Node(path="", mode=0o755), *tree) if below else tree:
            _add(archive, node, f"{below}/{node.path}".strip("/"), tree.epoch)


def _add(archive: zipfile.ZipFile, node: Node, name: str, epoch: int) -> None:
    info = zipfile.ZipInfo(f"{name}/" if node.is_directory else name, moment(epoch))
    info.create_system, info.file_size = _UNIX, node.size  # the size says whether it takes zip64's fields
    info.external_attr = (node.mode | (_FOLDER if node.is_directory else _LINK if node.link else _FILE)) << 16
    if node.source is None:
        info.external_attr |= _DIRECTORY if node.is_directory else 0
        archive.writestr(info, node.link.encode())
        return
    info.compress_type = zipfile.ZIP_DEFLATED
    with node.source.open("rb") as stream, archive.open(info, "w") as entry:
        shutil.copyfileobj(stream, entry, files.CHUNK)


def moment(epoch: int) -> tuple[int, int, int, int, int, int]:
    """The date in UTC, which a zip has for a local time, between 1980 and 2107, in steps of two seconds."""
    moment = time.gmtime(min(max(epoch, clock.EARLIEST), _LATEST))
    return moment.tm_year, moment.tm_mon, moment.tm_mday, moment.tm_hour, moment.tm_min, moment.tm_sec
