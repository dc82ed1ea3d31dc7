"""Files that hold files, each as members in its own order: ar, tar, zip, compressed streams.

PyInstaller's are in `frozen`, rpm in `rpms`, images in `images`, those of Windows Installer in `msis`, setups in `setups`, programs for
Windows in `pes`.

Everything is read from views and within a budget; what makes no sense raises one of `damage()`, what takes an absent tool
Missing, and the bytes are compared instead.
Sources: ar(5), deb(5), RFC 1952 (gzip); the libraries know the rest.
"""

from __future__ import annotations

import struct
import tarfile
from collections.abc import Callable, Mapping
from functools import partial
from itertools import islice
from typing import Any, Final

from coldforge.filetypes import cpio, flatpaks, hfs, ole, pe, rpm, signed, squashfs, udif, xar
from coldforge.host.archive import Header
from coldforge.rebuild import images, msis, rpms, setups, xars
from coldforge.rebuild.frozen import carchive, pyz
from coldforge.rebuild.members import ENTRIES, Container, Member
from coldforge.rebuild.pes import program
from coldforge.rebuild.verdict import What
from coldforge.rebuild.views import Budget, chunks_of, file_of, part, unpacked


def container_of(view: memoryview, budget: Budget) -> Container | None:
    """What a file holds; None when it is no container. Raises one of `damage()`, and Missing without a tool."""
    head = bytes(view[:264])
    for magic, reader in _READERS.items():
        if head.startswith(magic):
            return reader(view, budget)
    if head[257:262] == b"ustar":
        return _tar(view, budget)
    if bytes(view[-udif.TRAILER : 4 - udif.TRAILER]) == udif.MAGIC:
        return images.disk(view, budget)
    if bytes(view[hfs.PLACE : hfs.PLACE + 2]) in hfs.MAGIC:
        return images.volume(view)
    if head.startswith(pe.MAGIC) and (found := setups.setup(view, budget)):
        return found
    return images.appimage(view) or carchive(view, budget) or program(view)


def _ar(view: memoryview, _budget: Budget) -> Container:
    return Container(kind="ar", members=tuple(_ar_member(view, entry) for entry in islice(signed.ar(file_of(view)), ENTRIES)))


def _ar_member(view: memoryview, entry: signed.Member) -> Member:
    time, uid, gid, mode = (field.decode("ascii").strip() for field in struct.unpack("12s6s6s8s", entry.facts))
    facts: dict[What, str] = {"time": time, "owner": f"{uid}:{gid}", "mode": mode}
    return Member(name=entry.name, facts=facts, read=partial(part, view, entry.content, entry.size))


def _tar(view: memoryview, _budget: Budget) -> Container:
    with tarfile.open(fileobj=file_of(view), mode="r:", tarinfo=Header) as tar:
        return Container(kind="tar", members=tuple(_tar_member(view, info) for info in islice(tar, ENTRIES)))


def _tar_member(view: memoryview, info: tarfile.TarInfo) -> Member:
    content = view[info.offset_data : info.offset_data + info.size] if info.isreg() and not info.issparse() else memoryview(b"")
    facts: dict[What, str] = {
        "kind": info.type.decode("latin-1"),
        "mode": f"{info.mode:o}",
        "time": str(info.mtime),
        "owner": f"{info.uid}:{info.gid} {info.uname}:{info.gname}",
        "link": info.linkname,
        "header": str(sorted(info.pax_headers.items())) if info.pax_headers else "",
    }
    return Member(name=info.name, facts=facts, read=lambda: content)


def _zip(view: memoryview, budget: Budget) -> Container:
    import zipfile

    archive = zipfile.ZipFile(file_of(view))

    def member(info: zipfile.ZipInfo) -> Member:
        facts: dict[What, str] = {
            "time": "{}-{:02}-{:02} {:02}:{:02}:{:02}".format(*info.date_time),
            "mode": f"{info.external_attr >> 16:o}",
            "header": f"system {info.create_system}, version {info.create_version}, method {info.compress_type}, extra {info.extra.hex()}",
        }

        def read() -> memoryview:
            with archive.open(info) as stream:
                return unpacked(chunks_of(stream), budget)

        return Member(name=info.filename, facts=facts, read=read)

    return Container(kind="zip", members=tuple(member(info) for info in islice(archive.infolist(), ENTRIES)))


def _gzip(view: memoryview, budget: Budget) -> Container:
    import gzip

    head = bytes(view[:512])
    flags, time, extra, system = head[3], int.from_bytes(head[4:8], "little"), head[8], head[9]
    named = head[10:].partition(b"\0")[0].decode("latin-1") if flags & 8 and not flags & 4 else ""
    facts: dict[What, str] = {"time": str(time), "header": f"name {named!r}, flags {flags}, level mark {extra}, system {system}"}
    return _stream("gzip", lambda: gzip.GzipFile(fileobj=file_of(view)), budget, facts)


def _zstd(view: memoryview, budget: Budget) -> Container:
    import zstandard

    return _stream("zstd", lambda: zstandard.ZstdDecompressor().stream_reader(file_of(view), read_across_frames=True), budget)


def _xz(view: memoryview, budget: Budget) -> Container:
    import lzma

    return _stream("xz", lambda: lzma.LZMAFile(file_of(view)), budget)


def _stream(kind: str, opened: Callable[[], Any], budget: Budget, facts: Mapping[What, str] | None = None) -> Container:
    return Container(kind=kind, facts=facts or {}, members=(Member(name="", read=lambda: unpacked(chunks_of(opened()), budget)),))


_READERS: Final[Mapping[bytes, Callable[[memoryview, Budget], Container]]] = {
    signed.AR: _ar,
    b"\x1f\x8b": _gzip,
    b"\x28\xb5\x2f\xfd": _zstd,
    b"\xfd7zXZ\0": _xz,
    b"PK\3\4": _zip,
    b"PYZ\0": pyz,
    rpm.MAGIC: rpms.package,
    rpms.CPIO: rpms.cpio,
    cpio.MAGIC: xars.odc,
    xar.MAGIC: xars.archive,
    squashfs.MAGIC: images.image,
    ole.MAGIC: msis.package,
    flatpaks.MAGIC: images.flatpak,
}
