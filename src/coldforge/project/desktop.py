"""What an executable is to a desktop: the keys and tables of that."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Final

from msgspec import Meta, field

from coldforge.project.read import Findings, Part
from coldforge.project.section import Section

_ID: Final = re.compile(r"^[A-Za-z0-9-]+$")  # of an action: desktop entry specification, "Additional applications actions"

MimeType = Annotated[
    str,
    Meta(
        description="Media type of a kind of file, such as `application/x-demo`.",
        pattern=r"^[a-z][a-z0-9-]*/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}$",  # RFC 6838, 4.2, in lower case
    ),
]
Extension = Annotated[
    str, Meta(description="What its files end with, without the dot in front.", pattern=r"^[A-Za-z0-9_+-]+(\.[A-Za-z0-9_+-]+)*$")
]
Scheme = Annotated[str, Meta(description="A scheme of URLs, such as `demo` for `demo:…`.", pattern=r"^[a-z][a-z0-9+.-]*$")]  # RFC 3986, 3.1


class FileAssociation(Section, frozen=True, kw_only=True):
    """An entry of `file-associations`: a kind of file that the executable opens."""

    mime_type: MimeType
    extensions: Annotated[
        tuple[Extension, ...], Meta(description="What its files end with, without the dot; leave it out for a type that systems know.")
    ] = ()
    name: Annotated[str, Meta(description="What people call such a file; default: `NAME document`.")] = ""
    icon: Annotated[str, Meta(description="One square PNG or SVG for such files; default: the system's.")] = ""


class Action(Section, frozen=True, kw_only=True):
    """`[tool.coldforge.executables.NAME.actions.ID]`: one more thing to start, in the menu of the program's icon."""

    name: Annotated[str, Meta(description="What people read.")]
    arguments: Annotated[tuple[str, ...], Meta(description="What the executable is started with.")] = ()


class Desktop(Section, frozen=True, kw_only=True):
    """What an executable is to a desktop, in the configuration and in the product."""

    url_schemes: Annotated[tuple[Scheme, ...], Meta(description="Schemes of the URLs that it opens, such as `demo` for `demo:…`.")] = ()
    file_associations: Annotated[tuple[FileAssociation, ...], Meta(description="The kinds of files that it opens.")] = ()
    actions: Annotated[Mapping[str, Action], Meta(description="More things to start, in the menu of its icon.")] = field(
        default_factory=dict
    )
    window_class: Annotated[
        str, Meta(description="Class (X11) or app id (Wayland) of its windows, by which they find their icon; default: its name.")
    ] = ""
    startup_notify: Annotated[
        bool | None, Meta(description="Whether it tells when its first window is there; default: nothing is said.")
    ] = None


def check_desktop(tool: Part, executables: Mapping[str, Desktop], findings: Findings) -> None:
    """Find what no desktop understands, and kinds of files that are two things at once; `tool` is `[tool.coldforge]`."""
    for name, executable in executables.items():
        for keys, what, hint in _actions(executable):
            findings.add(what, tool.where("executables", name, "actions", *keys), hint)
    for keys, what, hint in _kinds(executables):
        findings.add(what, tool.where("executables", *keys), hint)


def _actions(executable: Desktop) -> Iterator[tuple[tuple[str, ...], str, str]]:
    for key, action in executable.actions.items():
        if not _ID.match(key):
            yield (key,), f"{key!r} cannot be the id of an action", "use letters, digits and hyphens"
        if not action.name.strip():
            yield (key, "name"), f"the action {key!r} has no name", "it is what people read in the menu"


def _kinds(executables: Mapping[str, Desktop]) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """What is wrong with the kinds of files: several programs may open one, but it is defined once."""
    defined: dict[str, FileAssociation] = {}
    owners: dict[str, str] = {}
    for name, executable in executables.items():
        for number, kind in enumerate(executable.file_associations):
            keys = (name, "file-associations", str(number))
            if not kind.extensions and (kind.icon or kind.name):
                hint = "a kind that systems know has a name and an icon of theirs; with extensions it is defined here"
                yield keys, f"{kind.mime_type} has no extensions, so its name and icon would do nothing", hint
            elif kind.extensions and defined.setdefault(kind.mime_type, kind) != kind:
                yield keys, f"{kind.mime_type} is defined twice, and not alike", "define it once, and name only its mime-type elsewhere"
            for extension in kind.extensions:
                other = owners.setdefault(extension, kind.mime_type)
                if other != kind.mime_type:
                    yield keys, f".{extension} would be both {other} and {kind.mime_type}", "give it to one of them"
