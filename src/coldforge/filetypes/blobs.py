"""What is in a code signature of macOS: directories with digests of the code's pages, and what they are about besides these. Pure data.

Sources: <kern/cs_blobs.h> of xnu, and libsecurity_codesigning/lib/codedirectory.h of Security, at https://github.com/apple-oss-distributions
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import BinaryIO, Final

from coldforge.filetypes.spans import Span, pieces

DIRECTORY, REQUIREMENTS, RESOURCES, ENTITLEMENTS, ENTITLEMENTS_DER, OTHERS, SIGNATURE = 0, 2, 3, 5, 7, 0x1000, 0x10000
INFO: Final = 1
_SIGNED, DIRECTORIES, WRAPPED = 0xFADE0CC0, 0xFADE0C02, 0xFADE0B01
# What may stand in a signature, by where: directories of digests, and what they are about besides pages.
KINDS: Final = {
    DIRECTORY: DIRECTORIES, REQUIREMENTS: 0xFADE0C01, ENTITLEMENTS: 0xFADE7171, ENTITLEMENTS_DER: 0xFADE7172, SIGNATURE: WRAPPED,
    **{OTHERS + number: DIRECTORIES for number in range(5)},
}  # fmt: skip
FLAGS: Final = {
    0x2: "adhoc", 0x100: "hard", 0x200: "kill", 0x400: "expires", 0x800: "restrict", 0x1000: "enforcement", 0x2000: "library-validation",
    0x10000: "runtime", 0x20000: "linker-signed",
}  # fmt: skip
_DIGESTS: Final = {1: "sha1", 2: "sha256", 3: "sha256", 4: "sha384"}
_CDHASH: Final = 20  # bytes of a directory's digest that stand for it


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """A directory of digests: what one signs. `specials` are digests of what is not in the file's pages, by where that stands.

    `pages` is where the digests of pages lie in `data`, `page` how many bytes of the file each one is about (the file's first `limit`).
    """

    data: bytes
    identifier: str
    team: str
    flags: tuple[str, ...]
    algorithm: str
    width: int
    specials: Mapping[int, bytes]
    pages: tuple[int, int]
    page: int
    limit: int

    @property
    def cdhash(self) -> bytes:
        """What stands for the directory, and so for the code."""
        return hashlib.new(self.algorithm, self.data, usedforsecurity=False).digest()[:_CDHASH]


def parts(region: bytes, kinds: Mapping[int, int] = KINDS) -> dict[int, bytes]:
    """The parts of a signature by where they stand; `kinds` are those that there may be.

    Raises ValueError when there is anything else among them, or behind them.
    """
    if len(region) < 12:
        raise ValueError("its signature is cut off")
    kind, length, number = struct.unpack_from(">III", region)
    if kind != _SIGNED or length > len(region) or 12 + 8 * number > length or any(region[length:]):
        raise ValueError("what lies in the place of its signature is none")
    index = [struct.unpack_from(">II", region, 12 + 8 * each) for each in range(number)]
    found: dict[int, bytes] = {}
    place = 12 + 8 * number
    for slot, offset in sorted(index, key=lambda entry: entry[1]):
        size = int.from_bytes(region[offset + 4 : offset + 8], "big")
        known = int.from_bytes(region[offset : offset + 4], "big") == kinds.get(slot)
        if not known or slot in found or offset != place or size < 8 or offset + size > length:
            raise ValueError("there is more in its signature than one")
        found[slot] = region[offset : offset + size]
        place += size
    if place != length or DIRECTORY not in found:
        raise ValueError("its signature is not whole")
    return found


def joined(parts: Mapping[int, bytes]) -> bytes:
    """A signature of parts, in the order of where they stand."""
    place = 12 + 8 * len(parts)
    index = b""
    for slot in sorted(parts):
        index += struct.pack(">II", slot, place)
        place += len(parts[slot])
    return struct.pack(">III", _SIGNED, place, len(parts)) + index + b"".join(parts[slot] for slot in sorted(parts))


def directory(data: bytes, *, whole: bool = False) -> Directory:
    """A directory of digests; of pages, or one of the whole. Raises ValueError when it is damaged."""
    if len(data) < 44:
        raise ValueError("its directory of digests is cut off")
    version, flags, hashes, name, specials, number, limit, width, kind, page = struct.unpack_from(">IIIIIIIBBxB", data, 8)
    team = int.from_bytes(data[48:52], "big") if version >= 0x20200 else 0
    if version >= 0x20300 and (long := int.from_bytes(data[56:64], "big")):
        limit = long
    bad = kind not in _DIGESTS or not width or page > 20 or hashes - specials * width < 44 or hashes + number * width > len(data)
    page = 0 if whole else page  # what it says then means nothing
    if bad or number != (-(-limit // (1 << page)) if page else bool(limit)) or (version >= 0x20100 and any(data[44:48])):
        raise ValueError("its directory of digests makes no sense")
    return Directory(
        data=data,
        identifier=_text(data, name),
        team=_text(data, team) if team else "",
        flags=tuple(word for bit, word in FLAGS.items() if flags & bit),
        algorithm=_DIGESTS[kind],
        width=width,
        specials={each: data[hashes - each * width : hashes - (each - 1) * width] for each in range(1, specials + 1)},
        pages=(hashes, hashes + number * width),
        page=1 << page if page else limit,
        limit=limit,
    )


def _text(data: bytes, place: int) -> str:
    text, end, _ = data[place:].partition(b"\0")
    if not end or place < 44:
        raise ValueError("a name in its directory of digests is not whole")
    return text.decode("utf-8")


def pages_of(stream: BinaryIO, spans: Iterable[Span], found: Directory) -> bytes:
    """The digests of pages, made from the file."""
    made, kept, left = [], bytearray(), found.limit
    for piece in pieces(stream, spans):
        kept += piece[:left]
        left -= min(left, len(piece))
        while len(kept) >= found.page or (kept and not left):
            made.append(hashlib.new(found.algorithm, kept[: found.page], usedforsecurity=False).digest()[: found.width])
            del kept[: found.page]
    if left:
        raise ValueError("its signature is about more than there is")
    return b"".join(made)


def cuts(region: bytes) -> list[tuple[int, int]]:
    """Where in a signature the digests of pages lie."""
    place, found = 12 + 8 * int.from_bytes(region[8:12], "big"), []
    for blob in parts(region).values():
        if int.from_bytes(blob[:4], "big") == DIRECTORIES:
            start, end = directory(blob).pages
            found.append((place + start, place + end))
        place += len(blob)
    return found


def restored(stream: BinaryIO, laid: tuple[Span, ...], kept: bytes) -> tuple[bytes, int]:
    """A signature with the digests of pages, and how many bytes of `kept` it was made from."""
    if len(kept) < 12:
        raise ValueError("the signature is cut off")
    _, length, number = struct.unpack_from(">III", kept)
    index = sorted(struct.unpack_from(">II", kept, 12 + 8 * each)[::-1] for each in range(number) if 20 + 8 * each <= len(kept))
    whole, used = bytearray(kept[: 12 + 8 * number]), 12 + 8 * number
    for offset, _ in index:
        size = int.from_bytes(kept[used + 4 : used + 8], "big")
        if offset != len(whole) or len(whole) + size > length:
            raise ValueError("the signature is damaged")
        if int.from_bytes(kept[used : used + 4], "big") != DIRECTORIES:
            whole += kept[used : used + size]
            used += size
            continue
        start = int.from_bytes(kept[used + 16 : used + 20], "big")
        width = int.from_bytes(kept[used + 28 : used + 32], "big") * (kept[used + 36] if used + 36 < len(kept) else 0)
        if width > size or start + width > size:
            raise ValueError("the signature is damaged")
        blob = kept[used : used + start] + bytes(width) + kept[used + start : used + size - width]
        digests = pages_of(stream, laid, directory(blob))
        whole += blob[:start] + digests + blob[start + width :]
        used += size - width
    if len(whole) != length:
        raise ValueError("the signature is damaged")
    return bytes(whole), used


def special(found: Directory, slot: int) -> bytes:
    digest = found.specials.get(slot, b"")
    return digest if any(digest) else b""


def check(found: Directory, parts: Mapping[int, bytes]) -> None:
    """Raises ValueError when a directory's digests are not those of the other parts of its signature."""
    for slot in (REQUIREMENTS, ENTITLEMENTS, ENTITLEMENTS_DER):
        blob = parts.get(slot)
        made = hashlib.new(found.algorithm, blob, usedforsecurity=False).digest()[: found.width] if blob else b""
        if special(found, slot) != made:
            raise ValueError("a part of its signature is not what was signed")
