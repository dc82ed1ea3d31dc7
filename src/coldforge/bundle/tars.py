"""Tar streams of a tree, compressed: what half of the formats are made of. Nothing is held in memory but a piece of a file."""

from __future__ import annotations

import io
import tarfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Final, Literal

from coldforge.bundle.tree import Node, Tree
from coldforge.filetypes import gzips, zstds
from coldforge.filetypes.blocks import BlockWriter
from coldforge.host import files

Form = Literal[1, 2]
GNU: Final[Form] = 1  # tarfile.GNU_FORMAT: dpkg and opkg read no pax headers
PAX: Final[Form] = 2  # tarfile.PAX_FORMAT
END: Final = bytes(2 * tarfile.BLOCKSIZE)

Extra = Callable[[Node], Mapping[str, str]]
"""Further pax headers of an entry."""


def gzip_tool() -> str:
    """Another zlib may write other bytes."""
    return f"tarfile + zlib {zlib.ZLIB_RUNTIME_VERSION} level {gzips.LEVEL}"


def zstd_tool() -> str:
    """See `zstds.tool`."""
    return f"tarfile + {zstds.tool()}"


def write(tree: Tree, stream: IO[bytes] | io.RawIOBase, *, below: str = "", form: Form = PAX, extra: Extra | None = None) -> None:
    """Write the tree with `below` before each path: a folder, which gets an entry of its own."""
    root, written = Node(path="", mode=0o755), 0
    for node in (root, *tree) if below else tree:
        header = info(node, below, tree.epoch)
        header.pax_headers = dict(extra(node)) if extra else {}
        head = header.tobuf(form, "utf-8", "surrogateescape")
        stream.write(head)
        if node.source:
            _copy(node, node.source, stream)
        written += len(head) + node.size + _padding(node.size)
    stream.write(END)
    stream.write(bytes(-(written + len(END)) % tarfile.RECORDSIZE))


def _padding(size: int) -> int:
    return -size % tarfile.BLOCKSIZE


def _copy(node: Node, source: Path, stream: IO[bytes] | io.RawIOBase) -> None:
    """The content of a file, filled up; in a compressed stream a large one is blocks of its own, which other streams have too."""
    cut = stream.cut if isinstance(stream, BlockWriter) and node.size >= stream.alone else None
    if cut:
        cut()
    left = node.size
    with source.open("rb", buffering=0) as content:
        while left and (piece := content.read(min(left, files.CHUNK))):
            stream.write(piece)
            left -= len(piece)
    if left:
        raise OSError(f"{source} has become shorter while it was read")
    if cut:
        cut()
    stream.write(bytes(_padding(node.size)))


def info(node: Node, folder: str, epoch: int) -> tarfile.TarInfo:
    """The header of an entry: owner 0, one time, nothing of the machine."""
    made = tarfile.TarInfo(f"{folder}/{node.path}".strip("/") if folder else node.path)
    made.type = tarfile.REGTYPE if node.source else tarfile.SYMTYPE if node.link else tarfile.DIRTYPE
    made.mode, made.mtime, made.size, made.linkname = node.mode, epoch, node.size, node.link
    return made


def texts(files: Mapping[str, bytes], epoch: int, *, form: Form = GNU) -> bytes:
    """A few small files as the entries of a tar, in the order given, without what ends one: see `END`. Scripts are executable."""
    made = io.BytesIO()
    for name, data in files.items():
        node = Node(path=name, mode=0o755 if data.startswith(b"#!") else 0o644, size=len(data), source=Path(name))
        made.write(info(node, "", epoch).tobuf(form, "utf-8", "surrogateescape"))
        made.write(data + bytes(-len(data) % tarfile.BLOCKSIZE))
    return made.getvalue()
