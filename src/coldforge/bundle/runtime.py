"""The program that an AppImage begins with: it finds the image behind its own end, makes it readable, and starts what is in it.

It is believed to be what its digest says; that it is one for this target, and that it will find the image, is looked at.
Sources: https://github.com/AppImage/AppImageSpec/blob/master/draft.md and elf(5)
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from coldforge.errors import Missing, Refused
from coldforge.host import fetch
from coldforge.project.runtimes import FILE, Runtime, find_runtime
from coldforge.target import Target

UPDATE: Final = ".upd_info"
LARGEST: Final = 64 << 20  # bytes of a runtime
_MACHINES: Final = {"x86_64": 62, "aarch64": 183}
_ELF64: Final = b"\x7fELF\x02\x01\x01"  # 64 bits, little-endian, version 1
TYPE2: Final = b"AI\x02"
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
    elif data[8:11] != TYPE2:
        yield "It has no mark of a runtime of type 2 (`AI\\2` at offset 8)."
    elif struct.unpack_from("<H", data, 18)[0] != _MACHINES[target.arch]:
        yield "It is for another architecture."
    elif (end := elf_end(data)) != len(data):
        yield f"It would look for the image at {end} bytes, but is {len(data)} long."


class Section(NamedTuple):
    """A section of an ELF file: its name, and where its bytes are."""

    name: str
    offset: int
    size: int


def sections(data: bytes) -> Iterator[Section]:
    """The sections of a 64-bit little-endian ELF file. Raises struct.error or IndexError when there is no sense in it."""
    start, size, number, names = _table(data)
    headers = [struct.unpack_from("<IIQQQQ", data, start + index * size) for index in range(number)]
    for name, kind, _flags, _address, offset, length in headers:
        begin = headers[names][4] + name
        text = data[begin : data.index(b"\0", begin)].decode("ascii", "replace")
        yield Section(text, offset, 0 if kind == 8 else length)  # SHT_NOBITS takes no place in the file


def _table(data: bytes) -> tuple[int, int, int, int]:
    """Where the section headers are, the size of one, how many there are, and which of them holds the names."""
    (start,) = struct.unpack_from("<Q", data, 40)
    size, number, names = struct.unpack_from("<HHH", data, 58)
    return start, size, number, names


def elf_end(data: bytes) -> int:
    """Where an ELF file ends, by its own account: that is where runtimes look for the image. 0 when there is no sense in it."""
    try:
        start, size, number, _ = _table(data)
        return max([start + size * number, *(section.offset + section.size for section in sections(data))])
    except (struct.error, IndexError, ValueError):
        return 0


def with_update(data: bytes, text: str) -> bytes:
    """The runtime with update information in the section that is made for it. Raises Refused when there is no such place."""
    place = next((section for section in sections(data) if section.name == UPDATE), None)
    written = text.encode()
    if place is None or len(written) >= place.size:
        room = f"{place.size - 1} bytes of room" if place else "no section"
        raise Refused(f"the update information cannot be written: the runtime has {room} for it ({UPDATE})", why=text)
    return data[: place.offset] + written.ljust(place.size, b"\0") + data[place.offset + place.size :]
