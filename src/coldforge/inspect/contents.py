"""Entries of archives and Debian packages, read as a stream and without trust: nothing is extracted, nothing is believed.

What a file claims of itself costs neither memory nor time beyond its own limits: headers, entries and unpacked bytes are
counted, sparse files are not filled in.
"""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator
from functools import partial
from itertools import chain
from os import SEEK_END
from pathlib import PurePosixPath
from tempfile import SpooledTemporaryFile
from typing import IO, Any, BinaryIO, Final, Literal, Protocol, cast

from coldforge.host.archive import HEADER, Header
from coldforge.inspect.survey import LARGEST, Survey
from coldforge.records import Record

UNPACKED: Final = 16 << 30  # bytes of one archive
ENTRIES: Final = 200_000
PIECE: Final = 1 << 20
_SMALL: Final = 1 << 10  # compressed bytes at a time: a block of four can be 128 KiB
KEPT: Final = 64 << 20  # bytes of a file that are kept in memory


class Item(Record, frozen=True, kw_only=True):
    """One entry: `mode` in octal text, `sha256` of a file's content, `link` where a link points, `note` what else is known of it."""

    path: str
    kind: Literal["file", "directory", "link", "other"] = "file"
    size: int = 0
    sha256: str = ""
    mode: str = ""
    link: str = ""
    note: str = ""


class Readable(Protocol):
    """What bytes come from."""

    def read(self, size: int, /) -> bytes: ...


class Bounded:
    """Reads at most `limit` bytes; `refuse` says that more is an error, not the end."""

    def __init__(self, stream: Readable, limit: int, *, refuse: bool) -> None:
        self._stream, self._left, self._refuse = stream, limit, refuse

    def read(self, size: int = -1) -> bytes:
        """The next bytes. Raises ValueError beyond the limit when that is refused."""
        wanted = self._left if size < 0 else min(size, self._left)
        data = self._stream.read(wanted)
        self._left -= len(data)
        if self._refuse and not self._left and self._stream.read(1):
            raise ValueError("it unpacks to more than is looked at")
        return data


def archive(stream: IO[bytes] | Bounded, compression: str) -> tarfile.TarFile:
    """A tar in a stream, compressed as its suffix says: `.gz`, `.xz`, `.bz2`, `.zst` or nothing."""
    plain: Any = Bounded(unpacked(stream, compression), UNPACKED, refuse=True)
    return tarfile.open(fileobj=plain, mode="r|", tarinfo=Header)


