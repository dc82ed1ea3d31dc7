"""cpio of the old ASCII format (`odc`), which packages for macOS have: one entry after the other, numbered, owner 0, one time.

Source: cpio(5)
"""

from __future__ import annotations

import shutil
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from coldforge.bundle.tree import Node, Tree
from coldforge.filetypes import gzips
from coldforge.filetypes.cpio import LAST, MAGIC
from coldforge.host import files

LARGEST: Final = 8**11 - 1  # bytes of a file
_NUMBERS: Final = 8**6  # what the number of an entry starts again at


def pack(tree: Tree, path: Path) -> int:
    """Write the tree below `.` as a gzipped cpio; how many entries it has."""
    with path.open("wb") as raw, gzips.GzipWriter(raw) as stream:
        nodes = [Node(path="", mode=0o755), *tree]
        for number, node in enumerate(nodes, 1):
            _add(stream, number, node, tree.epoch)
        _header(stream, LAST, {"links": 1})
    return len(nodes)


def _add(stream: gzips.GzipWriter, number: int, node: Node, epoch: int) -> None:
    name = f"./{node.path}".rstrip("/")
    facts = {"number": number % _NUMBERS, "time": epoch, "links": 2 if node.is_directory else 1}
    if node.source:
        _header(stream, name, {**facts, "mode": stat.S_IFREG | node.mode, "size": node.size})
        with node.source.open("rb") as content:
            shutil.copyfileobj(content, stream, files.CHUNK)
        return
    link = node.link.encode()
    mode = stat.S_IFLNK | 0o755 if link else stat.S_IFDIR | node.mode
    _header(stream, name, {**facts, "mode": mode, "size": len(link)})
    stream.write(link)


def _header(stream: gzips.GzipWriter, name: str, facts: Mapping[str, int]) -> None:
    text = name.encode() + b"\0"
    number, mode, links, time, size = (facts.get(each, 0) for each in ("number", "mode", "links", "time", "size"))
    stream.write(MAGIC + b"%06o%06o%06o%06o%06o%06o%06o%011o%06o%011o" % (0, number, mode, 0, 0, links, 0, time, len(text), size) + text)
