"""The windowed applications of tests/projects: where each is frozen, and what its window must show."""

from __future__ import annotations

from dataclasses import dataclass

from support import images


@dataclass(frozen=True, slots=True, kw_only=True)
class Windowed:
    """One of tests/projects: the folder, the package, the image that has its toolkit's libraries, the window's title.

    `shown` are colours that only the application's own drawing has, each with how many pixels of the window have it at least;
    `brought` are packages that the window's fonts, keys and pictures need, which nothing but the package's dependencies brings.
    """

    folder: str
    package: str
    image: images.Base
    title: str
    shown: dict[tuple[int, int, int], int]
    brought: tuple[str, ...]


WINDOWED = (
    Windowed(
        folder="tk",
        package="colour-board",
        image=images.FREEZE_TK,
        title="Colours of the day",
        shown={(200, 30, 40): 300 * 60, (20, 140, 60): 300 * 60},
        brought=("libfontconfig1", "libxcb1"),
    ),
    Windowed(
        folder="qt",
        package="sky-board",
        image=images.FREEZE_QT,
        title="The sky today",
        shown={(0x14, 0x46, 0xA0): 300 * 80, (0xC8, 0x64, 0x1E): 300 * 40},
        brought=("libegl1", "libfontconfig1", "libgl1", "libwayland-cursor0", "libxcb1", "libxkbcommon0"),
    ),
    Windowed(
        folder="gtk",
        package="weather-board",
        image=images.FREEZE_GTK,
        title="The weather today, by X11",
        shown={(70, 160, 20): 300 * 60, (51, 102, 204): 300 * 40, (204, 153, 51): 300 * 40},
        brought=("libfontconfig1", "libwayland-client0", "libxcb1", "libxkbcommon0"),
    ),
)
