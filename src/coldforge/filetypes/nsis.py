"""Setups that NSIS makes, read by 7z with nothing of theirs ever made: all files go, one after the other, into one.

Source: https://nsis.sourceforge.io (the mark of the data behind the program), and what `7z l -slt` prints.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from coldforge.errors import BuildFailed
from coldforge.filetypes.spans import Span
from coldforge.host import programs
from coldforge.host.run import run

PROGRAM: Final = "7z"
MARK: Final = b"\xef\xbe\xad\xdeNullsoftInst"  # four bytes into the data of the setup, which begin at a multiple of 512
LARGEST: Final = 4 << 30  # bytes that a setup may unpack to, on the disk
ENTRIES: Final = 200_000
_BEFORE: Final = 4
_ALIGNED: Final = 512
SEARCHED: Final = 16 << 20  # bytes in which the data of a setup begin, if it is one
_SECONDS: Final = 600.0
_LIMITED: Final = 'ulimit -f "$1" && out=$2 && shift 2 && exec "$@" > "$out"'


class Unknown(ValueError):
    """A setup whose files cannot be told apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file of a setup: `time` as 7z prints it, `span` where its bytes lie in what was written."""

    name: str
    time: str
    span: Span


def begin(program: bytes | memoryview) -> int:
    """Where the data of a setup begin in a program for Windows; 0 when it is no setup."""
    place = bytes(program[:SEARCHED]).find(MARK)
    return place - _BEFORE if place >= _BEFORE and (place - _BEFORE) % _ALIGNED == 0 else 0


def unpack(setup: Path, out: Path, *, limit: int = LARGEST) -> list[File]:
    """Write the files of a setup to `out`, and say what lies where in it.

    Raises Missing without 7z, Unknown when more than one file has no size in the list (what is not packed as one block), and ValueError
    when the setup is damaged or unpacks to more than `limit` bytes.
    """
    program = str(programs.needed(PROGRAM))
    listed = _said([program, "l", "-tnsis", "-slt", "-ba", "-sccUTF-8", str(setup.absolute())], out.parent)
    entries = list(_entries(listed))
    if len(entries) > ENTRIES:
        raise ValueError(f"it has more than {ENTRIES} files")
    words = [program, "x", "-tnsis", "-so", "-bd", str(setup.absolute())]
    _said(["sh", "-c", _LIMITED, "sh", str(limit // 512), str(out), *words], out.parent)
    return files(entries, out.stat().st_size)


def files(entries: Sequence[Mapping[str, str]], total: int) -> list[File]:
    """Where each file of a list lies among `total` bytes; the size of one may be open, as that of an uninstaller, made when it is needed.

    Raises Unknown or ValueError when that cannot be told.
    """
    sizes = [int(entry["Size"]) if entry.get("Size") else None for entry in entries]
    left = total - sum(size or 0 for size in sizes)
    if sizes.count(None) > 1:
        raise Unknown("the sizes of its files are not known: it is not packed as one block")
    if left < 0 or (left and None not in sizes):
        raise ValueError("its files are not what its list says")
    found: list[File] = []
    place = 0
    for entry, size in zip(entries, sizes, strict=True):
        end = place + (left if size is None else size)
        found.append(File(name=entry["Path"], time=entry.get("Modified", ""), span=Span(place, end)))
        place = end
    return found


def _entries(listed: str) -> Iterator[Mapping[str, str]]:
    """The blocks of a list: `key = value` lines with an empty one behind each."""
    for block in listed.strip().split("\n\n"):
        found = dict(line.split(" = ", 1) for line in block.splitlines() if " = " in line)
        if "Path" in found:
            yield found


def _said(words: list[str], folder: Path) -> str:
    try:
        said = run(words, cwd=folder, check=False, called=PROGRAM, quiet=True, seconds=_SECONDS)
    except BuildFailed as error:
        raise ValueError(str(error)) from error
    if said.code:
        told = [line for line in said.output.splitlines() if "ERROR" in line]
        raise ValueError(told[0] if told else "its data are damaged, or unpack to more than is looked at")
    return said.output
