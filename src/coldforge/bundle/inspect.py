"""What is in a file that somebody hands out, read without unpacking it and without trusting it."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Literal

from msgspec import field

from coldforge.errors import ConfigurationError
from coldforge.host import files
from coldforge.records import Manifest, Payload, Record, decode
from coldforge.report.reporter import Table

SHOWN = 40  # rows for people
LIMIT = 1 << 30  # bytes of one decompressed member; whoever ships more is asking for trouble


class Item(Record, frozen=True, kw_only=True):
    """One entry: `mode` in octal text, `link` where a link points, `note` what else is known of it."""

    path: str
    kind: Literal["file", "directory", "link", "other"] = "file"
    size: int = 0
    mode: str = ""
    link: str = ""
    note: str = ""


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

    Raises ConfigurationError when the file is none of these, or is damaged.
    """
    with path.open("rb") as stream:
        head = stream.read(512)
    try:
        kind, fields, items = _look(path, head)
    except (tarfile.TarError, EOFError, gzip.BadGzipFile, ValueError, OSError) as error:
        raise ConfigurationError(f"{path.name} is damaged", why=f"{type(error).__name__}: {error}") from error
    return Inspection(name=path.name, kind=kind, size=path.stat().st_size, sha256=files.sha256(path), fields=fields, items=tuple(items))


def _look(path: Path, head: bytes) -> tuple[str, dict[str, str], list[Item]]:
    if head.startswith(b"\x1f\x8b"):
        with tarfile.open(path, "r:gz") as tar:
            return "tar.gz", {}, list(_members(tar))
    if head.startswith(b"!<arch>\ndebian-binary"):
        return _deb(path)
    if head.startswith(b"\x7fELF"):
        return "program", _elf(path), []
    if head.startswith(b"{"):
        return _record(path)
    raise ConfigurationError(
        f"{path.name} is of no kind that can be looked into", hint="tar.gz, deb, Linux programs, payload.json and manifest.json are."
    )


def _members(tar: tarfile.TarFile) -> Iterator[Item]:
    for member in tar:
        kind: Literal["file", "directory", "link", "other"] = "file" if member.isfile() else "other"
        kind = "directory" if member.isdir() else "link" if member.issym() or member.islnk() else kind
        note = "leads out of its folder" if member.name.startswith("/") or ".." in member.name.split("/") else ""
        link = member.linkname if kind == "link" else ""
        yield Item(path=member.name, kind=kind, size=member.size, mode=f"{member.mode:o}", link=link, note=note)


def _deb(path: Path) -> tuple[str, dict[str, str], list[Item]]:
    """Control fields and files of a Debian package (deb(5): an ar archive of two tars)."""
    fields: dict[str, str] = field(default_factory=dict)
    items: list[Item] = []
    with path.open("rb") as stream:
        for name, data in _ar(stream):
            if name.startswith("control.tar"):
                with _tar(name, data) as tar:
                    control = next((m for m in tar if m.name.lstrip("./") == "control"), None)
                    text = tar.extractfile(control).read(1 << 20).decode() if control else ""  # type: ignore[union-attr]  # a regular file
                    fields = dict(_fields(text))
            elif name.startswith("data.tar"):
                with _tar(name, data) as tar:
                    items = list(_members(tar))
    return "deb", fields, items


def _ar(stream: IO[bytes]) -> Iterator[tuple[str, bytes]]:
    stream.seek(8)
    while len(head := stream.read(60)) == 60:
        size = int(head[48:58])
        yield head[:16].decode("ascii", "replace").rstrip(" /"), stream.read(size)
        stream.seek(size & 1, io.SEEK_CUR)


def _tar(name: str, data: bytes) -> tarfile.TarFile:
    if not name.endswith(".zst"):
        return tarfile.open(fileobj=io.BytesIO(data), mode="r:*")
    import zstandard

    plain = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data)).read(LIMIT)
    return tarfile.open(fileobj=io.BytesIO(plain), mode="r:")


def _fields(text: str) -> Iterator[tuple[str, str]]:
    for line in text.replace("\n ", " ").splitlines():
        key, separator, value = line.partition(":")
        if separator:
            yield key, value.strip()


def _elf(path: Path) -> dict[str, str]:
    """Class, needed libraries and the newest glibc symbol of a program."""
    from elftools.common.exceptions import ELFError
    from elftools.elf.dynamic import DynamicSection
    from elftools.elf.elffile import ELFFile
    from elftools.elf.gnuversions import GNUVerNeedSection

    try:
        with path.open("rb") as stream:
            file = ELFFile(stream)
            dynamic, versions = file.get_section_by_name(".dynamic"), file.get_section_by_name(".gnu.version_r")
            needed = (
                [tag.needed for tag in dynamic.iter_tags() if tag.entry.d_tag == "DT_NEEDED"] if isinstance(dynamic, DynamicSection) else []
            )
            names = (
                [aux.name for _, entries in versions.iter_versions() for aux in entries] if isinstance(versions, GNUVerNeedSection) else []
            )
            machine = file.get_machine_arch()
    except ELFError as error:
        raise ValueError(error) from error
    newest = max((tuple(map(int, n[6:].split("."))) for n in names if n.startswith("GLIBC_") and n[6:7].isdigit()), default=())
    return {"architecture": machine, "needs": " ".join(needed), "glibc": ".".join(map(str, newest))}


def _record(path: Path) -> tuple[str, dict[str, str], list[Item]]:
    data = path.read_bytes()
    try:
        payload = decode(data, Payload, path)
    except ConfigurationError:
        manifest = decode(data, Manifest, path)
        head = {"product": manifest.product, "version": manifest.version, "commit": manifest.source.commit, "tag": manifest.source.tag}
        items = [Item(path=a.path, size=a.size, note=f"{a.format}, sha256 {a.sha256}") for a in manifest.artifacts]
        return "manifest", head, items
    interpreter = payload.environment.interpreter
    head = {
        "target": payload.target,
        "python": f"{interpreter.implementation} {interpreter.version}",
        "frozen on": f"{payload.environment.system} ({payload.environment.workshop})",
        "needs": payload.glibc_floor,
        "libraries of the system": " ".join(payload.requires),
        "distributions": " ".join(f"{dist.name}=={dist.version}" for dist in payload.environment.distributions),
    }
    kinds = {"link": "link", "directory": "directory"}
    items = [
        Item(
            path=e.path,
            kind=kinds.get(e.kind, "file"),  # type: ignore[arg-type]  # one of the literals above
            size=e.size,
            mode=f"{e.mode:o}",
            link=e.link,
            note=f"{e.kind} of {e.origin.name or e.origin.kind} {e.origin.version}".strip(),
        )
        for e in payload.files
    ]
    return "payload", head, items


def tables(found: Inspection) -> tuple[Table, ...]:
    """For people: the statements, and the entries, the largest first."""
    head = (("kind", found.kind), ("size", f"{found.size:,} bytes"), ("sha256", found.sha256), *found.fields.items())
    fields = Table(title=found.name, columns=("what", "value"), rows=tuple(head))
    largest = sorted(found.items, key=lambda item: (-item.size, item.path))
    rows = tuple((item.path, f"{item.size:,}", item.mode, f"-> {item.link}" if item.link else item.note) for item in largest[:SHOWN])
    more = f", the {SHOWN} largest (--json lists all)" if len(largest) > SHOWN else ""
    listed = Table(title=f"{len(largest)} entries{more}", columns=("path", "size", "mode", "what"), rows=rows, numeric=frozenset({"size"}))
    return (fields, listed) if rows else (fields,)
