"""The first difference of two files that hold no others: byte code by function, text by line, and else the first byte."""

from __future__ import annotations

from typing import Final

from coldforge.filetypes import marshalled
from coldforge.rebuild import objects
from coldforge.rebuild.members import damage
from coldforge.rebuild.place import SHOWN, Place
from coldforge.rebuild.verdict import Difference

TEXT: Final = 1 << 26  # bytes of a file that is compared by lines
_CODE: Final = (b"\xe3", b"\x63")  # how marshalled code begins
_PYC: Final = 16  # bytes before the code: magic, flags, and time or hash


def code(place: Place, one: memoryview, other: memoryview) -> Difference | None:
    """Byte code, with the header that it has in a file of its own (PEP 552), or without; None when it is none."""
    heads = [bytes(view[: _PYC + 1]) for view in (one, other)]
    if all(head[2:4] == b"\r\n" and head[_PYC:] in _CODE for head in heads):
        if heads[0][:4] != heads[1][:4]:
            return place.into("magic").found("header", heads[0][:4].hex(), heads[1][:4].hex())
        return _objects(place, one[_PYC:], other[_PYC:]) or place.into("source's time or hash").found("time", *_hex(one, other, 4))
    return _objects(place, one, other) if all(head[:1] in _CODE for head in heads) else None


def _objects(place: Place, one: memoryview, other: memoryview) -> Difference | None:
    if one == other:
        return None
    try:
        left, right = marshalled.loads(one), marshalled.loads(other)
    except damage():  # text may begin like code
        return None
    if not isinstance(left, marshalled.Code):
        return None
    found = objects.difference(left, right)
    if found is None:
        return place.found("encoding", f"{len(one)} bytes", f"{len(other)} bytes")
    if found.where[-1:] == (objects.ORDER,):
        return place.into(*found.where[:-1]).found("order", found.released, found.rebuilt)
    return place.into(*found.where).found("content", found.released, found.rebuilt)


def lines(place: Place, one: memoryview, other: memoryview) -> Difference | None:
    """Text by its lines; None when it is none, or too long."""
    if max(len(one), len(other)) > TEXT:
        return None
    try:
        left, right = (bytes(view).decode("utf-8") for view in (one, other))
    except UnicodeDecodeError:
        return None
    if "\0" in left or "\0" in right:
        return None
    ours, theirs = left.splitlines(keepends=True), right.splitlines(keepends=True)
    if ours != theirs and sorted(ours) == sorted(theirs):
        number = next(n for n, (x, y) in enumerate(zip(ours, theirs, strict=True)) if x != y)
        return place.into(f"line {number + 1}").found("order", *_ends(ours[number], theirs[number]))
    common = min(len(ours), len(theirs))
    number = next((n for n, (x, y) in enumerate(zip(ours, theirs, strict=False)) if x != y), common)
    pair = ("".join(found[number : number + 1]) for found in (ours, theirs))
    return place.into(f"line {number + 1}").found("content", *_ends(*pair))


def _ends(one: str, other: str) -> tuple[str, str]:
    """Two lines without their ends, unless these are what differs; long ones from shortly before the difference."""
    if one.rstrip("\r\n") != other.rstrip("\r\n"):
        one, other = one.rstrip("\r\n"), other.rstrip("\r\n")
    place = next((n for n, (x, y) in enumerate(zip(one, other, strict=False)) if x != y), min(len(one), len(other)))
    start = max(0, place - SHOWN // 2) if max(len(one), len(other)) > SHOWN else 0
    return one[start:], other[start:]


def raw(place: Place, one: memoryview, other: memoryview, offset: int) -> Difference:
    """The bytes from the first one that differs on, in hexadecimal."""
    return place.into(f"byte {offset}").found("content", *_hex(one, other, offset))


def _hex(one: memoryview, other: memoryview, offset: int) -> tuple[str, str]:
    start, end = bytes(one[offset : offset + 16]).hex(" "), bytes(other[offset : offset + 16]).hex(" ")
    return start or "the end", end or "the end"
