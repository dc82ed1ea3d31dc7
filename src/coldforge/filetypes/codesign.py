"""Code signatures of macOS, as data: taken out of a Mach-O file, put back into it, and checked against its bytes. No key is needed.

A signature lies at the end of a file's `__LINKEDIT` segment, and its header says where; so without it a file is brought into one form: the
header has the command, and it leads to nothing. What is kept of a signature are its parts without the digests of the file's pages:
these are made again from the file.
What is in a signature is told by `blobs`, whose it is by `developer`, what is in a Mach-O file by `macho`.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import BinaryIO, Final

from coldforge.filetypes import blobs, developer, macho
from coldforge.filetypes.spans import Span, pieces

_COMMAND: Final = struct.Struct("<IIII")
_LAYOUT: Final = struct.Struct(">BxxxIQ")  # of a slice: alignment as a power of two, room for the signature, size in memory of the segment
_HEADER, _SEGMENT, _SIGNATURE = 32, 0x19, 0x1D
_GRAIN: Final = 16  # a signature begins at a multiple
_PAGE: Final = 14  # the largest page of a Mac, as a power of two
_FAT: Final = b"\xca\xfe\xba\xbe"
MAGICS: Final = (b"\xcf\xfa\xed\xfe", _FAT)  # what files begin with that can be signed


@dataclass(frozen=True, slots=True, kw_only=True)
class _Slice:
    """One architecture, as signing sees it: all places are counted from its start.

    `head` are its header and load commands, `segment` is where among them that of `__LINKEDIT` begins, `command` the one of the signature
    (None: there is none, and room for it); `end` is where the signature begins, or would.
    """

    start: int
    head: bytes
    segment: int
    command: int | None
    end: int
    region: bytes
    size: int
    align: int
    machine: bytes

    @property
    def is_signed(self) -> bool:
        return bool(self.region)


def _slices(stream: BinaryIO) -> tuple[_Slice, ...]:
    """The architectures of a file. Raises ValueError when there is more in it than those, or one of them cannot be signed."""
    found = macho.slices(stream)
    machines = _machines(stream, len(found))
    made = tuple(_slice(stream, one, *machines.get(one.offset, (b"", 0))) for one in found)
    start = 8 + 20 * len(made) if machines else 0
    places = [(0, start), *((one.start, one.start + one.size) for one in made)]
    for (_, end), (begin, _) in pairwise([*places, (stream.seek(0, 2),) * 2]):
        if any(any(piece) for piece in pieces(stream, (Span(end, begin),))):
            raise ValueError("there is something between its architectures, or behind them")
    return made


def _machines(stream: BinaryIO, number: int) -> dict[int, tuple[bytes, int]]:
    """Which processor each architecture is for, in its own bytes, and its alignment, by where it begins; nothing for a single one."""
    stream.seek(0)
    head = stream.read(8 + 20 * number)
    if head[:4] != _FAT:
        return {}
    entries = (head[place : place + 20] for place in range(8, len(head), 20))
    return {int.from_bytes(entry[8:12], "big"): (entry[:8], int.from_bytes(entry[16:20], "big")) for entry in entries}


def _slice(stream: BinaryIO, found: macho.Slice, machine: bytes, align: int) -> _Slice:
    stream.seek(found.offset)
    head = stream.read(_HEADER)
    if head[:4] != MAGICS[0]:
        raise ValueError("it is for processors of 32 bits: no Mac runs it any more")
    head += stream.read(int.from_bytes(head[20:24], "little"))
    if machine and (_processor(machine, ">") != _processor(head[4:12], "<") or align > 15 or found.offset % (1 << align)):
        raise ValueError("the table of its architectures is about others")
    segment = command = None
    lowest = found.size
    for kind, place, size in _commands(head):
        if kind == _SEGMENT:
            lowest = min([lowest, *_contents(head, place, size)])
            segment = place if head[place + 8 : place + 24].rstrip(b"\0") == b"__LINKEDIT" else segment
        elif kind == _SIGNATURE:
            command = place
    if segment is None:
        raise ValueError("it has no segment that a signature could lie in")
    _, size, offset, length = struct.unpack_from("<QQQQ", head, segment + 24)
    if offset + length != found.size:
        raise ValueError("there is something behind the last segment of it")
    end, region = _region(stream, found, head, command)
    if command is None:
        stream.seek(found.offset + len(head))
        if lowest < len(head) + _COMMAND.size or any(stream.read(_COMMAND.size)):
            raise ValueError("there is no room in its header for a signature")
    return _Slice(
        start=found.offset, head=head, segment=segment, command=command, end=end, region=region, size=found.size,
        align=align, machine=machine,
    )  # fmt: skip


def _processor(data: bytes, order: str) -> tuple[int, int]:
    """Kind and kind of that kind, without the mark of 64 bits that only one of two places need have."""
    kind, subtype = struct.unpack(f"{order}II", data)
    return kind, subtype & 0x7FFFFFFF


def _commands(head: bytes) -> Iterator[tuple[int, int, int]]:
    """The load commands: kind, where, how long. That they are whole has been seen to."""
    place = _HEADER
    for _ in range(int.from_bytes(head[16:20], "little")):
        kind, size = struct.unpack_from("<II", head, place)
        yield kind, place, size
        place += size


def _contents(head: bytes, place: int, size: int) -> Iterator[int]:
    """Where the sections of a segment begin that are in the file."""
    (number,) = struct.unpack_from("<I", head, place + 64)
    for section in range(place + 72, min(place + 72 + 80 * number, place + size), 80):
        (offset,) = struct.unpack_from("<I", head, section + 48)
        if offset:
            yield offset


def _region(stream: BinaryIO, found: macho.Slice, head: bytes, command: int | None) -> tuple[int, bytes]:
    """Where the signature begins, and all that lies there."""
    if command is None:
        return found.size, b""
    _, _, offset, size = _COMMAND.unpack_from(head, command)
    if offset + size != found.size or offset % _GRAIN:
        raise ValueError("its signature is not the last that is in it")
    stream.seek(found.offset + offset)
    return offset, stream.read(size)


def _laid(one: _Slice, region: int, memory: int) -> tuple[Span, ...]:
    """An architecture with room for a signature, up to where that begins."""
    end = -(-one.end // _GRAIN) * _GRAIN
    head = bytearray(one.head)
    if one.command is None:
        head += bytes(_COMMAND.size)
        number, room = struct.unpack_from("<II", head, 16)
        struct.pack_into("<II", head, 16, number + 1, room + _COMMAND.size)
    place = len(one.head) if one.command is None else one.command
    _COMMAND.pack_into(head, place, _SIGNATURE, _COMMAND.size, end, region)
    (offset,) = struct.unpack_from("<Q", head, one.segment + 40)
    struct.pack_into("<Q", head, one.segment + 32, memory or _rounded(end + region - offset, _PAGE))
    struct.pack_into("<Q", head, one.segment + 48, end + region - offset)
    return (Span(0, 0, bytes(head)), Span(one.start + len(head), one.start + one.end), Span(0, 0, bytes(end - one.end)))


def _rounded(size: int, power: int) -> int:
    return (size + (1 << power) - 1) >> power << power


def _joined(slices: Iterable[_Slice], made: Iterable[tuple[Span, ...]], aligns: Iterable[int]) -> tuple[Span, ...]:
    """A file of architectures that are laid out anew; of a single one that alone."""
    slices, made, aligns = tuple(slices), tuple(made), tuple(aligns)
    if not slices[0].machine:
        return made[0]
    place = 8 + 20 * len(slices)
    table, spans = [], []
    for one, parts, align in zip(slices, made, aligns, strict=True):
        start, size = _rounded(place, align), sum(_length(part) for part in parts)
        table.append(one.machine + struct.pack(">III", start, size, align))
        spans += [Span(0, 0, bytes(start - place)), *parts]
        place = start + size
    return (Span(0, 0, _FAT + struct.pack(">I", len(slices)) + b"".join(table)), *spans)


def _length(span: Span) -> int:
    return span.end - span.start if span.instead is None else len(span.instead)


def unsigned(stream: BinaryIO) -> tuple[tuple[Span, ...], bool]:
    """A Mach-O file in the form that it has without a signature, and whether it had one.

    Raises ValueError for what is none, or where something else than a signature lies in the place of one.
    """
    slices = _slices(stream)
    for one in slices:
        if one.is_signed:
            blobs.parts(one.region)
    return _joined(slices, [_laid(one, 0, 0) for one in slices], [_PAGE] * len(slices)), any(one.is_signed for one in slices)


def digest(stream: BinaryIO) -> str:
    """The sha256 of a Mach-O file without its signature: the same before and after signing. Raises ValueError for what is none."""
    made = hashlib.sha256()
    for piece in pieces(stream, unsigned(stream)[0]):
        made.update(piece)
    return made.hexdigest()


def detached(stream: BinaryIO) -> bytes:
    """The signature of a file, to be put into the same file again. Raises ValueError when one of its architectures has none."""
    slices = _slices(stream)
    if not all(one.is_signed for one in slices):
        raise ValueError("one of its architectures is not signed")
    return b"".join(_kept(one) for one in slices)


def _kept(one: _Slice) -> bytes:
    (memory,) = struct.unpack_from("<Q", one.head, one.segment + 32)
    data = one.region[: int.from_bytes(one.region[4:8], "big")]
    for start, end in reversed(blobs.cuts(one.region)):
        data = data[:start] + data[end:]
    return _LAYOUT.pack(one.align, len(one.region), memory) + data


def attached(stream: BinaryIO, signature: bytes) -> tuple[Span, ...]:
    """A file with a signature that was taken out of it before, whatever other it has; as spans of it.

    Raises ValueError when the one does not belong to the other.
    """
    slices = _slices(stream)
    made, aligns, place = [], [], 0
    for one in slices:
        if place + _LAYOUT.size > len(signature):
            raise ValueError("the signature is of a file with fewer architectures")
        align, room, memory = _LAYOUT.unpack_from(signature, place)
        place += _LAYOUT.size
        laid = _laid(one, room, memory)
        whole, used = blobs.restored(stream, laid, signature[place:])
        place += used
        if align > 15 or len(whole) > room or room > len(whole) + (1 << 20):
            raise ValueError("the signature has no sensible size")
        made.append((*laid, Span(0, 0, whole + bytes(room - len(whole)))))
        aligns.append(align)
    if place != len(signature):
        raise ValueError("the signature is of a file with more architectures")
    return _joined(slices, made, aligns)


def regions(stream: BinaryIO) -> tuple[bytes, ...]:
    """What lies in the place of a signature in each architecture, whatever it is worth; empty for nothing. Raises ValueError as `read`."""
    return tuple(one.region for one in _slices(stream))


def read(stream: BinaryIO) -> tuple[developer.Seen | None, ...]:
    """The signatures of a Mach-O file, one for each of its architectures; None for one that has none.

    Raises ValueError when what is signed is not this file, one of `signed.damage()` when a signature is damaged.
    """
    return tuple(_seen(stream, one) if one.is_signed else None for one in _slices(stream))


def _seen(stream: BinaryIO, one: _Slice) -> developer.Seen:
    found = blobs.parts(one.region)
    listed = {slot: blobs.directory(data) for slot, data in found.items() if blobs.KINDS[slot] == blobs.DIRECTORIES}
    for each in listed.values():
        _check(stream, one, each, found)
    return developer.said([listed[slot] for slot in sorted(listed)], found)


def _check(stream: BinaryIO, one: _Slice, found: blobs.Directory, others: Mapping[int, bytes]) -> None:
    """Raises ValueError when a directory's digests are not those of the file, or of the other parts of the signature."""
    start, end = found.pages
    if found.limit != one.end or blobs.pages_of(stream, (Span(one.start, one.start + one.end),), found) != found.data[start:end]:
        raise ValueError("the file was changed after it was signed")
    blobs.check(found, others)
