"""The headers of an rpm, read without trust and written again: a lead, a header of signatures, the package's own header, the payload.

Source: https://rpm-software-management.github.io/rpm/manual/format_v4.html
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO, Final, NamedTuple

MAGIC: Final = b"\xed\xab\xee\xdb"
LEAD: Final = 96
_HEADER: Final = struct.Struct(">8sII")
_INDEX: Final = struct.Struct(">IIiI")
_START: Final = b"\x8e\xad\xe8\x01\0\0\0\0"
_LARGEST: Final = 64 << 20  # bytes of a header, and 2^16 entries: rpm's own limits are higher than any package comes near
_STRING, _BINARY, _STRINGS, _TRANSLATED = 6, 7, 8, 9
_SIZES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, _BINARY: 1}  # bytes of a value, by the number of its kind
_NUMBERS: Final = {2: "B", 3: "H", 4: "I", 5: "Q"}
_REGION: Final = range(61, 64)  # tags that say which entries belong together: their value is an index entry again


class Entry(NamedTuple):
    """A value of a header, as its bytes: of which kind (a number of the format) and how many there are."""

    kind: int
    amount: int
    data: bytes

    def texts(self) -> tuple[str, ...]:
        """A value that is text, or a list of texts; bytes that are no UTF-8 are escaped."""
        if self.kind not in (_STRING, _STRINGS, _TRANSLATED):
            raise ValueError("a text of its header is none")
        return tuple(part.decode("utf-8", "backslashreplace") for part in self.data.split(b"\0")[: self.amount])

    def numbers(self) -> tuple[int, ...]:
        """A value that is one or more numbers."""
        if self.kind not in _NUMBERS:
            raise ValueError("a number of its header is none")
        return struct.unpack(f">{self.amount}{_NUMBERS[self.kind]}", self.data)


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """A header: its values by the numbers of their tags, that of its region (0: it has none), and where it lies in the file."""

    entries: Mapping[int, Entry]
    region: int
    start: int
    end: int

    def text(self, tag: int) -> str:
        """A text; empty when there is none."""
        return next(iter(self.texts(tag)), "")

    def texts(self, tag: int) -> tuple[str, ...]:
        """A list of texts; empty when there is none."""
        return self.entries[tag].texts() if tag in self.entries else ()

    def numbers(self, tag: int) -> tuple[int, ...]:
        """A list of numbers; empty when there is none."""
        return self.entries[tag].numbers() if tag in self.entries else ()


def headers(stream: BinaryIO) -> tuple[Header, Header]:
    """The header of signatures and the package's own. Raises ValueError or struct.error for what is no rpm."""
    stream.seek(0)
    if stream.read(LEAD)[:4] != MAGIC:
        raise ValueError("it is no rpm")
    signatures = _read(stream, LEAD)
    return signatures, _read(stream, signatures.end + -signatures.end % 8)


def _read(stream: BinaryIO, start: int) -> Header:
    stream.seek(start)
    magic, count, size = _HEADER.unpack(stream.read(_HEADER.size))
    if magic != _START or count > 1 << 16 or size > _LARGEST:
        raise ValueError("a header of it is damaged")
    index, store = stream.read(count * _INDEX.size), stream.read(size)
    if len(index) < count * _INDEX.size or len(store) < size:
        raise EOFError("it is cut off")
    found = {tag: _entry(store, kind, place, number) for tag, kind, place, number in _INDEX.iter_unpack(index)}
    region = next((tag for tag in found if tag in _REGION), 0)
    entries = {tag: entry for tag, entry in found.items() if tag not in _REGION}
    return Header(entries=entries, region=region, start=start, end=start + _HEADER.size + len(index) + size)


def _entry(store: bytes, kind: int, place: int, count: int) -> Entry:
    if kind in _SIZES:
        end = place + count * _SIZES[kind]
    elif kind in (_STRING, _STRINGS, _TRANSLATED):
        end = place
        for _ in range(count):
            end = store.index(b"\0", end) + 1
    else:
        raise ValueError("a value of its header is of no kind that there is")
    if not 0 <= place <= end <= len(store):
        raise ValueError("a value of its header lies outside of it")
    return Entry(kind, count, store[place:end])


def header(entries: Mapping[int, Entry], region: int) -> bytes:
    """A header as bytes: its entries by their tags, each value where its kind may stand, and the region over all of them."""
    store, index = bytearray(), []
    for tag, entry in sorted(entries.items()):
        store += bytes(-len(store) % (_SIZES.get(entry.kind, 1) if entry.kind != _BINARY else 1))
        index.append(_INDEX.pack(tag, entry.kind, len(store), entry.amount))
        store += entry.data
    amount = len(index)
    if region:
        amount += 1
        index.insert(0, _INDEX.pack(region, _BINARY, len(store), _INDEX.size))
        store += _INDEX.pack(region, _BINARY, -amount * _INDEX.size, _INDEX.size)
    return _HEADER.pack(_START, amount, len(store)) + b"".join(index) + bytes(store)
