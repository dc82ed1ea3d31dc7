"""What is packed inside of a file: members of zip archives, of PyInstaller's archives, the modules in them, compressed data.

Everything is read as far as it makes sense; what is damaged, very large, or of another kind has nothing inside.
Source: PyInstaller/archive/writers.py (CArchiveWriter, ZlibArchiveWriter), CPython's marshal.c.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, BinaryIO, Final

from coldforge.host import packed

_TABLE: Final = 1 << 24  # bytes of a table that are looked at
_LARGEST: Final = 1 << 28  # bytes of one piece, unpacked: a few bytes can claim to be any number
_PIECES: Final = 256  # of an entry of a program, each of a mebibyte
_DEPTH: Final = 4  # of archives in archives: a one-file program's library of modules is the third
_MODULES: Final = b"PYZ\0"
_COMPRESSED: Final[Mapping[bytes, Callable[[BinaryIO], Any]]] = {
    b"\x1f\x8b": lambda stream: gzip.GzipFile(fileobj=stream),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ": lzma.LZMAFile,
}
_DAMAGE: Final = (OSError, EOFError, ValueError, LookupError, struct.error, zlib.error, lzma.LZMAError, zipfile.BadZipFile, RuntimeError)


def pieces(stream: BinaryIO, names: tuple[str, ...], depth: int = _DEPTH) -> Iterator[tuple[tuple[str, ...], BinaryIO]]:
    """The stream itself, and everything that is packed in it, each under the names that lead to it."""
    yield names, stream
    try:
        for name, data in _inside(stream) if depth else ():
            yield from pieces(io.BytesIO(data), (*names, name), depth - 1)
    except _DAMAGE:
        return


def _inside(stream: BinaryIO) -> Iterator[tuple[str, bytes]]:
    stream.seek(0)
    head = stream.read(8)
    if head.startswith(b"PK\3\4"):
        with zipfile.ZipFile(stream) as archive:
            members = [member for member in archive.infolist() if not member.is_dir() and member.file_size <= _LARGEST]
            yield from ((member.filename, archive.read(member)) for member in members)
    elif head.startswith(_MODULES):
        yield from _modules(stream)
    elif reader := next((reader for start, reader in _COMPRESSED.items() if head.startswith(start)), None):
        stream.seek(0)
        yield "unpacked", reader(stream).read(_LARGEST)
    else:
        for entry in packed.entries(stream):
            yield entry.name, b"".join(islice(packed.unpacked(stream, entry), _PIECES))


def _inflated(data: bytes) -> bytes:
    return zlib.decompressobj().decompress(data, _LARGEST)


def _modules(stream: BinaryIO) -> Iterator[tuple[str, bytes]]:
    """The compiled modules of an archive by name."""
    for name, start, size in module_table(stream):
        stream.seek(start)
        yield name, _inflated(stream.read(size)) if size else b""


def module_table(stream: BinaryIO) -> list[tuple[str, int, int]]:
    """Name, place and packed size of every module in an archive of modules. Raises ValueError or LookupError when it is damaged."""
    stream.seek(8)
    (place,) = struct.unpack("!I", stream.read(4))
    stream.seek(place)
    return [(name, start, size) for name, (_, start, size) in Marshalled(stream.read(_TABLE)).value()]


class Marshalled:
    """Lists, tuples, texts and whole numbers as Python's marshal writes them; read here, because `marshal.loads` crashes on bad data."""

    def __init__(self, data: bytes) -> None:
        self._stream = io.BytesIO(data)
        self._known: list[Any] = []

    def value(self) -> Any:
        """The next value. Raises ValueError for what is of another kind, LookupError where there is none."""
        code = self._stream.read(1)[0]
        place = len(self._known)
        if code & 0x80:  # it is referred to later, by its number
            self._known.append(None)
        value = self._plain(chr(code & 0x7F))
        if code & 0x80:
            self._known[place] = value
        return value

    def _plain(self, kind: str) -> Any:
        if kind == "r":
            return self._known[self._number(4)]
        if kind == "i":
            return self._number(4)
        if kind in "zZ":
            return self._stream.read(self._number(1)).decode("ascii")
        if kind in "aAut":
            return self._stream.read(self._number(4)).decode("utf-8")
        if kind in "([)":
            return [self.value() for _ in range(self._number(1 if kind == ")" else 4))]
        raise ValueError(kind)

    def _number(self, size: int) -> int:
        return int.from_bytes(self._stream.read(size), "little")
