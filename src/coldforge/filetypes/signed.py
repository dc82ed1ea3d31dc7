"""Where packages carry a signature: taken out, the bytes of the build are left; put back, those that were released.

Only what every program that installs the file leaves unread, or reads as a signature, is one. All of it is data: no key is needed.
Sources: deb(5) and debsigs(1); https://rpm-software-management.github.io/rpm/manual/format_v4.html; https://wiki.alpinelinux.org/wiki/Apk_spec;
https://github.com/AppImage/AppImageSpec/blob/master/draft.md;
for Windows see `pe`, `ole` and `msix`, for macOS `codesign`, `images` and `pkg`.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from coldforge.filetypes import authenticode, codesign, gzips, images, macho, msix, ole, pe, pkg, rpm, sections, udif, xar
from coldforge.filetypes.spans import Span, copied
from coldforge.host import files

AR: Final = b"!<arch>\n"
MEMBER: Final = "_gpgorigin"  # debsigs: who made the package
# deb(5): members after the first whose names begin with an underscore are ignored. Those of debsigs and dpkg-sig are called so.
_DEB: Final = re.compile(r"_gpg[a-z]+")
# What rpm keeps of signatures: of the header, and of header and payload as it was done before 2018; and the room for them.
_RPM: Final = frozenset({259, 262, 267, 268, 278, 1002, 1003, 1005, 1008})
# A name below another folder, or with the prefix of one (ustar), is none to apk: it would install such a file.
_APK: Final = re.compile(rb"\.SIGN\.[^/\0]+\0*")
# Sections of an AppImage's runtime: both are zero while the file is digested, and the signature is about the digest as text.
SIGNATURE: Final = ".sha256_sig"
KEY: Final = ".sig_key"
PROGRAM: Final = "program"  # for Windows or macOS, in a tree: no format of an artifact
_KEY: Final = b"-----BEGIN PGP PUBLIC KEY BLOCK-----"


class Member(NamedTuple):
    """A member of an ar archive: its header begins at `start`, its bytes at `content`, and the next one at `end`.

    `facts` are time, owner, group and mode as its header has them, in 12, 6, 6 and 8 bytes of text.
    """

    name: str
    facts: bytes
    start: int
    content: int
    size: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsigned:
    """A file without its signatures, as spans of it, and whether there were any."""

    spans: tuple[Span, ...]
    was_signed: bool


def ar(stream: BinaryIO) -> Iterator[Member]:
    """The members of an ar archive. Raises ValueError or EOFError when it is damaged."""
    end = stream.seek(0, 2)
    position = len(AR)
    while position < end:
        stream.seek(position)
        head = stream.read(60)
        size = head[48:58].decode("ascii", "replace").strip()
        if len(head) < 60 or head[58:] != b"`\n" or not size.isdecimal():
            raise ValueError("a header of it is damaged")
        content = position + 60
        if content + int(size) > end:
            raise EOFError("it is cut off")
        following = min(content + int(size) + int(size) % 2, end)
        yield Member(head[:16].decode("ascii", "replace").rstrip(" /"), head[16:48], position, content, int(size), following)
        position = following


def unsigned(stream: BinaryIO) -> Unsigned:
    """What is left of a file without signatures; of one that is of no kind that carries them, all. Raises one of `damage()`."""
    stream.seek(0)
    head = stream.read(len(AR))
    readers = (reader for magic, reader in _READERS.items() if head.startswith(magic))
    return next(readers, _image)(stream)


def _image(stream: BinaryIO) -> Unsigned:
    """A disk image begins with whatever its first piece is, and is known by its end."""
    if not udif.is_image(stream):
        return _nothing(stream)
    found, was_signed = images.unsigned(stream)
    return Unsigned(spans=found, was_signed=was_signed)


def _nothing(stream: BinaryIO) -> Unsigned:
    return Unsigned(spans=(Span(0, stream.seek(0, 2)),), was_signed=False)


def _deb(stream: BinaryIO) -> Unsigned:
    members = list(ar(stream))
    kept = [Span(member.start, member.end) for member in members if not _DEB.fullmatch(member.name)]
    return Unsigned(spans=(Span(0, len(AR)), *kept), was_signed=len(kept) < len(members))


def _rpm(stream: BinaryIO) -> Unsigned:
    end = stream.seek(0, 2)
    signatures, package = rpm.headers(stream)
    kept = {tag: entry for tag, entry in signatures.entries.items() if tag not in _RPM}
    if len(kept) == len(signatures.entries):
        return Unsigned(spans=(Span(0, end),), was_signed=False)
    return Unsigned(spans=(Span(0, rpm.LEAD), _signature_header(kept, signatures.region), Span(package.start, end)), was_signed=True)


def _signature_header(entries: Mapping[int, rpm.Entry], region: int) -> Span:
    made = rpm.header(entries, region)
    return Span(0, 0, made + bytes(-len(made) % 8))


def _apk(stream: BinaryIO) -> Unsigned:
    start = 0
    end = stream.seek(0, 2)
    while start < end:
        found = gzips.stream_at(stream, start)
        if not _is_signature(found):
            break
        start = found.end
    return Unsigned(spans=(Span(start, end),), was_signed=start > 0)


def _is_signature(found: gzips.Stream) -> bool:
    """Whether a stream is a tar of nothing but signatures: whatever else it held would be installed."""
    if not found.size or found.size > len(found.head):
        return False
    place = 0
    while place < found.size and (header := found.head[place : place + 512]).strip(b"\0"):
        size = header[124:136].strip(b" \0").decode("ascii", "replace")
        if not _APK.fullmatch(header[:100]) or header[156:157] not in (b"0", b"\0") or not re.fullmatch("[0-7]{1,11}", size):
            return False
        if header[345:500].strip(b"\0"):
            return False
        place += 512 + (int(size, 8) + 511) // 512 * 512
    return place <= found.size and not found.head[place:].strip(b"\0")


def _elf(stream: BinaryIO) -> Unsigned:
    stream.seek(8)
    return _appimage(stream) if stream.read(len(sections.TYPE2)) == sections.TYPE2 else _nothing(stream)


def _appimage(stream: BinaryIO) -> Unsigned:
    places = _places(stream).values()
    spans = _replaced(stream, places, {})
    return Unsigned(spans=spans, was_signed=any(any(_read(stream, place)) for place in places))


def _places(stream: BinaryIO) -> dict[str, sections.Section]:
    """Where an AppImage's signature and key are, or will be, in the order of the file; what its runtime has no room for is not there."""
    stream.seek(0)
    data = stream.read(sections.LARGEST)
    found = [section for section in sections.of(data) if section.name in (SIGNATURE, KEY)]
    if any(section.offset + section.size > len(data) for section in found):
        raise EOFError("it is cut off")
    return {section.name: section for section in sorted(found, key=lambda section: section.offset)}


