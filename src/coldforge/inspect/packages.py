"""Packages of other families, read like those of `contents`: as a stream and without trust; the files of images by `images`.

Sources: https://rpm-software-management.github.io/rpm/manual/format_v4.html, cpio(5), https://wiki.alpinelinux.org/wiki/Apk_spec,
https://dr-emann.github.io/squashfs/ and the serialisation of GVariant.
"""

from __future__ import annotations

import struct
import tarfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from stat import S_ISDIR, S_ISLNK, S_ISREG
from typing import IO, Any, BinaryIO, Final, Literal

from coldforge.bundle.linux import pkginfo, runtime
from coldforge.errors import Missing
from coldforge.filetypes import rpm as headers
from coldforge.filetypes import sections, signed
from coldforge.filetypes import squashfs as squashed
from coldforge.host import clock
from coldforge.inspect import images
from coldforge.inspect.contents import (
    ENTRIES,
    PIECE,
    UNPACKED,
    Bounded,
    Item,
    Readable,
    archive,
    control_of,
    drain,
    escaped,
    fields_of,
    members,
    seen,
    unpacked,
)
from coldforge.inspect.survey import Survey

ZSTD: Final = b"\x28\xb5\x2f\xfd"
Found = tuple[str, dict[str, str], list[Item]]
_SIGNED: Final = ".SIGN."
_TAGS: Final = {
    "Name": 1000, "Version": 1001, "Release": 1002, "Architecture": 1022, "Summary": 1004, "License": 1014, "Group": 1016, "URL": 1020,
    "Packager": 1015, "Build-Host": 1007,
}  # fmt: skip
_REQUIRES, _COMPRESSOR = 1049, 1125
_COMPRESSIONS: Final = {"": "", "gzip": ".gz", "xz": ".xz", "lzma": ".xz", "bzip2": ".bz2", "zstd": ".zst"}
_SIGNATURES: Final = {267: "DSA, of the header", 268: "RSA, of the header", 278: "OpenPGP", 1002: "RSA", 1003: "MD5", 1005: "DSA"}
_CPIO: Final = 110  # bytes of a header
_NAME: Final = 4096
_SUPERBLOCK: Final = struct.Struct("<4sIIIIHHHHHHQQQ")
_COMPRESSORS: Final = {1: "gzip", 2: "lzma", 3: "lzo", 4: "xz", 5: "lz4", 6: "zstd"}
_HEAD: Final = 1 << 20  # bytes of a flatpak's statements


def tarball(stream: IO[bytes], compression: Literal[".gz", ".zst"], survey: Survey) -> Found:
    """A compressed tar: an archive, or a package that is one (arch, apk, ipk), which its first entry tells."""
    tar = archive(stream, compression)
    first = tar.firstmember.name.removeprefix("./") if tar.firstmember else ""  # type: ignore[attr-defined]  # what opening has read
    if first == "debian-binary":
        return "ipk", *_ipk(tar, survey)
    if not first.startswith((pkginfo.NAME, _SIGNED, ".BUILDINFO", ".MTREE")):
        return f"tar{compression}", {}, list(members(tar, survey))
    told: dict[str, bytes] = {pkginfo.NAME: b""}
    items = list(members(tar, survey, told))
    said = pkginfo.fields(told[pkginfo.NAME].decode(errors="backslashreplace"))
    fields = {key: ", ".join(values) for key, values in said.items()}
    if not fields:
        raise ValueError(f"it says nothing of itself in {pkginfo.NAME}")
    signed = [item.path.removeprefix(_SIGNED) for item in items if item.path.startswith(_SIGNED)]
    return "apk" if compression == ".gz" else "arch", {**fields, **({"signatures": " ".join(signed)} if signed else {})}, items


def zipped(stream: BinaryIO, survey: Survey) -> Found:
    """A zip: the entries of its directory, each read to its end, where its checksum is."""
    import zipfile

    try:
        with zipfile.ZipFile(stream) as archive:
            infos = archive.infolist()
            if len(infos) > ENTRIES or sum(info.file_size for info in infos) > UNPACKED:
                raise ValueError("it unpacks to more than is looked at")
            return (
                "zip",
                {},
                [_zipped(archive.open(info), info.filename, info.external_attr >> 16, info.file_size, survey) for info in infos],
            )
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:  # what is encrypted is the last
        raise ValueError(str(error)) from error


