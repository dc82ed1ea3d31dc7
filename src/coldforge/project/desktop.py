"""What an executable is to a desktop: the keys and tables of that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from msgspec import Meta, field

from coldforge.project.section import Section

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
