"""What is in a file or folder that somebody hands out, read without unpacking it and without trusting it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final

from coldforge.errors import ConfigurationError
from coldforge.filetypes import authenticode, codesign, developer, flatpaks, macho, msix, nsis, ole, packed, pe, rpm, squashfs, udif, xar
from coldforge.filetypes import images as signatures
from coldforge.host import files
from coldforge.inspect import images, installers, packages
from coldforge.inspect.contents import ENTRIES, PIECE, UNPACKED, Item, damage, deb, seen
from coldforge.inspect.inspection import Inspection
from coldforge.inspect.recorded import part_of, record
from coldforge.inspect.survey import MAGIC, Survey, elf, floor

_UNPACKED: Final = (b"b", b"x")  # libraries and data files: what a program must unpack before it can start
_LINK: Final = b"n"
_NAME: Final = 4096  # bytes of a link's text


def inspect(path: Path) -> Inspection:
    """Look into an archive, a package or image, a program, a frozen tree, its index, a bill of materials or a manifest.

    Raises ConfigurationError when the file is none of these, cannot be read, or is damaged.
    """
    try:
        return _folder(path) if path.is_dir() else _file(path)
    except damage() as error:
        raise ConfigurationError(f"{path.name} cannot be read: it is damaged", why=f"{type(error).__name__}: {error}") from error


def _file(path: Path) -> Inspection:
    with path.open("rb") as stream:
        head = stream.read(512)
    if head.lstrip().startswith(b"{"):
        return record(path)
    survey = Survey()
    kind, fields, items = _look(path, head, survey)
    kind = "snap" if kind == "squashfs" and path.suffix == ".snap" else kind  # a snap is nothing else
    return _surveyed(path, kind, fields, items, survey)


def _surveyed(path: Path, kind: str, fields: dict[str, str], items: Iterable[Item], survey: Survey) -> Inspection:
    listed = tuple(items)
    parts = (part_of(part, part.size + part.archived) for part in survey.parts)
    return Inspection(
        name=path.name,
        kind=kind,
        size=path.stat().st_size if path.is_file() else sum(item.size for item in listed),
        sha256=files.sha256(path) if path.is_file() else "",
        fields=fields,
        floor=survey.floor,
        libraries=survey.libraries,
        parts=tuple(sorted(parts, key=lambda part: (-part.size, part.kind, part.name))),
        items=listed,
    )


def _look(path: Path, head: bytes, survey: Survey) -> packages.Found:
    with path.open("rb") as stream:
        for magic, reader in _READERS.items():
            if head.startswith(magic):
                return reader(stream, survey)
        if head.startswith(MAGIC) and packages.is_appimage(head):
            return packages.appimage(stream, survey)
        if head.startswith(MAGIC):
            return "program", *_program(path.name, stream, survey)
        if udif.is_image(stream):
            fields, items = images.disk(stream, survey)
            return "dmg", {**fields, **_image(stream)}, items
    raise ConfigurationError(
        f"{path.name} is of no kind that can be looked into",
        hint="Archives and packages, programs, frozen trees, payload.json, manifest.json and CycloneDX documents are.",
    )


def _zip(stream: BinaryIO, survey: Survey) -> packages.Found:
    kind, fields, items = packages.zipped(stream, survey)
    if any(item.path == msix.MANIFEST for item in items):
        return "msix", {**fields, "publisher": msix.publisher(stream), **_windows(stream)}, items
    return kind, fields, items


def _macos(stream: BinaryIO, survey: Survey) -> packages.Found:
    """A program or library for macOS, with its signatures. Raises ConfigurationError for a class of Java, which begins alike."""
    stream.seek(0)
    if not macho.starts(stream.read(8)):
        raise ConfigurationError(f"{Path(stream.name).name} is a class of Java, and is not looked into")
    found = macho.slices(stream)
    survey.require(tuple(sorted({name for one in found for name in one.needed})))
    about = {"architecture": " ".join(one.machine for one in found), "kind of file": " ".join(sorted({one.kind for one in found}))}
    try:
        return "program for macOS", {**about, **developer.fields(codesign.read(stream))}, []
    except damage() as error:
        return "program for macOS", {**about, "signature": f"bad: {error}"}, []


_READERS: Final[Mapping[bytes, Callable[[BinaryIO, Survey], packages.Found]]] = {
    b"\x1f\x8b": lambda stream, survey: packages.tarball(stream, ".gz", survey),
    packages.ZSTD: lambda stream, survey: packages.tarball(stream, ".zst", survey),
    b"!<arch>\ndebian-binary": lambda stream, survey: ("deb", *deb(stream, survey)),
    rpm.MAGIC: packages.rpm,
    b"PK\3\4": _zip,
    squashfs.MAGIC: lambda stream, survey: ("squashfs", *packages.image(stream, survey)),
    flatpaks.MAGIC: packages.flatpak,
    pe.MAGIC: lambda stream, survey: ("program for Windows", *_exe(stream, survey)),
    xar.MAGIC: installers.package,
    ole.MAGIC: lambda stream, survey: ("msi", *_msi(stream, survey)),
    **dict.fromkeys(codesign.MAGICS, _macos),
}


def _windows(stream: BinaryIO) -> dict[str, str]:
    """The digest that signatures are about, and whose there is. A bad one is told like any other: somebody is looking for that."""
    about = {"authenticode digest": authenticode.digest(stream)}
    try:
        return {**about, **authenticode.fields(authenticode.read(stream))}
    except damage() as error:
        return {**about, "signature": f"bad: {error}"}


def _exe(stream: BinaryIO, survey: Survey) -> tuple[dict[str, str], list[Item]]:
    about = _windows(stream)
    stream.seek(0)
    if not nsis.begin(stream.read(nsis.SEARCHED)):
        return about, []
    fields, items = images.setup(Path(stream.name), survey)
    return {**about, **fields}, items


def _msi(stream: BinaryIO, survey: Survey) -> tuple[dict[str, str], list[Item]]:
    fields, items = images.installer(stream, survey)
    return {**_windows(stream), **fields}, items


def _image(stream: BinaryIO) -> dict[str, str]:
    """Who has signed a disk image, and whether it has a ticket."""
    try:
        seen, ticket = signatures.read(stream), signatures.ticket(stream)
        return {**developer.fields((seen,)), "ticket": f"{len(ticket)} bytes" if ticket else "none"}
    except damage() as error:
        return {"signature": f"bad: {error}"}


def _folder(path: Path) -> Inspection:
    """A folder, such as a frozen tree: what is in it, whatever an index beside it says."""
    survey = Survey()
    found = (entry for entry in sorted(path.rglob("*")) if entry.is_symlink() or not entry.is_dir() or not any(entry.iterdir()))
    return _surveyed(path, "folder", {}, [_item(entry, entry.relative_to(path).as_posix(), survey) for entry in found], survey)


def _item(path: Path, name: str, survey: Survey) -> Item:
    survey.name(name)
    state = path.lstat()
    mode, shown = f"{state.st_mode & 0o7777:o}", name.encode(errors="backslashreplace").decode()
    if path.is_symlink():
        return Item(path=shown, kind="link", mode=mode, link=path.readlink().as_posix().encode(errors="backslashreplace").decode())
    if not path.is_file():
        return Item(path=shown, kind="directory" if path.is_dir() else "other", mode=mode)
    with path.open("rb") as stream:
        digest, size = seen(name, state.st_size, iter(partial(stream.read, PIECE), b""), survey)
    return Item(path=shown, size=size, sha256=digest, mode=mode)


def _program(name: str, stream: BinaryIO, survey: Survey) -> tuple[dict[str, str], list[Item]]:
    """Architecture, needed libraries and the newest glibc version of a program; and what it unpacks, if it does."""
    stream.seek(0)
    facts = elf(stream)
    fields = {"architecture": facts.architecture, "loader": facts.loader, "needs": " ".join(facts.needed)}
    fields["glibc"] = floor(facts.glibc).removeprefix("glibc-")
    if unpacks_itself(stream):
        # its own libraries are in the archive, and may need a newer one; what it starts with cannot be
        survey.require(facts.needed)
        fields["glibc (boot loader)"] = fields.pop("glibc")
        fields["one file"] = "unpacks itself at every start"
    stream.seek(0)
    survey.look(name, stream)
    return fields, list(_inside(stream, survey)) if "one file" in fields else []


def unpacks_itself(stream: BinaryIO) -> bool:
    """Whether a program carries its libraries in an archive of PyInstaller's; launchers in a folder have archives of modules only."""
    return any(entry.kind in _UNPACKED for entry in packed.entries(stream))


def _inside(stream: BinaryIO, survey: Survey) -> Iterator[Item]:
    """What a program unpacks. Raises ValueError, EOFError or zlib.error when that cannot be."""
    left = UNPACKED
    for number, entry in enumerate(list(packed.entries(stream))):
        if number >= ENTRIES or left < 0:
            raise ValueError("it unpacks to more than is looked at")
        pieces = islice(packed.unpacked(stream, entry), left // PIECE + 2)
        if entry.kind == _LINK:
            survey.name(entry.name)
            yield Item(
                path=entry.name, kind="link", link=b"".join(islice(pieces, 1))[:_NAME].rstrip(b"\0").decode(errors="backslashreplace")
            )
        elif entry.kind in _UNPACKED:
            survey.name(entry.name)
            digest, size = seen(entry.name, entry.size, pieces, survey)
            left -= size
            yield Item(path=entry.name, size=size, sha256=digest)
