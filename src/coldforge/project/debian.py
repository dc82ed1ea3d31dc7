"""What package managers demand of the words about a product: Debian's sections, and one line that says what it is."""

from __future__ import annotations

from typing import Final

from coldforge.project.read import Findings, Part
from coldforge.project.walk import nearest
from coldforge.report import reporter

SYNOPSIS: Final = 80  # characters (Debian Policy 3.4.1); the other families' advice is the same or shorter
_AREAS: Final = ("main", "contrib", "non-free", "non-free-firmware")  # Debian Policy 2.2
_LISTED: Final = """
admin cli-mono comm database debug devel doc editors education electronics embedded fonts games gnome gnu-r gnustep graphics hamradio
haskell httpd interpreters introspection java javascript kde kernel libdevel libs lisp localization mail math metapackages misc net
news ocaml oldlibs otherosfs perl php python ruby rust science shells sound tasks tex text utils vcs video web x11 xfce zope
"""  # Debian Policy 2.4
_SECTIONS: Final = frozenset(_LISTED.split())


def check_section(section: str, tool: Part, findings: Findings) -> None:
    """Find a section that Debian has not; `tool` is `[tool.coldforge]`."""
    area, _, name = section.rpartition("/")
    if name not in _SECTIONS:
        findings.add(f"Debian has no section {name!r}", tool.where("deb", "section"), nearest(name, _SECTIONS))
    elif area and area not in _AREAS:
        findings.add(f"Debian has no area {area!r}", tool.where("deb", "section"), nearest(area, _AREAS))


def check_description(text: str, project: Part, *, dynamic: bool) -> None:
    """Tell of a description that packages cannot show as it is; `project` is `[project]`."""
    length = len(" ".join(text.split()))
    if length > SYNOPSIS:
        told = f"the description has {length} characters: packages have one line of {SYNOPSIS}, and cut it off there"
        reporter().warn(told, where=project.where("description"))
    elif not length and not dynamic:
        reporter().warn("there is no description: packages call it a frozen application", where=project.where())