def _read(stream: BinaryIO, place: sections.Section) -> bytes:
    stream.seek(place.offset)
    return stream.read(place.size)


def _replaced(stream: BinaryIO, places: Iterable[sections.Section], content: Mapping[str, bytes]) -> tuple[Span, ...]:
    """A file with the content of sections in the place of what is in them, and zeros after it."""
    spans, position = [], 0
    for place in places:
        if place.offset < position:
            raise ValueError("its sections overlap")
        spans += [Span(position, place.offset), Span(0, 0, content.get(place.name, b"").ljust(place.size, b"\0"))]
        position = place.offset + place.size
    return (*spans, Span(position, stream.seek(0, 2)))


def _program(stream: BinaryIO) -> Unsigned:
    found = pe.layout(stream)
    if found.is_signed:  # whatever lies in that table besides a signature is part of the program
        authenticode.check_nothing_hidden(pe.signature(stream, found))
    return Unsigned(spans=pe.plain(found), was_signed=found.is_signed)


def _msi(stream: BinaryIO) -> Unsigned:
    """The streams of an msi one after the other, each with what it is called: where in the file they lie is not what is built."""
    entries = ole.entries(stream)
    spans: list[Span] = []
    for entry in entries:
        if entry.path not in authenticode.STREAMS:
            about = f"{[name.hex() for name in entry.path]} {entry.kind} {entry.identity.hex()} {entry.size}\n"
            spans += [Span(0, 0, about.encode()), *entry.spans]
    signature = authenticode.of_msi(stream, entries)
    if signature:
        authenticode.check_nothing_hidden(signature)
    return Unsigned(spans=tuple(spans), was_signed=bool(signature))


def _mach_o(stream: BinaryIO) -> Unsigned:
    stream.seek(0)
    if not macho.starts(stream.read(8)):  # a class of Java begins with the same four bytes
        return _nothing(stream)
    found, was_signed = codesign.unsigned(stream)
    return Unsigned(spans=found, was_signed=was_signed)


def _zip(stream: BinaryIO) -> Unsigned:
    try:
        found = msix.layout(stream)
    except damage():
        return _nothing(stream)
    if found is None or found.signature is None:
        return _nothing(stream)
    authenticode.check_nothing_hidden(msix.signature(stream, found))
    return Unsigned(spans=(Span(0, found.body), Span(0, 0, found.tail)), was_signed=True)


def _xar(stream: BinaryIO) -> Unsigned:
    try:
        found, was_signed = pkg.unsigned(stream)
    except damage():  # somebody else's: whose table says more than ours could say again
        return _nothing(stream)
    return Unsigned(spans=found, was_signed=was_signed) if was_signed else _nothing(stream)


