"""Wine, as the images have it by which programs of Windows run on Linux: where it is, and what it is told.

Source: https://gitlab.winehq.org/wine/wine/-/wikis/Wine-User's-Guide
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from coldforge.errors import DOCS

_FOLDER: Final = "/usr/lib/wine"
LOADER: Final = f"{_FOLDER}/wine64"
SERVER: Final = f"{_FOLDER}/wineserver64"
# No messages of Wine's own, none of the browsers and runtimes that it would offer to install, and no menus of a Linux desktop.
QUIET: Final[Mapping[str, str]] = {"WINEDEBUG": "-all", "WINEDLLOVERRIDES": "mscoree,mshtml=;winemenubuilder.exe=d"}
# What makes a new machine: windows open where nobody sees them, because there is no display.
START: Final = (
    (LOADER, "wineboot", "-i"),
    (LOADER, "reg", "add", r"HKCU\Software\Wine\Drivers", "/v", "Graphics", "/d", "null", "/f"),
    (SERVER, "-w"),
)
HINT: Final = f"An image for Windows has Wine 10 or newer for 64 bits, at {LOADER}: {DOCS}/how-to/windows-programs.md"
