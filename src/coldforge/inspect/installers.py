"""The files of a package for macOS' Installer, and what it says of itself."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, Final, Literal
from xml.etree.ElementTree import Element, ParseError, fromstring

from coldforge.filetypes import cpio, developer, pkg, xar
from coldforge.filetypes.signed import damage
from coldforge.inspect.contents import ENTRIES, PIECE, UNPACKED, Bounded, Item, escaped, seen, unpacked
from coldforge.inspect.survey import Survey

_TEXT: Final = 1 << 20  # bytes of a description
_LINK: Final = 4096
_COMPRESSED: Final = {b"\x1f\x8b": ".gz", b"BZ": ".bz2", b"07": ""}
Kind = Literal["file", "directory", "link", "other"]
_KINDS: Final[dict[int, Kind]] = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "link"}


def package(stream: BinaryIO, survey: Survey) -> tuple[str, dict[str, str], list[Item]]:
    """A package, or another archive of its kind: its fields, and the files that it installs. Raises one of `damage()`."""
    _, entries, _ = xar.entries(stream)
    found = {entry.path: entry for entry in entries}
    payloads = [entry for entry in entries if entry.path.rpartition("/")[2] == "Payload"]
    fields = _signature(stream)
    items: list[Item] = []
    if (entry := found.get("Distribution")) is not None:
        fields |= _distribution(_document(stream, entry))
    for payload in payloads:
        folder = payload.path.removesuffix("Payload")
        info = found.get(f"{folder}PackageInfo")
        about = _info(_document(stream, info)) if info else {}
        mark = f" ({folder.rstrip('/')})" if len(payloads) > 1 else ""
        fields |= {f"{name}{mark}": value for name, value in about.items()}
        compression = _COMPRESSED.get(_head(stream, payload)[:2])
        if compression is None:
            fields[f"its files{mark}"] = "not looked at: the payload is compressed in a way that is not read"
            continue
        plain: Any = Bounded(unpacked(_Joined(xar.content(stream, payload)), compression), UNPACKED, refuse=True)
        items += _entries(plain, folder if mark else "", survey)
    return "pkg" if payloads else "xar", fields, items or [Item(path=escaped(each.path), size=each.size) for each in entries]


def _signature(stream: BinaryIO) -> dict[str, str]:
    """Who has signed a package, and whether it has a ticket. A bad signature is told like any other: somebody is looking for that."""
    try:
        seen, ticket = pkg.read(stream), pkg.ticket(stream)
    except damage() as error:
        return {"signature": f"bad: {error}"}
    return {**developer.made_by(seen), "ticket": f"{len(ticket)} bytes" if ticket else "none"} if seen else {"signature": "none"}


class _Joined:
    """Pieces as a file that is read from its beginning to its end."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces, self._piece, self._at = iter(pieces), b"", 0

    def read(self, size: int) -> bytes:
        """The next bytes: fewer than `size` only at the end."""
        found = []
        while size:
            if self._at == len(self._piece):
                self._piece, self._at = next(self._pieces, b""), 0
                if not self._piece:
                    break
            found.append(self._piece[self._at : self._at + size])
            self._at += len(found[-1])
            size -= len(found[-1])
        return b"".join(found)


def _head(stream: BinaryIO, entry: xar.Entry) -> bytes:
    return next(xar.content(stream, entry), b"")


def _document(stream: BinaryIO, entry: xar.Entry) -> Element:
    text = _Joined(xar.content(stream, entry)).read(_TEXT)
    if b"<!DOCTYPE" in text:  # which could define entities without end
        raise ValueError(f"{entry.path} is damaged")
    try:
        return fromstring(text.decode())  # noqa: S314  # without a document type there are no entities
    except ParseError as error:
        raise ValueError(f"{entry.path} is damaged") from error


def _distribution(document: Element) -> dict[str, str]:
    options, version = document.find("options"), document.find("volume-check/allowed-os-versions/os-version")
    found = {"title": document.findtext("title", ""), "architectures": "" if options is None else options.get("hostArchitectures", "")}
    return {
        **found,
        "since": "" if version is None else version.get("min", ""),
        "licence": "shown" if document.find("license") is not None else "",
    }


def _info(document: Element) -> dict[str, str]:
    found = {name: document.get(key, "") for name, key in (("identifier",) * 2, ("version",) * 2, ("location", "install-location"))}
    return {**found, "scripts": ", ".join(each.tag for each in document.iterfind("scripts/*"))}


def _entries(stream: Any, folder: str, survey: Survey) -> Iterator[Item]:
    for _ in range(ENTRIES):
        head = cpio.header(stream.read(cpio.SIZE))
        name = cpio.name(stream.read(head.length))
        if name == cpio.LAST:
            while stream.read(PIECE):
                pass
            return
        path = name.removeprefix("./")
        yield _item(stream, head, f"{folder}{path}", survey)
    raise ValueError(f"it has more than {ENTRIES} entries")


def _item(stream: Any, head: cpio.Header, path: str, survey: Survey) -> Item:
    survey.name(path)
    kind: Kind = _KINDS.get(stat.S_IFMT(head.mode), "other")
    mode = f"{stat.S_IMODE(head.mode):o}"
    if kind == "file":
        digest, size = seen(path, head.size, _pieces(stream, head.size), survey)
        return Item(path=escaped(path), size=size, sha256=digest, mode=mode, note="has special rights" if head.mode & 0o7000 else "")
    if head.size > _LINK:
        raise ValueError("a link of it is longer than any path")
    return Item(path=escaped(path), kind=kind, mode=mode, link=stream.read(head.size).decode(errors="backslashreplace"))


def _pieces(stream: Any, left: int) -> Iterator[bytes]:
    while left:
        data = stream.read(min(left, PIECE))
        if not data:
            raise EOFError("it is cut off")
        left -= len(data)
        yield data