_READERS: Final[Mapping[bytes, Callable[[BinaryIO], Unsigned]]] = {
    AR: _deb,
    rpm.MAGIC: _rpm,
    b"\x1f\x8b": _apk,
    b"\x7fELF": _elf,
    pe.MAGIC: _program,
    ole.MAGIC: _msi,
    **dict.fromkeys(codesign.MAGICS, _mach_o),
    msix.MAGIC: _zip,
    xar.MAGIC: _xar,
}


def what_is_signed(file: Path, form: str) -> tuple[Span, ...]:
    """The bytes of an unsigned package that its signature is about."""
    with file.open("rb") as stream:
        if form == "deb":
            return tuple(Span(member.content, member.content + member.size) for member in ar(stream))
        if form == "rpm":
            _, package = rpm.headers(stream)
            return (Span(package.start, package.end),)
        if form == "apk":
            return (Span(0, gzips.stream_at(stream, 0).end),)
        if form == "appimage":
            return (Span(0, 0, files.sha256(file).encode()),)
    raise ValueError(f"a {form} carries no signature")


def put(file: Path, form: str, signature: bytes, out: Path) -> None:
    """Write an unsigned package with its signature in it: the bytes that were released, from the bytes of the build.

    For a deb and an rpm `signature` is that of OpenPGP, for an apk the stream that stands before the others, and for an AppImage
    an armored one of OpenPGP with the public key after it; for Windows it is PKCS #7,
    for macOS what `detached` of `codesign`, of `images` and of `pkg` gives.
    Raises ValueError where there is no room for it, and Missing when an msi needs osslsigncode and it is not here.
    """
    if form == "msi":
        authenticode.attach(file, signature, out)
        return
    with file.open("rb") as stream, out.open("wb") as made:
        copied(stream, _WITH[form](stream, signature), made)


def _deb_with(stream: BinaryIO, signature: bytes) -> tuple[Span, ...]:
    end = stream.seek(0, 2)
    facts = next(ar(stream)).facts  # those of every member of the build
    member = f"{MEMBER:<16}".encode() + facts + f"{len(signature):<10}`\n".encode() + signature + b"\n" * (len(signature) % 2)
    return (Span(0, end), Span(0, 0, member))


def _rpm_with(stream: BinaryIO, signature: bytes) -> tuple[Span, ...]:
    end = stream.seek(0, 2)
    signatures, package = rpm.headers(stream)
    tag = 268 if _is_rsa(signature) else 267
    entries = {**signatures.entries, tag: rpm.Entry(7, len(signature), signature)}
    return (Span(0, rpm.LEAD), _signature_header(entries, signatures.region), Span(package.start, end))


def _is_rsa(signature: bytes) -> bool:
    """Whether a signature of OpenPGP is one of RSA: of version 4, in a packet of either form (RFC 9580 4.2, 5.2.3)."""
    new = 1 if signature[1] < 192 else 2 if signature[1] < 224 else 5
    length = new if signature[0] & 0x40 else (1, 2, 4, 0)[signature[0] & 3]
    return signature[1 + length + 2] in (1, 3)  # after the version and the kind


def _apk_with(stream: BinaryIO, signature: bytes) -> tuple[Span, ...]:
    return (Span(0, 0, signature), Span(0, stream.seek(0, 2)))


def _appimage_with(stream: BinaryIO, signature: bytes) -> tuple[Span, ...]:
    sign, separator, key = signature.partition(_KEY)
    content = {SIGNATURE: sign, KEY: separator + key}
    places = _places(stream)
    for name, data in content.items():
        room = places[name].size - 1 if name in places else 0  # readers take what is before the first zero
        if len(data) > room:
            raise ValueError(f"its runtime has {room} bytes of room in {name}, and {len(data)} are needed")
    return _replaced(stream, places.values(), content)


def _program_with(stream: BinaryIO, signature: bytes) -> tuple[Span, ...]:
    stream.seek(0)
    return codesign.attached(stream, signature) if macho.starts(stream.read(8)) else pe.signed(stream, signature)


_WITH: Final[Mapping[str, Callable[[BinaryIO, bytes], tuple[Span, ...]]]] = {
    "deb": _deb_with,
    "rpm": _rpm_with,
    "apk": _apk_with,
    "appimage": _appimage_with,
    PROGRAM: _program_with,
    "nsis": pe.signed,
    "onefile": pe.signed,
    "msix": msix.signed,
    "dmg": images.attached,
    "pkg": pkg.attached,
}
FORMATS: Final = (*_WITH, "msi")


def damage() -> tuple[type[Exception], ...]:
    """What reading a package raises that makes no sense."""
    import zlib

    return ValueError, EOFError, IndexError, KeyError, OverflowError, struct.error, zlib.error
