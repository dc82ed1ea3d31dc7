"""What a picture must be so that icons of every size can be made from it, and look the same on every machine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from coldforge.project.config import Config
from coldforge.project.read import Findings, Part
from coldforge.report import reporter

_PNG: Final = b"\x89PNG\r\n\x1a\n"
SMALLEST: Final = 16  # pixels: the smallest size of a theme
GOOD: Final = 256  # pixels: what desktops show at most without a magnifier, AppStream's advice as well
_LINK: Final = re.compile(r"""\bhref\s*=\s*["']\s*(?!#|data:|["'])([^"']*)""")


def check_icons(root: Path, tool: Part, config: Config, findings: Findings) -> None:
    """Find pictures that no icon can be made from, and tell of those that are small."""
    for keys, icon in _named(config):
        if problem := icon_problem(root, icon):
            findings.add(f"the icon {icon} {problem}", tool.where(*keys), "it must be one square PNG or SVG in the project")
        elif not icon.lower().endswith(".svg") and (width := _size(_head(root / icon))[0]) < GOOD:
            text = f"the icon {icon} is {width} pixels wide: nothing larger is made from it; {GOOD} or more look good everywhere"
            reporter().warn(text, where=tool.where(*keys))


def _named(config: Config) -> Iterator[tuple[tuple[str, ...], str]]:
    if config.icon:
        yield ("icon",), config.icon
    for name, executable in config.executables.items():
        for number, association in enumerate(executable.file_associations):
            if association.icon:
                yield ("executables", name, "file-associations", str(number), "icon"), association.icon


def icon_problem(root: Path, icon: str) -> str:
    """What is wrong with an icon, as the end of a sentence; empty when all is well."""
    path = root / icon
    if Path(icon).is_absolute() or ".." in Path(icon).parts:
        return "is outside of the project"
    if not path.is_file():
        return "does not exist"
    kinds = {".svg": _svg_problem, ".png": _png_problem}
    problem = kinds.get(path.suffix.lower())
    return problem(path) if problem else "is neither PNG nor SVG"


def _png_problem(path: Path) -> str:
    head = _head(path)
    if len(head) < 24 or not head.startswith(_PNG) or head[12:16] != b"IHDR":
        return "is not a PNG file"
    width, height = _size(head)
    if width != height:
        return f"is {width} by {height} pixels"
    return "" if width >= SMALLEST else f"is {width} pixels wide, too small for any size of a theme"


def _head(path: Path) -> bytes:
    """The signature of a PNG, and the first chunk up to the height: https://www.w3.org/TR/png/#11IHDR"""
    with path.open("rb") as stream:
        return stream.read(24)


def _size(head: bytes) -> tuple[int, int]:
    return int.from_bytes(head[16:20]), int.from_bytes(head[20:24])


def _svg_problem(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return "is not UTF-8 text"
    root = re.search(r"<svg\b[^>]*>", text)
    if root is None:
        return "is not an SVG file"
    if (sides := _sides(root[0])) and sides[0] != sides[1]:
        return f"is {sides[0]:g} by {sides[1]:g} units"
    if re.search(r"<(text|foreignObject)\b", text):
        return "holds text, which looks different with each machine's fonts: turn it into paths"
    found = _LINK.search(re.sub(r"<a\b[^>]*>", "", text))
    return f"shows another file, {found[1]}: embed it" if found else ""


def _sides(tag: str) -> tuple[float, float] | None:
    """Width and height of a picture; None when it does not say both, in the same unit."""
    box = re.search(r"""\bviewBox\s*=\s*["']\s*[-\d.eE]+[\s,]+[-\d.eE]+[\s,]+([\d.]+)[\s,]+([\d.]+)\s*["']""", tag)
    if box:
        return float(box[1]), float(box[2])
    found = [re.search(rf"""\s{side}\s*=\s*["']\s*(\d+(?:\.\d+)?)([a-z%]*)\s*["']""", tag) for side in ("width", "height")]
    numbers = [(float(match[1]), match[2]) for match in found if match]
    return (numbers[0][0], numbers[1][0]) if len(numbers) == 2 and numbers[0][1] == numbers[1][1] else None
