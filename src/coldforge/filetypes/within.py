"""What is packed inside of a file: members of zip archives, of PyInstaller's archives, the modules in them, compressed data.

Everything is read as far as it makes sense; what is damaged, very large, or of another kind has nothing inside.
Source: PyInstaller/archive/writers.py (CArchiveWriter, ZlibArchiveWriter).
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, BinaryIO, Final

from coldforge.filetypes import marshalled, packed

_TABLE: Final = 1 << 24  # bytes of a table that are looked at
_PLACES: Final = 2**32 - 1  # a place in an archive, or a size there
_LARGEST: Final = 1 << 28  # bytes of one piece, unpacked: a few bytes can claim to be any number
_PIECES: Final = 256  # of an entry of a program, each of a mebibyte
_DEPTH: Final = 4  # of archives in archives: a one-file program's library of modules is the third
_MODULES: Final = b"PYZ\0"
_COMPRESSED: Final[Mapping[bytes, Callable[[BinaryIO], Any]]] = {
    b"\x1f\x8b": lambda stream: gzip.GzipFile(fileobj=stream),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ": lzma.LZMAFile,
}
_DAMAGE: Final = (
    OSError,
    EOFError,
    ValueError,
    LookupError,
    struct.error,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    RuntimeError,
    TypeError,
)


Known = Callable[[tuple[str, ...], str], bool]
"""Whether a piece, by the names that lead to it and the sha256 of its bytes as they are packed, need not be looked into."""


def pieces(
    stream: BinaryIO, names: tuple[str, ...], depth: int = _DEPTH, known: Known = lambda _names, _digest: False
) -> Iterator[tuple[tuple[str, ...], BinaryIO]]:
    """The stream itself, and everything that is packed in it and not known, each under the names that lead to it."""
    yield names, stream
    try:
        for name, data in _inside(stream, lambda name, digest: known((*names, name), digest)) if depth else ():
            yield from pieces(io.BytesIO(data), (*names, name), depth - 1, known)
    except _DAMAGE:
        return


def _inside(stream: BinaryIO, known: Callable[[str, str], bool]) -> Iterator[tuple[str, bytes]]:
    stream.seek(0)
    head = stream.read(8)
    if head.startswith(b"PK\3\4"):
        with zipfile.ZipFile(stream) as archive:
            members = [member for member in archive.infolist() if not member.is_dir() and member.file_size <= _LARGEST]
            yield from ((member.filename, archive.read(member)) for member in members)
    elif head.startswith(_MODULES):
        yield from _modules(stream, known)
    elif reader := next((reader for start, reader in _COMPRESSED.items() if head.startswith(start)), None):
        stream.seek(0)
        yield "unpacked", reader(stream).read(_LARGEST)
    else:
        for entry in packed.entries(stream):
            if not known(entry.name, _digest(stream, entry.start, entry.size, f"entry {entry.compressed}")):
                yield entry.name, b"".join(islice(packed.unpacked(stream, entry), _PIECES))


def _digest(stream: BinaryIO, start: int, size: int, how: str) -> str:
    """The digest of a part of a stream and of how it is packed."""
    total = hashlib.sha256(how.encode())
    stream.seek(start)
    while piece := stream.read(min(size, 1 << 20)):
        total.update(piece)
        size -= len(piece)
    return total.hexdigest()


def _inflated(data: bytes) -> bytes:
    return zlib.decompressobj().decompress(data, _LARGEST)


def _modules(stream: BinaryIO, known: Callable[[str, str], bool]) -> Iterator[tuple[str, bytes]]:
    """The compiled modules of an archive by name."""
    for name, start, size in module_table(stream):
        if not known(name, _digest(stream, start, size, "module")):
            stream.seek(start)
            yield name, _inflated(stream.read(size)) if size else b""


def module_table(stream: BinaryIO) -> list[tuple[str, int, int]]:
    """Name, place and packed size of every module in an archive of modules. Raises what `marshalled.loads` does when it is damaged."""
    stream.seek(8)
    (place,) = struct.unpack("!I", stream.read(4))
    stream.seek(place)
    found = [(name, start, size) for name, (_, start, size) in marshalled.loads(stream.read(_TABLE))]
    if any(not isinstance(name, str) or not 0 <= start <= _PLACES or not 0 <= size <= _PLACES for name, start, size in found):
        raise ValueError("its table is damaged")
    return found
