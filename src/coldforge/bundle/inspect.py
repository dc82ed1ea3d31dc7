"""What is in a file that somebody hands out, read without unpacking it and without trusting it."""

from __future__ import annotations

import io
import json
import re
import struct
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final

from msgspec import field

from coldforge.bundle.contents import Item, archive, damage, deb, members
from coldforge.errors import ConfigurationError
from coldforge.host import files
from coldforge.records import Manifest, Payload, Record, decode
from coldforge.report.reporter import Table

SHOWN: Final = 40  # rows for people
_TAIL: Final = 1 << 16
# PyInstaller's archive: at its end a mark, its length, place and length of its table; in the table length, three numbers, flag, kind, name.
# Source: https://pyinstaller.org/en/stable/advanced-topics.html and PyInstaller/archive/writers.py (CArchiveWriter)
_MARK: Final = b"MEI\014\013\012\013\016"
_COOKIE: Final = struct.Struct("!8sIIII64s")
_ENTRY: Final = struct.Struct("!IIIIBc")
_TABLE: Final = 1 << 24  # bytes of a table that are looked at
_UNPACKED: Final = b"bx"  # libraries and data files: what a program must unpack before it can start
_SYMBOLS: Final = 100_000  # versions that are looked at; a damaged table can claim any number


class Inspection(Record, frozen=True, kw_only=True):
    """What a file is. `fields` are its own statements (a package's control fields, a manifest's head)."""

    name: str
    kind: str
    size: int
    sha256: str
    fields: dict[str, str] = field(default_factory=dict)
    items: tuple[Item, ...] = ()


def inspect(path: Path) -> Inspection:
    """Look into a tar.gz, a deb, an ELF program, a payload index or a manifest.

    Raises ConfigurationError when the file is none of these, cannot be read, or is damaged.
    """
    try:
        with path.open("rb") as stream:
            head = stream.read(512)
        kind, fields, items = _look(path, head)
        size, digest = path.stat().st_size, files.sha256(path)
    except damage() as error:
        raise ConfigurationError(f"{path.name} cannot be read: it is damaged", why=f"{type(error).__name__}: {error}") from error
    return Inspection(name=path.name, kind=kind, size=size, sha256=digest, fields=fields, items=tuple(items))


def _look(path: Path, head: bytes) -> tuple[str, dict[str, str], list[Item]]:
    if head.startswith(b"\x1f\x8b"):
        with path.open("rb") as stream:
            return "tar.gz", {}, list(members(archive(stream, ".gz")))
    if head.startswith(b"!<arch>\ndebian-binary"):
        with path.open("rb") as stream:
            return "deb", *deb(stream)
    if head.startswith(b"\x7fELF"):
        return "program", _program(path), []
    if head.lstrip().startswith(b"{"):
        return _record(path)
    raise ConfigurationError(
        f"{path.name} is of no kind that can be looked into", hint="tar.gz, deb, Linux programs, payload.json and manifest.json are."
    )


def _program(path: Path) -> dict[str, str]:
    """Architecture, needed libraries and the newest glibc version of a program, and whether it unpacks itself."""
    with path.open("rb") as stream:
        try:
            fields = _elf(stream)
        except Exception as error:  # the parser fails in its own ways at what a damaged file makes of it
            raise ValueError(error) from error
        if unpacks_itself(stream):
            # its own libraries are in the archive, and may need a newer one
            fields = {("glibc (boot loader)" if key == "glibc" else key): value for key, value in fields.items()}
            fields["one file"] = "unpacks itself at every start"
        return fields


def unpacks_itself(stream: BinaryIO) -> bool:
    """Whether a program carries its libraries in an archive of PyInstaller's; launchers in a folder have archives of modules only."""
    end = stream.seek(0, io.SEEK_END)
    start = stream.seek(max(0, end - _TAIL))
    tail = stream.read(_TAIL)
    place = tail.rfind(_MARK)
    if place < 0 or len(tail) < place + _COOKIE.size:
        return False
    _, length, offset, size, *_ = _COOKIE.unpack_from(tail, place)
    first = start + place + _COOKIE.size - length
    if first < 0 or offset + size > length:
        return False
    stream.seek(first + offset)
    return any(kind in _UNPACKED for kind in _kinds(stream.read(min(size, _TABLE))))


