"""`[tool.coldforge.windows]`: what the installers for Windows do besides copying files, and what is wrong with that."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterator
from typing import Annotated, Final, Literal

from msgspec import Meta

from coldforge.project.read import Findings, Part
from coldforge.project.section import Section

TABLE: Final = "windows"
Language = Literal["en", "de", "fr", "es", "it", "nl"]
# What the name of a file or folder cannot be: https://learn.microsoft.com/windows/win32/fileio/naming-a-file
_RESERVED: Final = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|com[0-9\u00b9\u00b2\u00b3]|lpt[0-9\u00b9\u00b2\u00b3])\s*(\..*)?", re.IGNORECASE
)
_FORBIDDEN: Final = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
# A distinguished name: https://learn.microsoft.com/uwp/schemas/appxpackage/uapmanifestschema/element-identity
_PART: Final = r"(CN|L|OU?|E|C|S|STREET|T|G|I|SN|DC|SERIALNUMBER|Description|PostalCode|POBox|Phone|X21Address|dnQualifier|OID(\.[0-9]+)+)"
_VALUE: Final = r"""([^,+="<>#;\x00-\x1f\x7f]+|"[^"\x00-\x1f\x7f]*")"""
_SUBJECT: Final = re.compile(rf"{_PART}={_VALUE}(, ?{_PART}={_VALUE})*")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


class WindowsConfig(Section, frozen=True, kw_only=True):
    """`[tool.coldforge.windows]`: what the installers for Windows do besides copying files.

    Kinds of files and schemes of URLs are those of the executables: `file-associations` and `url-schemes`.
    """

    scope: Annotated[
        Literal["user", "machine", "both"],
        Meta(
            description="Whom it is installed for: `user` needs no rights, `machine` asks for an administrator's; "
            "with `both` the nsis installer lets the user choose, and the msi is for the machine; an msix is for the user."
        ),
    ] = "user"
    folder: Annotated[str, Meta(description="Name of the folder that it is installed in; default: the name that people read.")] = ""
    publisher: Annotated[str, Meta(description="Who Windows says it comes from; default: the maintainer's name.")] = ""
    languages: Annotated[
        tuple[Language, ...],
        Meta(description="What the nsis installer speaks, the first where none fits; the msi is in the first.", min_length=1),
    ] = ("en",)
    license_page: Annotated[bool, Meta(description="Shows the project's licence files before an nsis installation.")] = True
    shortcuts: Annotated[tuple[Literal["start-menu", "desktop"], ...], Meta(description="Where programs with windows get a shortcut.")] = (
        "start-menu",
    )
    path: Annotated[
        bool | None, Meta(description="Adds the folder to the PATH; default: when the product has a program for the terminal.")
    ] = None
    after_install: Annotated[
        tuple[str, ...],
        Meta(description="Command lines that run when the files are there: each begins with an executable of the product."),
    ] = ()
    before_remove: Annotated[
        tuple[str, ...], Meta(description="Command lines that run while the files are still there; not in an upgrade.")
    ] = ()
    upgrade_code: Annotated[
        str,
        Meta(
            description="The msi's upgrade code, by which versions know each other; default: made of the identifier and the architecture.",
            pattern=r"^(\{?[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}?)?$",
        ),
    ] = ""
    msix_publisher: Annotated[
        str,
        Meta(description="The subject of the certificate that the msix will be signed with, letter for letter: `CN=Example Ltd, C=DE`."),
    ] = ""
    msi_version: Annotated[
        Literal["plain", "scaled"],
        Meta(
            description="How a version becomes the msi's three numbers: `plain` drops what is no number, "
            "`scaled` gives each pre-release a number of its own."
        ),
    ] = "plain"


def name_problem(name: str) -> str:
    """Why Windows cannot have a file or folder of this name, as the end of a sentence; empty when it can.

    >>> name_problem("aux.txt"), name_problem("notes.")
    ('is the name of a device', 'ends with a dot or a blank')
    """
    if found := _FORBIDDEN.search(name):
        return f"has the character {found[0]!r}"
    if _RESERVED.fullmatch(name):
        return "is the name of a device"
    return "ends with a dot or a blank" if name.endswith((".", " ")) else ""


def check_windows(tool: Part, config: WindowsConfig, executables: Collection[str], findings: Findings) -> None:
    """Find what cannot be installed on Windows; `tool` is `[tool.coldforge]`, `executables` are all of the product, empty if not known."""
    table = tool.part(TABLE, findings=findings)
    for key, what, hint in (*_words(config), *_lists(config), *_commands(config, executables)):
        findings.add(what, table.where(key), hint)


Wrong = Iterator[tuple[str, str, str]]
"""The key, what is wrong, and what to do."""


def _words(config: WindowsConfig) -> Wrong:
    if config.folder and (problem := name_problem(config.folder)):
        yield "folder", f"the folder {config.folder!r} {problem}", "write one name that Windows takes"
    if _CONTROL.search(config.publisher):
        yield "publisher", "the publisher has a control character", "write it on one line"
    if config.msix_publisher and not _SUBJECT.fullmatch(config.msix_publisher):
        hint = 'copy it from the certificate, such as "CN=Example Ltd, O=Example Ltd, C=DE"'
        yield "msix-publisher", f"{config.msix_publisher!r} is no subject of a certificate", hint


def _lists(config: WindowsConfig) -> Wrong:
    for key in ("languages", "shortcuts"):
        given: tuple[str, ...] = getattr(config, key)
        if twice := next((word for number, word in enumerate(given) if word in given[:number]), ""):
            yield key, f"{twice!r} is there twice", "remove one of them"


def _commands(config: WindowsConfig, executables: Collection[str]) -> Wrong:
    for key, lines in (("after-install", config.after_install), ("before-remove", config.before_remove)):
        for line in lines:
            words = split(line)
            if not words or _CONTROL.search(line):
                yield key, f"{line!r} is no command line", "write, for example, `demo --register`"
            elif executables and words[0] not in executables:
                hint = f"it begins with one of them: {', '.join(sorted(executables))}"
                yield key, f"{words[0]!r} is no executable of the product", hint


def split(line: str) -> list[str]:
    r"""A command line as words: quotation marks keep blanks, and a backslash is one, because paths have them. Empty for what is none.

    >>> split(r"demo --in 'C:\a b'")
    ['demo', '--in', 'C:\\a b']
    """
    lexer = shlex.shlex(line, posix=True, punctuation_chars=False)
    lexer.whitespace_split, lexer.escape, lexer.commenters = True, "", ""
    try:
        return list(lexer)
    except ValueError:  # a quotation without an end
        return []
