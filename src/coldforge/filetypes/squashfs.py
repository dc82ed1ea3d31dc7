"""What is in an image of squashfs, with nothing of it ever made: unsquashfs writes one file, whatever names, links and devices there are.

Source: the pseudo files of squashfs-tools, https://github.com/plougher/squashfs-tools/blob/master/Documentation/4.6/mksquashfs.md
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from coldforge.errors import BuildFailed, Missing
from coldforge.filetypes.spans import Span
from coldforge.host import programs
from coldforge.host.run import run

PROGRAM: Final = "unsquashfs"
_NEEDED: Final = (4, 5)  # the version that says what is in an image
MAGIC: Final = b"hsqs"
LARGEST: Final = 4 << 30  # bytes that an image may unpack to, on the disk
ENTRIES: Final = 200_000
_SECONDS: Final = 600.0
_BLOCK: Final = 512  # bytes, of `ulimit -f`
_LINE: Final = 1 << 17  # bytes: name and link are 64 KiB at most
_LIMITED: Final = 'ulimit -f "$1" && shift && exec "$@"'
_ENTRY: Final = re.compile(rb"((?:[^\\ ]|\\.)+) ([A-Z]) (.*)", re.DOTALL)
_FACTS: Final = re.compile(rb"(\d+) ([0-7]+) (\d+) (\d+)(?: (.*))?", re.DOTALL)
_END: Final = (b"#\n", b"# START OF DATA - DO NOT MODIFY\n", b"#\n")
_NOTHING: Final = Span(0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry. `kind` is the letter of pseudo files (D, R, S, L for a hard link; others are devices and pipes), `mode` octal text,
    `time` in seconds, `link` what a link leads to, `span` where a file's bytes lie in what was written."""

    path: str
    kind: str
    mode: str = ""
    owner: str = ""
    time: str = ""
    link: str = ""
    span: Span = _NOTHING


def lacking() -> str:
    """What this machine lacks to look into an image; empty when nothing."""
    if programs.find(PROGRAM) and tuple(map(int, re.findall(r"\d+", programs.version(PROGRAM))[:2])) >= _NEEDED:
        return ""
    return f"{PROGRAM} {'.'.join(map(str, _NEEDED))} or newer"


def unpack(image: Path, out: Path, *, start: int = 0, limit: int = LARGEST) -> list[Entry]:
    """Write what is in an image, from `start` on in a file, to `out` in a folder of its own; say what lies where in it.

    Raises Missing without unsquashfs 4.5, and ValueError or EOFError when the image is damaged or unpacks to more than `limit` bytes.
    """
    program = programs.needed(PROGRAM)
    options = ("-quiet", "-no-progress", "-no-xattrs", "-offset", str(start), "-pf", str(out))
    words = ["sh", "-c", _LIMITED, "sh", str(limit // _BLOCK), str(program), *options, str(image.absolute())]
    try:
        said = run(words, cwd=out.parent, check=False, called=PROGRAM, quiet=True, seconds=_SECONDS)
    except BuildFailed as error:
        raise ValueError(str(error)) from error
    if "invalid option" in said.output:
        raise Missing(f"{PROGRAM} is too old to say what is in an image", hint="squashfs-tools 4.5 or newer can.")
    if said.code:
        raise ValueError((said.output.splitlines() or ["its image is damaged, or unpacks to more than is looked at"])[-1])
    with out.open("rb") as stream:
        return list(entries(stream))


def entries(stream: BinaryIO) -> Iterator[Entry]:
    """The entries of a pseudo file. Raises ValueError or EOFError when it makes no sense.

    Names cannot pretend to be entries, as their spaces are marked. The text of a link can: its line breaks are not.
    """
    listed = list(_lines(stream))
    start = place = stream.tell()
    for path, kind, rest in listed:
        if kind == "L":
            yield Entry(path=path, kind=kind, link=_text(re.sub(rb"\\(.)", rb"\1", rest)))
            continue
        facts = _FACTS.fullmatch(rest)
        if not facts:
            raise ValueError("an entry of its list makes no sense")
        time, mode, user, group, more = (_text(found or b"") for found in facts.groups())
        span = _NOTHING
        if kind == "R":
            size, offset = map(int, more.split()[:2])
            if offset != place - start:
                raise ValueError("its files do not lie one after the other")
            span = Span(place, place + size)
            place += size
        link = more if kind not in "DR" else ""
        yield Entry(path=path, kind=kind, mode=mode, owner=f"{user}:{group}", time=time, link=link, span=span)
    if stream.seek(0, 2) != place:
        raise EOFError("its files are not what its list says")


def _lines(stream: BinaryIO) -> Iterator[tuple[str, str, bytes]]:
    """Path, kind and the rest of each line of the list; the stream is where the bytes begin, then."""
    for _ in range(ENTRIES):
        line = stream.readline(_LINE)
        if line == _END[0]:
            if (stream.readline(_LINE), stream.readline(_LINE)) != _END[1:]:
                break
            return
        found = _ENTRY.fullmatch(line.removesuffix(b"\n"))
        if not found:
            raise ValueError("its list makes no sense, or there is a line break in a name")
        yield _text(re.sub(rb"\\(.)", rb"\1", found[1])), found[2].decode(), found[3]
    raise ValueError(f"its list has no end, or more than {ENTRIES} entries")


def _text(data: bytes) -> str:
    return data.decode(errors="surrogateescape")
