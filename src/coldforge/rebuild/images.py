"""An AppImage as its image and the program before it, an image of squashfs as its members, and a flatpak bundle as the tar of its own.

Sources: https://github.com/AppImage/AppImageSpec/blob/master/draft.md and https://dr-emann.github.io/squashfs/
"""

from __future__ import annotations

import struct
from functools import partial
from typing import Final

from coldforge.host import files, flatpaks, sections, squashfs
from coldforge.rebuild.members import Container, Member
from coldforge.rebuild.verdict import What
from coldforge.rebuild.views import Budget, kept, part, saved

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


def _facts(view: memoryview) -> dict[What, str]:
    time, block, compression, flags = _SUPERBLOCK.unpack_from(view)
    return {"time": str(time), "header": f"compression {compression}, blocks of {block}, flags {flags}"}


def _member(entry: squashfs.Entry, content: memoryview) -> Member:
    facts: dict[What, str] = {"kind": entry.kind, "mode": entry.mode, "owner": entry.owner, "time": entry.time, "link": entry.link}
    return Member(name=entry.path, facts=facts, read=partial(part, content, entry.span.start, entry.span.end - entry.span.start))
