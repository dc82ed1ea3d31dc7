"""Signatures and tickets of disk images for macOS, as data: taken out, put back, and checked against the image's bytes. No key is needed.

Both lie between the table of an image and its trailer, which says where. A ticket is what Apple gives for code that it has accepted; it is
no part of what is signed.
What is in a signature is told by `blobs`, what is in an image by `udif`.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO, Final

from coldforge.filetypes import blobs, developer, udif
from coldforge.filetypes.spans import Span, pieces

TICKET: Final = 0x10002
_TABLE, _SIGNATURE = 216, 296  # where in the trailer place and size of the table stand, and those of the signature
_OF_TRAILER: Final = 6  # where a directory has the digest of the trailer
_PLACE: Final = struct.Struct(">QQ")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Image:
    """An image: where its table ends, what lies between that and the trailer, and the trailer without a word of it."""

    end: int
    region: bytes
    trailer: bytes


def _image(stream: BinaryIO) -> _Image:
    if not udif.is_image(stream):
        raise ValueError("it is no disk image")
    size = stream.seek(0, 2) - udif.TRAILER
    stream.seek(size)
    trailer = bytearray(stream.read(udif.TRAILER))
    end = sum(_PLACE.unpack_from(trailer, _TABLE))
    place, length = _PLACE.unpack_from(trailer, _SIGNATURE)
    if (place, length) not in ((0, 0), (end, size - end)) or not end <= size or (not length and end != size):
        raise ValueError("there is something between its table and its trailer")
    stream.seek(end)
    region = stream.read(length)
    _PLACE.pack_into(trailer, _SIGNATURE, 0, 0)
    return _Image(end=end, region=region, trailer=bytes(trailer))


def _parts(found: _Image) -> dict[int, bytes]:
    return blobs.parts(found.region, {**blobs.KINDS, TICKET: blobs.WRAPPED}) if found.region else {}


def _with(found: _Image, parts: Mapping[int, bytes]) -> tuple[Span, ...]:
    """An image with these parts between its table and its trailer."""
    region = blobs.joined(parts) if parts else b""
    trailer = bytearray(found.trailer)
    _PLACE.pack_into(trailer, _SIGNATURE, found.end if region else 0, len(region))
    return (Span(0, found.end), Span(0, 0, region + bytes(trailer)))


def unsigned(stream: BinaryIO) -> tuple[tuple[Span, ...], bool]:
    """An image without signature and ticket, and whether it had one. Raises ValueError where something else lies in their place."""
    found = _image(stream)
    return _with(found, {}), bool(_parts(found))


def detached(stream: BinaryIO) -> bytes:
    """The signature of an image, without a ticket. Raises ValueError when there is none."""
    parts = _parts(_image(stream))
    parts.pop(TICKET, None)
    if not parts:
        raise ValueError("it is not signed")
    return blobs.joined(parts)


def attached(stream: BinaryIO, signature: bytes) -> tuple[Span, ...]:
    """An image with a signature that was taken out of it before, as spans of it; without the ticket that it may have."""
    found = _image(stream)
    return _with(found, blobs.parts(signature))


def stapled(stream: BinaryIO, ticket: bytes) -> tuple[Span, ...]:
    """A signed image with a ticket, as spans of it. Raises ValueError for one that is not signed."""
    found = _image(stream)
    if not (parts := _parts(found)):
        raise ValueError("it is not signed, and a ticket is about what is")
    return _with(found, {**parts, TICKET: struct.pack(">II", blobs.WRAPPED, 8 + len(ticket)) + ticket})


def ticket(stream: BinaryIO) -> bytes:
    """The ticket of an image, empty for none."""
    return _parts(_image(stream)).get(TICKET, b"")[8:]


def record(stream: BinaryIO) -> str:
    """What Apple's ticket of an image is asked for by: what stands for the code, with the kind of its digest (2: SHA-256).

    Raises ValueError when it is not signed, or as `read`.
    """
    if (seen := read(stream)) is None:
        raise ValueError("it is not signed")
    return f"2/2/{seen.cdhash}"


def read(stream: BinaryIO) -> developer.Seen | None:
    """The signature of an image; None when it has none. Raises ValueError when what is signed is not this image."""
    found = _image(stream)
    parts = _parts(found)
    if not parts:
        return None
    first = blobs.directory(parts[blobs.DIRECTORY], whole=True)
    made = hashlib.new(first.algorithm, usedforsecurity=False)
    for piece in pieces(stream, (Span(0, found.end),)):
        made.update(piece)
    start, end = first.pages
    if first.limit != found.end or first.data[start:end] != made.digest()[: first.width]:
        raise ValueError("the image was changed after it was signed")
    trailer = bytearray(found.trailer)
    _PLACE.pack_into(trailer, _SIGNATURE, found.end, 0)  # its size is not known before it is made
    digest = hashlib.new(first.algorithm, trailer, usedforsecurity=False).digest()[: first.width]
    if blobs.special(first, _OF_TRAILER) != digest:
        raise ValueError("the trailer was changed after it was signed")
    blobs.check(first, parts)
    if any(blobs.OTHERS <= slot < blobs.SIGNATURE for slot in parts):
        raise ValueError("there is more in its signature than one")
    return developer.said([first], parts)
