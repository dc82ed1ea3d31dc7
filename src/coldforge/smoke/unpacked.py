"""Packages whose own managers are in no bare system: their files are unpacked into the place that they would have, and started from there.

That proves that a package holds what starts, and where it says so; not that it can be installed. What is left open is told.
"""

from __future__ import annotations

import gzip
import shutil
import tarfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Final, cast

from coldforge.errors import BuildFailed
from coldforge.filetypes import flatpaks, squashfs
from coldforge.host import programs
from coldforge.host.files import CHUNK, scratch

_DATA: Final = "./data.tar.gz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How a format is unpacked: `write` makes one tar of a package.

    `lacks` name what this machine lacks for it, each one thing or nothing; `left` says what starting the files does not prove, if anything.
    """

    write: Callable[[Path, Path], None]
    lacks: tuple[Callable[[], str], ...] = ()
    left: str = ""


def unproven(made: Collection[str], managed: Collection[str]) -> Iterator[str]:
    """What is not proven of the formats that were made; `managed` are those that a bare system's own package manager installs."""
    for name in sorted(({*made} & FORMS.keys()) - {*managed}):
        if absent := lacking(name):
            yield f"the {name} was tried nowhere: {absent}, which unpacks it, is not on this machine"
        elif FORMS[name].left:
            yield f"the {name} was started from its files, {FORMS[name].left}"


def lacking(name: str) -> str:
    """What unpacking a format takes and this machine has not; empty when it has all."""
    return next((absent for lacks in FORMS[name].lacks if (absent := lacks())), "")


def _without(program: str) -> str:
    return "" if programs.find(program) else program


@contextmanager
def files_of(package: Path, name: str) -> Iterator[Path]:
    """A tar of what is in a package of a format, there while the block runs. Raises BuildFailed when it cannot be read."""
    with scratch("unpacked") as folder:
        try:
            FORMS[name].write(package, folder / "files.tar")
        except (ValueError, EOFError, OSError, KeyError, tarfile.TarError) as error:
            raise BuildFailed(f"{package.name} cannot be unpacked", why=f"{type(error).__name__}: {error}") from error
        yield folder / "files.tar"


def _zstd(package: Path, out: Path) -> None:
    import zstandard

    with package.open("rb") as stream, out.open("wb") as made:
        try:
            zstandard.ZstdDecompressor().copy_stream(stream, made)
        except zstandard.ZstdError as error:
            raise ValueError(str(error)) from error


def _apk(package: Path, out: Path) -> None:
    """One tar in several streams: signature, description, files."""
    with gzip.open(package) as stream, out.open("wb") as made:
        shutil.copyfileobj(stream, made, CHUNK)


def _ipk(package: Path, out: Path) -> None:
    with tarfile.open(package, "r:gz") as tar, gzip.open(cast("IO[bytes]", tar.extractfile(_DATA))) as stream, out.open("wb") as made:
        shutil.copyfileobj(stream, made, CHUNK)


def _flatpak(package: Path, out: Path) -> None:
    with scratch("flatpak") as folder:
        flatpaks.unpack(package, folder).replace(out)


def _snap(package: Path, out: Path) -> None:
    with scratch("snap") as folder:
        entries = squashfs.unpack(package, folder / "all")
        with (folder / "all").open("rb") as stream, tarfile.open(out, "w") as tar:
            for entry in entries:
                if path := entry.path.strip("/"):
                    stream.seek(entry.span.start)
                    tar.addfile(_member(path, entry), stream)


def _member(path: str, entry: squashfs.Entry) -> tarfile.TarInfo:
    """An entry of an image as one of a tar. Raises KeyError for devices and pipes, which no snap of ours holds."""
    member = tarfile.TarInfo(path)
    member.type = {"D": tarfile.DIRTYPE, "R": tarfile.REGTYPE, "S": tarfile.SYMTYPE}[entry.kind]
    member.mode, member.linkname, member.size = int(entry.mode, 8), entry.link, entry.span.end - entry.span.start
    return member


FORMS: Final[Mapping[str, Form]] = {
    "tar.zst": Form(write=_zstd),
    "ipk": Form(write=_ipk, left="not installed: no bare system has opkg"),
    "apk": Form(write=_apk, left="not installed: no bare system for this target has apk"),
    "snap": Form(
        write=_snap, lacks=(squashfs.lacking,), left="not installed, and without its base and confinement: snapd runs in no container"
    ),
    "flatpak": Form(
        write=_flatpak,
        lacks=(partial(_without, "flatpak"), partial(_without, "ostree")),
        left="not installed, and without its runtime and confinement: flatpak starts nothing in a container without rights",
    ),
}
