"""The menu of a desktop: entries and icons by freedesktop.org's rules, the same in every Linux format."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from coldforge.bundle.templates import fill
from coldforge.plan import names
from coldforge.project.config import Executable, Product

TEMPLATE: Final = "build/templates/deb/desktop"
# The registered words of the menu specification 1.1; all others must start with X-.
_REGISTERED: Final = """
AudioVideo Audio Video Development Education Game Graphics Network Office Science Settings System Utility
Building Debugger IDE GUIDesigner Profiling RevisionControl Translation Calendar ContactManagement Database Dictionary Chart Email
Finance FlowChart PDA ProjectManagement Presentation Spreadsheet WordProcessor 2DGraphics VectorGraphics RasterGraphics 3DGraphics
Scanning OCR Photography Publishing Viewer TextTools DesktopSettings HardwareSettings Printing PackageManager Dialup InstantMessaging
Chat IRCClient Feed FileTransfer HamRadio News P2P RemoteAccess Telephony TelephonyTools VideoConference WebBrowser WebDevelopment Midi
Mixer Sequencer Tuner TV AudioVideoEditing Player Recorder DiscBurning ActionGame AdventureGame ArcadeGame BoardGame BlocksGame CardGame
KidsGame LogicGame RolePlaying Shooter Simulation SportsGame StrategyGame Art Construction Music Languages ArtificialIntelligence
Astronomy Biology Chemistry ComputerScience DataVisualization Economy Electricity Geography Geology Geoscience History Humanities
ImageProcessing Literature Maps Math NumericalAnalysis MedicalSoftware Physics Robotics Spirituality Sports ParallelComputing Amusement
Archiving Compression Electronics Emulator Engineering FileTools FileManager TerminalEmulator Filesystem Monitor Security Accessibility
Calculator Clock TextEditor Documentation Adult Core KDE GNOME XFCE GTK Qt Motif Java ConsoleOnly
"""
_WORDS: Final = frozenset(_REGISTERED.split())
_NEEDS: Final = {"Audio": "AudioVideo", "Video": "AudioVideo"}
# Where themes look for icons: https://specifications.freedesktop.org/icon-theme-spec
_SIZES: Final = (16, 22, 24, 32, 36, 48, 64, 72, 96, 128, 192, 256, 512)


def menu(product: Product) -> tuple[Executable, ...]:
    """The executables that belong into a menu: those with windows; with categories given, else the main one."""
    windowed = tuple(executable for executable in product.executables if not executable.console)
    if windowed or not product.categories:
        return windowed
    main = [executable for executable in product.executables if executable.name == product.name]
    return tuple([*main, *product.executables][:1])


def files(product: Product, project: Path) -> Iterator[tuple[str, bytes]]:
    """Paths and contents of all entries, and of the icon that they show."""
    shown = menu(product)
    for executable in shown:
        name = identifier(product) if len(shown) == 1 else f"{identifier(product)}.{executable.name}"
        values = _values(product, executable, alone=len(shown) == 1)
        yield f"usr/share/applications/{name}.desktop", _without_empty(fill(TEMPLATE, values, project))
    if shown and product.icon:
        data = (project / product.icon).read_bytes()
        yield icon_path(identifier(product), product.icon, data), data


def identifier(product: Product) -> str:
    """What entries and icons are called."""
    return product.identifier or names.debian_package(product.name)


def icon_path(name: str, icon: str, data: bytes) -> str:
    """The place for an icon at its own size, nothing is scaled; one of an unusual size goes where any size is taken."""
    if Path(icon).suffix.lower() == ".svg":
        return f"usr/share/icons/hicolor/scalable/apps/{name}.svg"
    width = int.from_bytes(data[16:20], "big")  # IHDR, the first chunk: https://www.w3.org/TR/png/#11IHDR
    return f"usr/share/icons/hicolor/{width}x{width}/apps/{name}.png" if width in _SIZES else f"usr/share/pixmaps/{name}.png"


def categories(given: Sequence[str]) -> str:
    """The value of the key: registered words as they are with those that they demand, others marked with X-.

    >>> categories(["Audio", "My Tools"])
    'Audio;AudioVideo;X-My-Tools;'
    """
    words = [word for name in given or ("Utility",) for word in (_word(name), _NEEDS.get(name, "")) if word]
    return "".join(f"{word};" for word in dict.fromkeys(words))


def _word(name: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9-]+", "-", name).strip("-")
    return plain if not plain or plain in _WORDS or plain.startswith("X-") else f"X-{plain}"


def _values(product: Product, executable: Executable, *, alone: bool) -> dict[str, str]:
    return {
        "name": _escaped(product.display_name or product.name) if alone else executable.name,
        "summary": _escaped(product.summary),
        "executable": executable.name,
        "icon": identifier(product) if product.icon else "",
        "terminal": "true" if executable.console else "false",
        "categories": categories(product.categories),
    }


def _escaped(text: str) -> str:
    """A string value on one line (desktop entry specification, "Possible value types")."""
    return " ".join(text.split()).replace("\\", "\\\\")


def _without_empty(entry: bytes) -> bytes:
    """Keys that have no value are left out."""
    return re.sub(rb"(?m)^[A-Za-z-]+=\n", b"", entry)
