"""The files of images (AppImage, snap), as the tool of their file system reads them into a private folder."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, Final, Literal

from coldforge.bundle.contents import Item, escaped, seen
from coldforge.bundle.survey import Survey
from coldforge.host import files, spans, squashfs

_KINDS: Final[dict[str, Literal["file", "directory", "link", "other"]]] = {"R": "file", "D": "directory", "S": "link", "L": "link"}


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