def _zipped(content: IO[bytes], name: str, mode: int, size: int, survey: Survey) -> Item:
    with content:
        if name.endswith("/"):
            return Item(path=escaped(name), kind="directory", mode=f"{mode & 0o7777:o}")
        return _file(content, name, mode if mode & 0o170000 else mode | 0o100000, size, survey)


def _ipk(tar: tarfile.TarFile, survey: Survey) -> tuple[dict[str, str], list[Item]]:
    fields: dict[str, str] = {}
    items: list[Item] | None = None
    for number, member in enumerate(tar):
        if number >= 16:
            raise ValueError("it has more parts than an ipk")
        part, _, compression = member.name.removeprefix("./").partition(".tar")
        inner: Any = tar.extractfile(member) if member.isreg() and not member.issparse() else None
        if inner and part == "control":
            fields = fields_of(control_of(archive(inner, compression)))
        elif inner and part == "data":
            items = list(members(archive(inner, compression), survey))
    drain(tar)
    if not fields or items is None:
        raise ValueError("it has no control file, or no data")
    return fields, items


def rpm(stream: BinaryIO, survey: Survey) -> Found:
    """An rpm: the statements of its header, and the files of its payload."""
    signatures, package = headers.headers(stream)
    fields = {name: package.text(tag) for name, tag in _TAGS.items() if package.text(tag)}
    if needs := dict.fromkeys(name for name in package.texts(_REQUIRES) if not name.startswith("rpmlib(")):
        fields["Requires"] = ", ".join(needs)
    if signed := [word for tag, word in _SIGNATURES.items() if tag in signatures.entries and word != "MD5"]:
        fields["signatures"] = ", ".join(signed)
    compressor = package.text(_COMPRESSOR)
    if compressor not in _COMPRESSIONS:
        raise ValueError(f"its payload is compressed with {compressor}, which is not known")
    stream.seek(package.end)
    payload = Bounded(unpacked(stream, _COMPRESSIONS[compressor]), UNPACKED, refuse=True)
    return "rpm", fields, list(_cpio(payload, survey))


def _cpio(stream: Readable, survey: Survey) -> Iterator[Item]:
    """The entries of a cpio archive of the new ASCII format; then the rest of the stream, whose checksum comes last."""
    for number in range(ENTRIES + 1):
        if number == ENTRIES:
            raise ValueError(f"it has more than {ENTRIES} entries")
        head = _exactly(stream, _CPIO)
        if head[:6] not in (b"070701", b"070702"):
            raise ValueError("a header of its payload is of another format")
        mode, size, length = (int(head[at : at + 8], 16) for at in (14, 54, 94))
        if length > _NAME:
            raise ValueError(f"a name of {length} bytes")
        name = _exactly(stream, length + -(_CPIO + length) % 4)[:length].rstrip(b"\0").decode(errors="surrogateescape")
        if name == "TRAILER!!!":
            break
        yield _file(stream, name, mode, size, survey)
        _exactly(stream, -size % 4)
    while stream.read(PIECE):
        pass


def _file(stream: Readable, name: str, mode: int, size: int, survey: Survey) -> Item:
    survey.name(name)
    shown, rights = escaped(name), f"{mode & 0o7777:o}"
    if S_ISLNK(mode):
        if size > _NAME:
            raise ValueError(f"a link of {size} bytes")
        return Item(path=shown, kind="link", mode=rights, link=escaped(_exactly(stream, size).decode(errors="surrogateescape")))
    if not S_ISREG(mode):
        return Item(path=shown, kind="directory" if S_ISDIR(mode) else "other", mode=rights)
    digest, found = seen(name, size, iter(partial(Bounded(stream, size, refuse=False).read, PIECE), b""), survey)
    if found < size:
        raise EOFError("it is cut off")
    return Item(path=shown, size=size, sha256=digest, mode=rights, note="has special rights" if mode & 0o7000 else "")


