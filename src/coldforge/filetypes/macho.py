"""Programs and libraries of macOS: what a Mach-O file says of itself, thin or with several architectures in one file.

A reader of its own: what is read here comes from jobs that ran foreign code, so every offset is held against the file, which macholib does
not do; and signing and comparing need to know where things lie, which it does not tell.
Sources: <mach-o/loader.h>, <mach-o/fat.h> and <mach/machine.h> of Apple's cctools and xnu.
"""

from __future__ import annotations

import io
import posixpath
import struct
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Literal

from coldforge.host.links import followed

Version = tuple[int, ...]
Kind = Literal["executable", "library", "bundle", "other"]

_THIN: Final = {b"\xcf\xfa\xed\xfe": 32, b"\xce\xfa\xed\xfe": 28}  # little-endian, 64 and 32 bits: how long the header is
_FAT: Final = {b"\xca\xfe\xba\xbe": struct.Struct(">iiIII"), b"\xca\xfe\xba\xbf": struct.Struct(">iiQQIxxxx")}
_MOST: Final = 16  # architectures; a class of Java begins like a file of several, with its version, 45 or more, in the number's place
_COMMANDS: Final = 1 << 22  # bytes of load commands: no linker makes more
_KINDS: Final[dict[int, Kind]] = {2: "executable", 6: "library", 8: "bundle"}
_MACHINES: Final = {
    (0x01000007, 3): "x86_64", (0x01000007, 8): "x86_64h", (0x0100000C, 0): "aarch64", (0x0100000C, 1): "aarch64",
    (0x0100000C, 2): "arm64e", (7, 3): "i386",
}  # fmt: skip
_FEATURES: Final = 0xFF000000  # of the subtype
_REQUIRED: Final = 0x80000000  # of a load command: who does not know it must not load the file
_ID: Final = 0x0D
_LOAD: Final = (0x0C, 0x20, _REQUIRED | 0x1F, _REQUIRED | 0x23)  # plain, when it is called, handing on what it has, one that loads this
_WEAK, _RPATH, _SIGNATURE, _SINCE, _BUILD = _REQUIRED | 0x18, _REQUIRED | 0x1C, 0x1D, 0x24, 0x32
MACOS: Final = 1  # the platform


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """What a Mach-O file is for one architecture: it lies at `offset` of the file, `size` bytes long.

    `machine` is the architecture in the words of targets (of others in Apple's, or two numbers). `since` is the oldest system that it
    runs on, and `platform` which system that is (1: macOS). `name` is a library's own, `needed` are those that it loads and
    `weak` those that it does without, all as they are written: with `@rpath`, `@loader_path` or `@executable_path` in front, or
    from the root. `rpaths` are what stands for the first. `signature` is where its code signature lies, counted from the start
    of the file, and how long that is.
    """

    offset: int
    size: int
    machine: str
    kind: Kind
    platform: int = MACOS
    since: Version = ()
    name: str = ""
    needed: tuple[str, ...] = ()
    weak: tuple[str, ...] = ()
    rpaths: tuple[str, ...] = ()
    signature: tuple[int, int] | None = None


def is_macho(path: Path) -> bool:
    """Whether a file starts like a Mach-O file."""
    with path.open("rb") as stream:
        return starts(stream.read(8))


def starts(head: bytes) -> bool:
    """Whether these are the first eight bytes of a Mach-O file."""
    return head[:4] in _THIN or (head[:4] in _FAT and len(head) == 8 and 0 < int.from_bytes(head[4:8], "big") <= _MOST)


def slices(stream: BinaryIO) -> tuple[Slice, ...]:
    """What a file is for each of its architectures, in the order of the file. Raises ValueError for what is no whole Mach-O file."""
    end = stream.seek(0, 2)
    head = _read(stream, 0, min(end, 8))
    if not starts(head):
        raise ValueError("it is no Mach-O file")
    if head[:4] in _THIN:
        return (_slice(stream, 0, end),)
    places = sorted(_places(stream, _FAT[head[:4]], int.from_bytes(head[4:8], "big")))
    for (offset, size), after in zip(places, [*(place for place, _ in places[1:]), end], strict=True):
        if offset + size > after:
            raise ValueError("its architectures lie over each other, or behind its end")
    return tuple(_slice(stream, offset, size) for offset, size in places)