def _kinds(table: bytes) -> Iterator[bytes]:
    """The kinds of the entries of an archive's table, as far as it makes sense."""
    place = 0
    while place + _ENTRY.size <= len(table):
        length, *_, kind = _ENTRY.unpack_from(table, place)
        if length < _ENTRY.size:
            return
        yield kind
        place += length


def _elf(stream: Any) -> dict[str, str]:
    """Source: System V gABI (dynamic section), LSB (symbol versioning, .gnu.version_r)."""
    from elftools.elf.dynamic import DynamicSection
    from elftools.elf.elffile import ELFFile
    from elftools.elf.gnuversions import GNUVerNeedSection

    file = ELFFile(stream)
    dynamic, needs = file.get_section_by_name(".dynamic"), file.get_section_by_name(".gnu.version_r")
    tags: list[Any] = list(islice(dynamic.iter_tags(), _SYMBOLS)) if isinstance(dynamic, DynamicSection) else []
    versions = needs.iter_versions() if isinstance(needs, GNUVerNeedSection) else ()
    symbols = list(islice((symbol.name for _, entries in versions for symbol in entries), _SYMBOLS))
    numbers = [tuple(map(int, found[1].split("."))) for name in symbols if (found := re.fullmatch(r"GLIBC_(\d+(?:\.\d+)*)", name))]
    return {
        "architecture": file.get_machine_arch(),
        "needs": " ".join(tag.needed for tag in tags if tag.entry.d_tag == "DT_NEEDED"),
        "glibc": ".".join(map(str, max(numbers, default=()))),
    }


def _record(path: Path) -> tuple[str, dict[str, str], list[Item]]:
    """A payload's index or a manifest, told apart by what only one of them has."""
    data = path.read_bytes()
    document = json.loads(data)
    if "files" in document:
        return "payload", *_payload(decode(data, Payload, path))
    return "manifest", *_manifest(decode(data, Manifest, path))


def _manifest(manifest: Manifest) -> tuple[dict[str, str], list[Item]]:
    source = manifest.source
    head = {"product": manifest.product, "version": manifest.version, "commit": source.commit, "tag": source.tag}
    return head, [Item(path=made.path, size=made.size, sha256=made.sha256, note=made.format) for made in manifest.artifacts]


def _payload(payload: Payload) -> tuple[dict[str, str], list[Item]]:
    environment, interpreter = payload.environment, payload.environment.interpreter
    head = {
        "target": payload.target,
        "python": f"{interpreter.implementation} {interpreter.version}" if interpreter else "",
        "tools": "; ".join(environment.tools.values()),
        "frozen on": f"{environment.system} ({environment.workshop})",
        "needs": payload.glibc_floor,
        "libraries of the system": " ".join(need.soname for need in payload.needs),
        "distributions": " ".join(f"{dist.name}=={dist.version}" for dist in environment.distributions),
    }
    return head, [
        Item(
            path=entry.path,
            kind=entry.kind if entry.kind in ("link", "directory") else "file",
            size=entry.size,
            sha256=entry.sha256,
            mode=f"{entry.mode:o}",
            link=entry.link,
            note=f"{entry.kind} of {entry.origin.name or entry.origin.kind} {entry.origin.version}".strip(),
        )
        for entry in payload.files
    ]


def tables(found: Inspection) -> tuple[Table, ...]:
    """For people: the statements, and the entries, the largest first."""
    head = (("kind", found.kind), ("size", f"{found.size:,} bytes"), ("sha256", found.sha256), *found.fields.items())
    fields = Table(title=_shown(found.name), columns=("what", "value"), rows=tuple((_shown(what), _shown(value)) for what, value in head))
    largest = sorted(found.items, key=lambda item: (-item.size, item.path))
    rows = tuple((_shown(item.path), f"{item.size:,}", item.mode, _what(item)) for item in largest[:SHOWN])
    more = f", the {SHOWN} largest (--json lists all)" if len(largest) > SHOWN else ""
    listed = Table(title=f"{len(largest)} entries{more}", columns=("path", "size", "mode", "what"), rows=rows, numeric=frozenset({"size"}))
    return (fields, listed) if rows else (fields,)


def _what(item: Item) -> str:
    return "; ".join(part for part in (f"-> {_shown(item.link)}" if item.link else "", item.note) if part)


def _shown(text: str) -> str:
    """What a terminal may print: a name in a file is nobody's command to it."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
