"""The program that an AppImage begins with: it finds the image behind its own end, makes it readable, and starts what is in it.

It is believed to be what its digest says; that it is one for this target, and that it will find the image, is looked at.
Sources: https://github.com/AppImage/AppImageSpec/blob/master/draft.md and elf(5)
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from coldforge.errors import Missing, Refused
from coldforge.filetypes import sections
from coldforge.host import fetch
from coldforge.project.runtimes import FILE, Runtime, find_runtime
from coldforge.target import Target

UPDATE: Final = ".upd_info"
_MACHINES: Final = {"x86_64": 62, "aarch64": 183}
_ELF64: Final = b"\x7fELF\x02\x01\x01"  # 64 bits, little-endian, version 1
_INSTEAD: Final = (
    f"Run it where the network is; or put the file beside {FILE} of the project, and write `file = …` there in the place of `url`."
)


def bring(target: Target, project: Path) -> None:
    """Fetch the runtime of a target if it is behind an address: the part that may use the network. Raises what `fetch.fetched` does."""
    runtime = find_runtime(target, project)
    if runtime.url:
        fetch.fetched(runtime.url, runtime.sha256, what=_called(runtime), instead=_INSTEAD)
    else:
        content(target, project)


def content(target: Target, project: Path) -> bytes:
    """The runtime's bytes, from a file or what was fetched before.

    Raises Missing when it is not there, Refused when it is another, or none for this target.
    """
    runtime = find_runtime(target, project)
    path = runtime.file or fetch.kept(runtime.sha256)
    if path is None or not path.is_file():
        why = str(path) if path else runtime.url
        raise Missing(f"{_called(runtime)} is not here", why=why, hint=f"`coldforge build` fetches what has a url. {_INSTEAD}")
    data = path.read_bytes()
    if (digest := hashlib.sha256(data).hexdigest()) != runtime.sha256:
        raise Refused(
            f"{_called(runtime)} is not what is pinned", why=f"{path}\nhas the sha256 {digest},\nnot              {runtime.sha256}"
        )
    if wrong := next(_wrong(data, target), ""):
        raise Refused(f"{_called(runtime)} cannot begin an AppImage of {target}", why=wrong)
    return data


def _called(runtime: Runtime) -> str:
    return f"the AppImage runtime {runtime.name!r}"


def _wrong(data: bytes, target: Target) -> Iterator[str]:
    if not data.startswith(_ELF64) or len(data) < 64:
        yield "It is no ELF program of 64 bits."
    elif data[8:11] != sections.TYPE2:
        yield "It has no mark of a runtime of type 2 (`AI\\2` at offset 8)."
    elif struct.unpack_from("<H", data, 18)[0] != _MACHINES[target.arch]:
        yield "It is for another architecture."
    elif (end := sections.end_of(data)) != len(data):
        yield f"It would look for the image at {end} bytes, but is {len(data)} long."


def with_update(data: bytes, text: str) -> bytes:
    """The runtime with update information in the section that is made for it. Raises Refused when there is no such place."""
    place = next((section for section in sections.of(data) if section.name == UPDATE), None)
    written = text.encode()
    if place is None or len(written) >= place.size:
        room = f"{place.size - 1} bytes of room" if place else "no section"
        raise Refused(f"the update information cannot be written: the runtime has {room} for it ({UPDATE})", why=text)
    return data[: place.offset] + written.ljust(place.size, b"\0") + data[place.offset + place.size :]