def united(files: Sequence[bytes]) -> bytes:
    """One file with the code of several, as `lipo -create` makes it; signatures are of each architecture's own, and stay whole.

    Raises ValueError when one is no whole Mach-O file, when two have other code for the same architecture, or when it gets too large.
    """
    found: dict[str, bytes] = {}
    for data in files:
        for part in slices(io.BytesIO(data)):
            own = data[part.offset : part.offset + part.size]
            if found.setdefault(part.machine, own) != own:
                raise ValueError(f"two files have code for {part.machine}, and not the same")
    # Apple's own processors have pages of 16 KiB, all others of 4
    aligned = sorted((14 if machine in ("aarch64", "arm64e") else 12, machine) for machine in found)
    entry = struct.Struct(">iiIII")
    head, body, start = struct.pack(">II", 0xCAFEBABE, len(found)), bytearray(), 8 + entry.size * len(found)
    for power, machine in aligned:
        body += bytes(-(start + len(body)) % (1 << power))
        if start + len(body) + len(found[machine]) >= 1 << 32:
            raise ValueError("together they are larger than 4 GiB")
        head += entry.pack(*struct.unpack_from("<ii", found[machine], 4), start + len(body), len(found[machine]), power)
        body += found[machine]
    return head + body


def earliest(machine: str) -> Version:
    """The oldest macOS that there is for a processor; nothing where it is older than any that matters."""
    return (11, 0) if machine == "aarch64" else ()


def floor(files: Iterable[Sequence[Slice]]) -> str:
    """The oldest macOS that all files run on, on the processors that all of them are made for; empty when they do not tell.

    Where there are several, what every Mac with Apple's own processors has says nothing of the others.

    >>> intel = Slice(offset=0, size=9, machine="x86_64", kind="library", since=(10, 13))
    >>> apple = Slice(offset=16, size=9, machine="aarch64", kind="library", since=(11, 0))
    >>> floor([[intel, apple], [apple]]), floor([[intel, apple], [intel, apple]])
    ('11.0', '10.13')
    """
    known = [parts for parts in files if parts]
    common = set.intersection(*({part.machine for part in parts} for parts in known)) if known else set()
    found = [part for parts in known for part in parts if part.machine in common]
    tells = [part.since for part in found if len(common) == 1 or part.since > earliest(part.machine)]
    return ".".join(map(str, max(tells, default=())))