def _exactly(stream: Readable, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = stream.read(size - len(data))
        if not piece:
            raise EOFError("it is cut off")
        data += piece
    return data


def squashfs(stream: BinaryIO, start: int = 0) -> dict[str, str]:
    """What an image says of itself. Raises EOFError when the file ends before it does."""
    end = stream.seek(0, 2)
    stream.seek(start)
    magic, inodes, time, block, _, compression, _, _, _, major, minor, _, used, _ = _SUPERBLOCK.unpack(_exactly(stream, _SUPERBLOCK.size))
    if magic != squashed.MAGIC or major != 4:
        raise ValueError("there is no image of squashfs 4 in it")
    if start + used > end:
        raise EOFError("it is cut off")
    return {
        "image": f"squashfs {major}.{minor}, {_COMPRESSORS.get(compression, 'unknown')}, blocks of {block >> 10} KiB",
        "entries": str(inodes),
        "made": clock.iso(time),
    }


def is_appimage(head: bytes) -> bool:
    """Whether a file begins like an AppImage of type 2."""
    return head[8:11] == sections.TYPE2


def image(stream: BinaryIO, survey: Survey, start: int = 0) -> tuple[dict[str, str], list[Item]]:
    """What an image says of itself, and its files, if the tool for these is here."""
    fields = squashfs(stream, start)
    try:
        return fields, images.items(Path(stream.name), start, survey)
    except Missing as error:
        return {**fields, "its files": f"not looked at: {error}. {error.hint}"}, []


def appimage(stream: BinaryIO, survey: Survey) -> Found:
    """The runtime of an AppImage, where newer ones are, whether it is signed; and its image."""
    stream.seek(0)
    data = stream.read(sections.LARGEST)
    end = sections.end_of(data)
    if not 0 < end < sections.LARGEST:
        raise ValueError("its runtime has no end")
    filled = {place.name: data[place.offset : place.offset + place.size].rstrip(b"\0") for place in sections.of(data)}
    update = filled.get(runtime.UPDATE, b"").decode(errors="backslashreplace")
    embedded = "OpenPGP, embedded" if filled.get(signed.SIGNATURE) else ""
    own = {"runtime": f"{end} bytes", "updates": update, "signatures": embedded}
    fields, items = image(stream, survey, end)
    return "appimage", {**{key: value for key, value in own.items() if value}, **fields}, items


def flatpak(stream: BinaryIO, survey: Survey) -> Found:
    """The statements of a flatpak: the first part of its head, texts by name, in the serialisation of GVariant; and its files."""
    size = stream.seek(0, 2)
    width = _width(size)
    stream.seek(size - width)
    end = int.from_bytes(stream.read(width), "little")
    if not 0 < end < min(size, _HEAD):
        raise EOFError("it is cut off")
    stream.seek(0)
    told = dict(_dictionary(_exactly(stream, end)))
    if not told.get("ref"):
        raise ValueError("it does not say what it is")
    metadata = dict(line.split("=", 1) for line in told.get("metadata", "").splitlines() if "=" in line)
    stream.seek(-(-end // 8) * 8)
    time = int.from_bytes(_exactly(stream, 8), "big")
    if not clock.EARLIEST <= time <= clock.LATEST:
        raise ValueError("its head is damaged")
    fields = {"ref": told["ref"], **metadata, "made": clock.iso(time)}
    try:
        return "flatpak", fields, images.bundle(Path(stream.name), survey)
    except Missing as error:
        return "flatpak", {**fields, "its files": f"not looked at: {error}. {error.hint}"}, []


def _dictionary(data: bytes) -> Iterator[tuple[str, str]]:
    """The texts of a dictionary of variants: entries on places that 8 divides, their ends at the end."""
    width = _width(len(data))
    table = int.from_bytes(data[-width:], "little")  # where the last entry ends, the ends begin
    if table > len(data) - width:
        raise ValueError("its head is damaged")
    start = 0
    for place in range(table, len(data), width):
        end = int.from_bytes(data[place : place + width], "little")
        entry = data[-(-start // 8) * 8 : end]
        size = _width(len(entry))
        key_end = int.from_bytes(entry[-size:], "little") if entry else 0
        value, _, kind = entry[-(-key_end // 8) * 8 : -size].rpartition(b"\0")
        if kind == b"s":
            yield entry[:key_end].rstrip(b"\0").decode(errors="backslashreplace"), value.rstrip(b"\0").decode(errors="backslashreplace")
        start = end


def _width(size: int) -> int:
    """The bytes of an offset in a container of this size."""
    return next(width for width in (1, 2, 4, 8) if size < 1 << 8 * width)