class _Zstd:
    """A zstd stream that must be whole: the library's own reader takes one that is cut off for its end."""

    def __init__(self, stream: Readable) -> None:
        self._stream, self._left, self._frame = stream, b"", self._next()

    @staticmethod
    def _next() -> Any:
        import zstandard

        return zstandard.ZstdDecompressor().decompressobj()

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes. Raises EOFError when the stream ends within a frame."""
        while not self._left:
            packed = self._stream.read(_SMALL)
            if not packed and not self._frame.eof:
                raise EOFError("it is cut off")
            if not packed:
                break
            while packed:
                self._frame = self._next() if self._frame.eof else self._frame
                self._left += self._frame.decompress(packed)
                packed = self._frame.unused_data
        data, self._left = self._left[:size], self._left[size:]
        return data


def unpacked(stream: Any, compression: str) -> Any:
    """A reader of what is compressed as a suffix says: `.gz`, `.xz`, `.bz2`, `.zst` or nothing."""
    if compression == ".zst":
        return _Zstd(stream)
    if compression == ".gz":
        import gzip

        return gzip.GzipFile(fileobj=stream)
    if compression == ".xz":
        import lzma

        return lzma.LZMAFile(stream)
    if compression == ".bz2":
        import bz2

        return bz2.BZ2File(stream)
    return stream


def damage() -> tuple[type[Exception], ...]:
    """What libraries raise when bytes make no sense; a chain of headers of headers ends in RecursionError."""
    import lzma
    import struct
    import zlib

    import zstandard

    return (
        struct.error,
        tarfile.TarError,
        EOFError,
        ValueError,
        LookupError,  # a number that leads out of a table
        OSError,
        OverflowError,
        RecursionError,
        zlib.error,
        lzma.LZMAError,
        zstandard.ZstdError,
    )


def members(tar: tarfile.TarFile, survey: Survey, told: dict[str, bytes] | None = None) -> Iterator[Item]:
    """The entries of a tar, in its order; then the rest of the stream, whose checksum comes last. The survey sees all of them.

    Of the files whose names are in `told` the beginning is put there.
    """
    for number, member in enumerate(tar):
        if number >= ENTRIES:
            raise ValueError(f"it has more than {ENTRIES} entries")
        yield _item(tar, member, survey, {} if told is None else told)
    drain(tar)


def drain(tar: tarfile.TarFile) -> None:
    """Read what is behind the entries of a tar, whose checksum comes last."""
    stream: Any = tar.fileobj
    while stream.read(HEADER):
        pass


def _item(tar: tarfile.TarFile, member: tarfile.TarInfo, survey: Survey, told: dict[str, bytes]) -> Item:
    survey.name(member.name)
    kind: Literal["file", "directory", "link", "other"] = "file" if member.isreg() else "other"
    kind = "directory" if member.isdir() else "link" if member.issym() or member.islnk() else kind
    stream = tar.extractfile(member) if member.isreg() and not member.issparse() else None
    pieces = _pieces(stream) if stream else iter(())
    if member.name in told:
        told[member.name] = next(pieces, b"")[:HEADER]
        pieces = chain([told[member.name]], pieces)
    return Item(
        path=escaped(member.name),
        kind=kind,
        size=member.size,
        sha256=seen(member.name, member.size, pieces, survey)[0] if stream else "",
        mode=f"{member.mode:o}",
        link=escaped(member.linkname) if kind == "link" else "",
        note=_note(member),
    )


def seen(path: str, size: int, pieces: Iterator[bytes], survey: Survey) -> tuple[str, int]:
    """The digest and size of a file that comes in pieces; what the survey wants to look into is kept meanwhile."""
    head = next(pieces, b"")
    digest, found, wanted = hashlib.sha256(), 0, survey.wants(path, size, head)
    with SpooledTemporaryFile(max_size=KEPT) as kept:
        for piece in chain([head], pieces):
            digest.update(piece)
            found += len(piece)
            if wanted and kept.tell() <= LARGEST:
                kept.write(piece)
        kept.seek(0)
        if wanted:
            survey.look(path, cast("BinaryIO", kept))
    return digest.hexdigest(), found


def _pieces(stream: IO[bytes]) -> Iterator[bytes]:
    return iter(partial(stream.read, PIECE), b"")


def _note(member: tarfile.TarInfo) -> str:
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts:
        return "leads out of its folder"
    if member.mode & 0o7000:
        return "has special rights"
    if member.issparse():
        return "sparse, not read"
    return "" if member.isreg() or member.isdir() or member.issym() or member.islnk() else "a device or pipe"


def escaped(name: str) -> str:
    """A name that can be written down; bytes that are no text are escaped."""
    return name.encode(errors="backslashreplace").decode()


def deb(stream: IO[bytes], survey: Survey) -> tuple[dict[str, str], list[Item]]:
    """Control fields and files of a Debian package: deb(5), an ar archive of two tars."""
    fields: dict[str, str] = {}
    items: list[Item] = []
    found = set()
    for name, member in _ar(stream):
        part, _, compression = name.partition(".tar")
        if part == "control":
            fields = fields_of(control_of(archive(member, compression)))
        elif part == "data":
            items = list(members(archive(member, compression), survey))
        found.add(part)
    if not found >= {"control", "data"} or not fields:
        raise ValueError("it has no control file, or no data")
    return fields, items


def control(stream: IO[bytes]) -> str:
    """The control file of a Debian package, as it stands there. Raises ValueError when it has none."""
    for name, member in _ar(stream):
        part, _, compression = name.partition(".tar")
        if part == "control" and (text := control_of(archive(member, compression))):
            return text
    raise ValueError("it has no control file")


def _ar(stream: IO[bytes]) -> Iterator[tuple[str, Bounded]]:
    """The members of an ar archive: ar(5), a header of 60 bytes each."""
    position, end = 8, stream.seek(0, SEEK_END)
    while len(head := _at(stream, position)) == 60:
        size = head[48:58].decode("ascii", "replace").strip()
        if not size.isdecimal() or head[58:] != b"`\n":
            raise ValueError("a header in it is damaged")
        if position + 60 + int(size) > end:
            raise EOFError("it is cut off")
        yield head[:16].decode("ascii", "replace").rstrip(" /"), Bounded(stream, int(size), refuse=False)
        position += 60 + int(size) + int(size) % 2
    if head:
        raise EOFError("it is cut off")


def _at(stream: IO[bytes], position: int) -> bytes:
    stream.seek(position)
    return stream.read(60)


def control_of(tar: tarfile.TarFile) -> str:
    """The control file's text in a tar of control files; empty without one."""
    for member in tar:
        if PurePosixPath(member.name).name == "control" and member.isreg() and not member.issparse():
            stream = tar.extractfile(member)
            return stream.read(HEADER).decode(errors="backslashreplace") if stream else ""
    return ""


def fields_of(text: str) -> dict[str, str]:
    """The fields of a control file."""
    return dict(_pairs(text))


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for line in text.replace("\n ", " ").splitlines():
        key, separator, value = line.partition(":")
        if separator:
            yield key, value.strip()
