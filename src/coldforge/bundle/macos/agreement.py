"""A licence that is agreed to before a disk image opens: resources beside the image's table, as `hdiutil udifrez` puts them there.

Apple calls making them deprecated since macOS 12, but images that have one are still asked about, as of macOS 27
(https://github.com/Homebrew/brew/pull/23414).
Source: https://developer.apple.com/forums/thread/668084
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, Final

from coldforge.bundle.macos.udif import entry
from coldforge.errors import ConfigurationError, Location

_NUMBER: Final = 5000  # what the system counts the resources of licences from
_ENGLISH: Final = "English"
_WORDS: Final = (
    _ENGLISH,
    "Agree",
    "Disagree",
    "Print",
    "Save…",
    "Choose “Agree” to open the disk image if you accept the terms of this licence, or “Disagree” to leave it closed.",
)


def resources(source: Path) -> dict[str, list[dict[str, Any]]]:
    """The resources for a text, or for RTF. Raises ConfigurationError for a text that is not UTF-8."""
    kind, data = _content(source)
    words = [word.encode("mac_roman") for word in _WORDS]
    strings = struct.pack(">H", len(words)) + b"".join(bytes([len(word)]) + word for word in words)
    # The language where none fits (English), how many there are, and for each: the system's number, ours, and one byte for a letter.
    languages = struct.pack(">2H3H", 0, 1, 0, 0, 0)
    return {
        "LPic": [entry(_NUMBER, "", languages)],
        "STR#": [entry(_NUMBER, _ENGLISH, strings)],
        kind: [entry(_NUMBER, _ENGLISH, data)],
    }


def _content(source: Path) -> tuple[str, bytes]:
    data = source.read_bytes()
    if source.suffix.lower() == ".rtf":
        return "RTF ", data
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise ConfigurationError("the licence is no text in UTF-8", where=Location(source), hint="Save it as UTF-8, or as RTF.") from error
    try:
        return "TEXT", text.replace("\n", "\r").encode("mac_roman")
    except UnicodeEncodeError:
        return "RTF ", rtf(text)


def rtf(text: str) -> bytes:
    r"""A text with any letters.

    >>> rtf("{é\n")
    b'{\\rtf1\\ansi\\uc0{\\fonttbl\\f0\\fswiss Helvetica;}\\f0\\fs24 \\{\\u233 \\par\n}'
    """
    made = []
    for (unit,) in struct.iter_unpack("<h", text.encode("utf-16-le")):
        char = chr(unit) if 0 <= unit < 128 else ""
        made.append("\\par\n" if char == "\n" else f"\\{char}" if char in ("{", "}", "\\") else char or f"\\u{unit} ")
    return ("{\\rtf1\\ansi\\uc0{\\fonttbl\\f0\\fswiss Helvetica;}\\f0\\fs24 " + "".join(made) + "}").encode("ascii")
