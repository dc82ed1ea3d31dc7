"""The files of images (AppImage, snap, flatpak) and of packages and setups for Windows, by way of one file in a private folder."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, Final, Literal

from coldforge.errors import Missing
from coldforge.filetypes import cab, flatpaks, hfs, msi, nsis, spans, squashfs, udif
from coldforge.host import files
from coldforge.inspect.contents import UNPACKED, Item, archive, damage, escaped, members, seen
from coldforge.inspect.survey import Survey

_KINDS: Final[dict[str, Literal["file", "directory", "link", "other"]]] = {"R": "file", "D": "directory", "S": "link", "L": "link"}
_SAID: Final = ("ProductName", "ProductVersion", "Manufacturer", "ProductCode", "UpgradeCode")


def items(image: Path, start: int, survey: Survey) -> list[Item]:
    """What is in the image that begins at `start` in a file. Raises what `squashfs.unpack` raises."""
    with files.scratch("image") as folder:
        found = squashfs.unpack(image, folder / "all", start=start)
        with (folder / "all").open("rb") as stream:
            return [_item(entry, stream, survey) for entry in found if entry.path != "/"]


def _item(entry: squashfs.Entry, stream: BinaryIO, survey: Survey) -> Item:
    survey.name(entry.path)
    kind, path = _KINDS.get(entry.kind, "other"), escaped(entry.path)
    if kind != "file":
        note = "a hard link" if entry.kind == "L" else "a device or pipe" if kind == "other" else ""
        return Item(path=path, kind=kind, mode=entry.mode, link=escaped(entry.link) if kind == "link" else "", note=note)
    size = entry.span.end - entry.span.start
    digest, _ = seen(entry.path, size, spans.pieces(stream, [entry.span]), survey)
    return Item(path=path, size=size, sha256=digest, mode=entry.mode, note="has special rights" if int(entry.mode, 8) & 0o7000 else "")


def bundle(path: Path, survey: Survey) -> list[Item]:
    """What is in a flatpak bundle. Raises what `flatpaks.unpack` raises."""
    with files.scratch("flatpak") as folder, flatpaks.unpack(path, folder).open("rb") as stream:
        return list(members(archive(stream, ""), survey))


def installer(stream: BinaryIO, survey: Survey) -> tuple[dict[str, str], list[Item]]:
    """What an msi says of itself, and the files that it installs. Damage in it is told: somebody may be looking for that."""
    fields: dict[str, str] = {}
    try:
        database = msi.read(stream)
        said = {row["Property"]: row["Value"] for row in database.tables.get("Property", ())}
        fields |= {name: said[name] for name in _SAID if name in said}
        with files.scratch("msi") as folder:
            found = msi.unpack(stream, database, folder, folder / "all")
            with (folder / "all").open("rb") as content:
                return fields, [_installed(file.name, file.span, content, survey) for file in found]
    except cab.Unknown as error:
        fields["its files"] = f"not looked at: {error}"
    except _harm() as error:
        fields["its files"] = f"damaged: {error}"
    return fields, []


def _harm() -> tuple[type[Exception], ...]:
    return (*damage(), LookupError)  # numbers and names of tables that lead nowhere


def setup(path: Path, survey: Survey) -> tuple[dict[str, str], list[Item]]:
    """The files of a setup that NSIS made. Damage is told, as that of an msi is."""
    try:
        with files.scratch("setup") as folder:
            found = nsis.unpack(path, folder / "all")
            with (folder / "all").open("rb") as content:
                return {"setup": "NSIS"}, [_installed(file.name, file.span, content, survey) for file in found]
    except Missing as error:
        note = f"not looked at: {error}. {error.hint}"
    except nsis.Unknown as error:
        note = f"not looked at: {error}"
    except _harm() as error:
        note = f"damaged: {error}"
    return {"setup": "NSIS", "its files": note}, []


def _installed(name: str, span: spans.Span, stream: BinaryIO, survey: Survey) -> Item:
    size = span.end - span.start
    digest, _ = seen(name, size, spans.pieces(stream, [span]), survey)
    return Item(path=escaped(name), size=size, sha256=digest)


def disk(stream: BinaryIO, survey: Survey) -> tuple[dict[str, str], list[Item]]:
    """The files of a disk image for macOS. Raises one of `damage()`; what is of a kind that is not read is told."""
    fields: dict[str, str] = {}
    try:
        image = udif.read(stream)
        fields |= {"compression": image.compression, "agreement": "asked for before it opens" if "LPic" in image.resources else ""}
        if sum(run.sectors for run in image.runs) * udif.SECTOR > UNPACKED:
            raise ValueError("it unpacks to more than is looked at")
        with TemporaryFile() as content:
            content.writelines(udif.volume(stream, image))
            volume = hfs.read(content)
            found = [_on_disk(entry, content, survey) for entry in sorted(volume.entries)]
    except udif.Unknown as error:
        return {**fields, "its files": f"not looked at: {error}"}, []
    return {"volume": volume.name, **fields}, found


def _on_disk(entry: hfs.Entry, content: BinaryIO, survey: Survey) -> Item:
    survey.name(entry.path)
    path, mode = escaped(entry.path), f"{entry.mode:o}"
    if entry.kind != "file":
        return Item(path=path, kind=entry.kind, mode=mode, link=escaped(hfs.link(content, entry)) if entry.kind == "link" else "")
    digest, _ = seen(entry.path, entry.size, spans.pieces(content, entry.spans), survey)
    return Item(path=path, size=entry.size, sha256=digest, mode=mode)