def places(text: str, holder: str, programs: Iterable[str], rpaths: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Where a library is looked for that a file (`holder`) of a tree loads as `text`: paths of the tree, as far as it is in that.

    `programs` are those that may have been started, `rpaths` what stands for `@rpath`, each with the file that says so.
    Source: dyld(1).

    >>> list(places("@rpath/liba.dylib", "lib/libb.dylib", ["bin/b"], [("@loader_path/../lib", "bin/b")]))
    ['bin/../lib/liba.dylib']
    """
    word, _, rest = text.partition("/")
    if word == "@loader_path":
        yield posixpath.join(posixpath.dirname(holder), rest)
    elif word == "@executable_path":
        yield from (posixpath.join(posixpath.dirname(program), rest) for program in programs)
    elif word == "@rpath":
        for rpath, by in rpaths:
            yield from places(f"{rpath.rstrip('/')}/{rest}", by, programs, ()) if not rpath.startswith("@rpath") else ()


def unfound(
    files: Mapping[str, Sequence[Slice]], links: Mapping[str, str], there: Collection[str], programs: Sequence[str]
) -> Iterator[tuple[str, str, bool]]:
    """What is not where it is looked for: for each file of a tree by its path what it loads, and whether it does without.

    `links` are the tree's by path, `there` all paths of it, `programs` those that may be started. What is loaded from the root of the
    system is not asked for.
    """
    rpaths = [(rpath, path) for path, parts in files.items() for part in parts for rpath in part.rpaths]
    for path, parts in files.items():
        searched = [(rpath, by) for rpath, by in rpaths if by in (path, *programs)]
        for text, weak in loaded(parts).items():
            if not text.startswith("/") and not any(followed(place, links) in there for place in places(text, path, programs, searched)):
                yield path, text, weak


def loaded(parts: Sequence[Slice]) -> dict[str, bool]:
    """What a file loads, and whether it does without."""
    return {**{text: True for part in parts for text in part.weak}, **{text: False for part in parts for text in part.needed}}


def _places(stream: BinaryIO, entry: struct.Struct, number: int) -> Iterator[tuple[int, int]]:
    table = _read(stream, 8, entry.size * number)
    for _, _, offset, size, _ in entry.iter_unpack(table):
        if offset < 8 + len(table):
            raise ValueError("one of its architectures lies over the table of them")
        yield offset, size


def _slice(stream: BinaryIO, offset: int, size: int) -> Slice:
    magic = _read(stream, offset, 4) if size >= 4 else b""
    if magic not in _THIN:
        raise ValueError("what it has for an architecture is no Mach-O file")
    length = _THIN[magic]
    if size < length:
        raise ValueError("it ends in its header")
    cpu, subtype, kind, number, room = struct.unpack_from("<IIIII", _read(stream, offset, length), 4)
    if length + room > size or room > _COMMANDS:
        raise ValueError("its load commands are longer than it is")
    commands = tuple(_commands(_read(stream, offset + length, room), number))
    signature = next(((_number(body, 8), _number(body, 12)) for command, body in commands if command == _SIGNATURE), None)
    if signature and sum(signature) > size:
        raise ValueError("its signature lies behind its end")
    platform, since = _system(commands)
    return Slice(
        offset=offset,
        size=size,
        machine=_MACHINES.get((cpu, subtype & ~_FEATURES), f"{cpu:#x}/{subtype & ~_FEATURES}"),
        kind=_KINDS.get(kind, "other"),
        platform=platform,
        since=since,
        name=next(_texts(commands, _ID), ""),
        needed=tuple(_texts(commands, *_LOAD)),
        weak=tuple(_texts(commands, _WEAK)),
        rpaths=tuple(_texts(commands, _RPATH)),
        signature=(offset + signature[0], signature[1]) if signature else None,
    )


def _commands(table: bytes, number: int) -> Iterator[tuple[int, bytes]]:
    """The load commands: what each is, and all of it."""
    place = 0
    for _ in range(number):
        if place + 8 > len(table):
            raise ValueError("it has fewer load commands than it says")
        command, size = struct.unpack_from("<II", table, place)
        if size < 8 or place + size > len(table):
            raise ValueError("one of its load commands is longer than the room for them")
        yield command, table[place : place + size]
        place += size


def _system(commands: Iterable[tuple[int, bytes]]) -> tuple[int, Version]:
    """Which system it is for, and the oldest of them."""
    for command, body in commands:
        if command == _BUILD:
            return _number(body, 8), _version(_number(body, 12))
        if command == _SINCE:
            return MACOS, _version(_number(body, 8))
    return MACOS, ()


def _texts(commands: Iterable[tuple[int, bytes]], *wanted: int) -> Iterator[str]:
    yield from (_text(body) for command, body in commands if command in wanted)


def _number(body: bytes, place: int) -> int:
    if place + 4 > len(body):
        raise ValueError("one of its load commands is too short")
    return int.from_bytes(body[place : place + 4], "little")


def _text(body: bytes) -> str:
    start = _number(body, 8)
    if not 12 <= start <= len(body):
        raise ValueError("a path in its load commands lies outside of its command")
    return body[start:].partition(b"\0")[0].decode("utf-8", errors="backslashreplace")


def _version(packed: int) -> Version:
    """Three numbers in 16, 8 and 8 bits; a last one that is 0 is not told.

    >>> _version(0x000B0000), _version(0x000A0D06)
    ((11, 0), (10, 13, 6))
    """
    found = (packed >> 16, packed >> 8 & 0xFF, packed & 0xFF)
    return found if found[2] else found[:2]


def _read(stream: BinaryIO, place: int, size: int) -> bytes:
    stream.seek(place)
    data = stream.read(size)
    if len(data) != size:
        raise ValueError("it ends in the middle of what it says it has")
    return data
