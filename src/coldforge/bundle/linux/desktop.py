"""The menu of a desktop: entries and icons by freedesktop.org's rules, the same in every Linux format."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from coldforge.plan import names
from coldforge.project.config import Executable, Product
from coldforge.recipes import fill

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


def menu(product: Product) -> tuple[Executable, ...]:
    """The executables that belong into a menu: those with windows; with categories given, else the main one."""
    windowed = tuple(executable for executable in product.executables if not executable.console)
    if windowed or not product.categories:
        return windowed
    main = [executable for executable in product.executables if executable.name == product.name]
    return tuple([*main, *product.executables][:1])


def files(product: Product, project: Path) -> Iterator[tuple[str, bytes]]:
    """Paths and contents of all entries."""
    for executable, entry in entries(product, project):
        yield f"usr/share/applications/{entry_name(product, executable)}", entry


def entries(product: Product, project: Path) -> Iterator[tuple[Executable, bytes]]:
    """The texts of all entries: those of the menu, and hidden ones of programs that open files or URLs."""
    shown = menu(product)
    for executable in product.executables:
        if executable in shown or _opens(executable):
            values = _values(product, executable, alone=len(shown) == 1, hidden=executable not in shown)
            yield executable, _without_empty(fill(TEMPLATE, values, project)) + b"".join(_actions(executable))


def entry_name(product: Product, executable: Executable) -> str:
    """The file of an executable's entry, which is its id as well; a single one of the menu is called like the product."""
    shown = menu(product)
    own = identifier(product) if shown == (executable,) else f"{identifier(product)}.{executable.name}"
    return f"{own}.desktop"


def _opens(executable: Executable) -> bool:
    return bool(executable.url_schemes or executable.file_associations)


def identifier(product: Product) -> str:
    """What entries and icons are called."""
    return product.identifier or names.debian_package(product.name)


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


def _values(product: Product, executable: Executable, *, alone: bool, hidden: bool) -> dict[str, str]:
    notify = executable.startup_notify
    return {
        "name": escaped(product.display_name or product.name) if alone and not hidden else executable.name,
        "generic_name": escaped(product.generic_name),
        "summary": escaped(product.summary),
        "executable": executable.name,
        "field_code": " %U" if executable.url_schemes else " %F" if executable.file_associations else "",
        "icon": identifier(product) if product.icon else "",
        "terminal": "true" if executable.console else "false",
        "hidden": "true" if hidden else "",
        "categories": categories(product.categories),
        "keywords": _list(product.keywords),
        "mime_types": _list(mime_types(executable)),
        "window_class": "" if executable.console else escaped(executable.window_class or executable.name),
        "startup_notify": "" if notify is None else str(notify).lower(),
        "actions": _list(tuple(executable.actions)),
    }


def mime_types(executable: Executable) -> tuple[str, ...]:
    """What it opens, in the words of MIME: URLs of a scheme are a type as well (association specification, "x-scheme-handler")."""
    kinds = [association.mime_type for association in executable.file_associations]
    return tuple(dict.fromkeys([*kinds, *(f"x-scheme-handler/{scheme}" for scheme in executable.url_schemes)]))


def _actions(executable: Executable) -> Iterator[bytes]:
    """The groups of its actions ("Additional applications actions")."""
    for key, action in executable.actions.items():
        command = " ".join([executable.name, *map(argument, action.arguments)])
        yield f"\n[Desktop Action {key}]\nName={escaped(action.name)}\nExec={command}\n".encode()


def argument(text: str) -> str:
    r"""An argument of Exec: quoted where it must be, then escaped as a string ("The Exec key"); `%` alone begins a field code.

    >>> argument("--new"), argument("50% of $HOME")
    ('--new', '"50%% of \\\\$HOME"')
    """
    text = " ".join(text.splitlines()).replace("%", "%%")
    if text and not re.search(r"[\s\"'\\><~|&;$*?#()`]", text):
        return text
    quoted = re.sub(r'(["`$\\])', r"\\\1", text)
    return '"' + quoted.replace("\\", "\\\\") + '"'


def _list(values: Sequence[str]) -> str:
    """A value of several strings."""
    return "".join(f"{escaped(value).replace(';', chr(92) + ';')};" for value in values)


def escaped(text: str) -> str:
    """A string value on one line (desktop entry specification, "Possible value types")."""
    return plain(text).replace("\\", "\\\\")


def plain(text: str) -> str:
    """Text on one line, without control characters, which neither entries nor XML can hold."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\ufffe\uffff]", "", " ".join(text.split()))


def _without_empty(entry: bytes) -> bytes:
    """Keys that have no value are left out."""
    return re.sub(rb"(?m)^[A-Za-z-]+=\n", b"", entry)
