"""Images: an AppImage as what is mounted and the program before it, one of squashfs as its members, a flatpak bundle as the tar of its own,
one for macOS as its volume, and that as its members.

Sources: https://github.com/AppImage/AppImageSpec/blob/master/draft.md and https://dr-emann.github.io/squashfs/
"""

from __future__ import annotations

import struct
from functools import partial
from typing import Final

from coldforge.filetypes import flatpaks, hfs, sections, squashfs, udif
from coldforge.filetypes.spans import pieces
from coldforge.host import files
from coldforge.rebuild.members import Container, Member
from coldforge.rebuild.verdict import What
from coldforge.rebuild.views import Budget, file_of, kept, part, saved, unpacked

_SUPERBLOCK: Final = struct.Struct("<8xII4xH2xH")  # time, bytes of a block, number of the compressor, flags


def appimage(view: memoryview) -> Container | None:
    """An AppImage's parts, the image first: what the program before it has to say follows from that. None when it is none."""
    if bytes(view[8:11]) != sections.TYPE2:
        return None
    end = sections.end_of(bytes(view[: sections.LARGEST]))
    if not 0 < end < len(view):
        return None
    image = Member(name="image", read=partial(part, view, end, len(view) - end))
    return Container(kind="appimage", members=(image, Member(name="runtime", read=partial(part, view, 0, end))))


def image(view: memoryview, budget: Budget) -> Container:
    """The members of an image. Raises one of `damage()`, and Missing without the tool."""
    with files.scratch("image") as folder:
        entries = squashfs.unpack(saved(view, folder / "image"), folder / "all")
        content = kept(folder / "all", budget)
    return Container(kind="squashfs", facts=_facts(view), members=tuple(_member(entry, content) for entry in entries))


def flatpak(view: memoryview, budget: Budget) -> Container:
    """What is in a flatpak bundle. Raises one of `damage()`, and Missing without the tools."""
    with files.scratch("flatpak") as folder:
        content = kept(flatpaks.unpack(saved(view, folder / "bundle"), folder), budget)
    return Container(kind="flatpak", members=(Member(name="", read=lambda: content),))


def disk(view: memoryview, budget: Budget) -> Container:
    """A disk image for macOS as its volume, and what else its table has, such as a licence. Raises one of `damage()`."""
    stream = file_of(view)
    found = udif.read(stream)
    others = [(kind, entry) for kind, entries in sorted(found.resources.items()) if kind != "blkx" for entry in entries]
    members = [Member(name="volume", read=lambda: unpacked(udif.volume(stream, found), budget))]
    members += [Member(name=f"{kind.strip()} {entry['ID']}", read=partial(_view, entry["Data"])) for kind, entry in others]
    return Container(
        kind="dmg", facts={"header": f"compression {found.compression}, a signature of {found.signature} bytes"}, members=tuple(members)
    )


def volume(view: memoryview) -> Container:
    """What is on a volume of HFS Plus. Raises one of `damage()`."""
    stream = file_of(view)
    found = hfs.read(stream)

    def member(entry: hfs.Entry) -> Member:
        facts: dict[What, str] = {"kind": entry.kind, "mode": f"{entry.mode:o}", "owner": entry.owner, "time": str(entry.time)}
        facts["header"] = "hidden" if entry.hidden else ""
        return Member(name=entry.path, facts=facts, read=lambda: memoryview(b"".join(pieces(stream, entry.spans))))

    return Container(kind="hfs", facts={"header": f"volume {found.name!r}"}, members=tuple(map(member, found.entries)))


def _facts(view: memoryview) -> dict[What, str]:
    time, block, compression, flags = _SUPERBLOCK.unpack_from(view)
    return {"time": str(time), "header": f"compression {compression}, blocks of {block}, flags {flags}"}


def _member(entry: squashfs.Entry, content: memoryview) -> Member:
    facts: dict[What, str] = {"kind": entry.kind, "mode": entry.mode, "owner": entry.owner, "time": entry.time, "link": entry.link}
    return Member(name=entry.path, facts=facts, read=partial(part, content, entry.span.start, entry.span.end - entry.span.start))


def _view(data: bytes) -> memoryview:
    return memoryview(data)
