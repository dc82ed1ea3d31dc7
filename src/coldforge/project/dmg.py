"""`[tool.coldforge.dmg]`: how the disk image for macOS looks when it is opened, and what is wrong with that."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

from msgspec import Meta

from coldforge.project.read import Findings, Part
from coldforge.project.section import Section

TABLE: Final = "dmg"
PICTURES: Final = (".png", ".jpg", ".jpeg", ".tif", ".tiff")
TEXTS: Final = (".txt", ".rtf")
WINDOW: Final = (640, 400)  # where no picture tells
Place = Annotated[int, Meta(ge=0, le=10_000)]
Length = Annotated[int, Meta(ge=100, le=10_000)]


class DmgConfig(Section, frozen=True, kw_only=True):
    """`[tool.coldforge.dmg]`: how the disk image looks when it is opened. Places and sizes are in points, from the upper left corner."""

    volume: Annotated[
        str,
        Meta(
            description="Name of the volume; default: the name that people read, and the version.",
            pattern=r"^([^/:.\x00-\x1f\x7f][^/:\x00-\x1f\x7f]{0,99})?$",
        ),
    ] = ""
    background: Annotated[
        str,
        Meta(description="Picture behind the icons: PNG, JPEG, or TIFF with the same picture in twice the size for sharp screens."),
    ] = ""
    window: Annotated[
        tuple[Length, Length] | None, Meta(description="Width and height of the window; default: the picture's, else 640 and 400.")
    ] = None
    icon_size: Annotated[int, Meta(description="Size of the icons.", ge=16, le=512)] = 128
    text_size: Annotated[int, Meta(description="Size of the names.", ge=10, le=16)] = 12
    application: Annotated[
        tuple[Place, Place] | None, Meta(description="The middle of the application's icon; default: in the left half of the window.")
    ] = None
    applications: Annotated[
        tuple[Place, Place] | None,
        Meta(description="The middle of the icon of the link to the Applications folder; default: in the right half."),
    ] = None
    link: Annotated[bool, Meta(description="Has a link to the Applications folder, which the application is drawn to.")] = True
    license: Annotated[
        str,
        Meta(
            description="Text (UTF-8, `.txt`, or `.rtf`) that must be agreed to before the image opens. "
            "Programs that mount it without a user must be told so, as with `hdiutil attach` and a Y on its input."
        ),
    ] = ""


def sources(config: DmgConfig) -> tuple[str, ...]:
    """The files of the project that are read, as paths relative to it."""
    return tuple(path for path in (config.background, config.license) if path)


def check_dmg(root: Path, tool: Part, config: DmgConfig, findings: Findings) -> None:
    """Find files that are not there or of no use, and icons beside the window; `tool` is `[tool.coldforge]`."""
    table = tool.part(TABLE, findings=findings)
    for key, kinds in (("background", PICTURES), ("license", TEXTS)):
        if problem := file_problem(root, getattr(config, key), kinds):
            findings.add(f"the {key} {problem}", table.where(key), "name a file of the project, relative to it")
    for key, what in _beside(config):
        findings.add(what, table.where(key), "place it within the window")


def _beside(config: DmgConfig) -> Iterator[tuple[str, str]]:
    if config.window:
        width, height = config.window
        for key, place in (("application", config.application), ("applications", config.applications)):
            if place and (place[0] > width or place[1] > height):
                yield key, f"the icon at {place[0]}, {place[1]} is outside of the window of {width} by {height}"


def file_problem(root: Path, path: str, kinds: tuple[str, ...]) -> str:
    """What is wrong with a file that the project names, as the end of a sentence; empty when it is fine, or not named."""
    if not path:
        return ""
    if Path(path).is_absolute() or ".." in Path(path).parts:
        return f"{path} is outside of the project"
    if Path(path).suffix.lower() not in kinds:
        return f"{path} is none of {', '.join(kinds)}"
    return "" if (root / path).is_file() else f"{path} does not exist"
