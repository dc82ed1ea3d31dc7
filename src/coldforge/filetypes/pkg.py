"""Signatures and tickets of packages for macOS' Installer, as data: taken out, put back, and checked against the package's bytes.

A signature stands in the table of the archive and before the first of its files, which move by its length; and whoever signs writes the
table anew. So what is kept of one is everything before the files, and a package without it has the table in the form of `xar.head`.
A ticket is what Apple gives for a package that it has accepted; it lies behind everything else, and is no part of what is signed.
The RSA signature is of the table's checksum and the CMS one about it; the table has the checksums of the files. No key is needed.
Sources: https://github.com/apple-oss-distributions/xar and, for the ticket, what Apple's stapler appends
"""

from __future__ import annotations

import base64
import hashlib
import io
import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, BinaryIO, Final
from xml.etree.ElementTree import Element

from coldforge.filetypes import cms, developer, xar
from coldforge.filetypes.spans import Span, pieces

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_XML: Final = "{http://www.w3.org/2000/09/xmldsig#}"
_SUM, _RSA, _CMS = "checksum", "signature", "x-signature"
_TRAILER: Final = struct.Struct("<4sHHII")  # magic, version, kind, bytes before it, nothing
_MAGIC, _END, _TICKET = b"t8lr", 1, 2
_LARGEST: Final = 16 << 20  # bytes of what lies before the files, and of a ticket
_SUMS: Final = {"sha1": 1, "sha256": 2}  # of a table, and what Apple's tickets call them
_BY_LENGTH: Final = {40: "sha1", 64: "sha256"}
_FILE: Final = ["data", "mode", "name", "type"]
_DATA: Final = ["archived-checksum", "encoding", "extracted-checksum", "length", "offset", "size"]
_STYLED: Final = ("archived-checksum", "encoding", "extracted-checksum")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Package:
    """A package: its table, what vouches for that, and its files; everything ends at `end`, but for a ticket, which is empty for none."""

    toc: xar.Toc
    time: str
    style: str
    vouching: dict[str, Span]
    files: tuple[xar.Entry, ...]
    end: int
    ticket: bytes

    @property
    def is_signed(self) -> bool:
        return len(self.vouching) > 1

    def value(self, stream: BinaryIO, name: str) -> bytes:
        """The checksum of the table, or a signature of that."""
        return b"".join(pieces(stream, [self.vouching[name]]))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plain:
    """A package that is nothing but files, from `start` to `end`, and what signs them; `files` count their places from `start`."""

    time: str
    files: tuple[xar.Entry, ...]
    start: int
    end: int
    is_signed: bool


def _package(stream: BinaryIO) -> _Package:
    """What a package is. Raises ValueError for something behind it that is no ticket, or one of `damage()`."""
    toc, table = xar.toc(stream), xar.entries(stream)
    style, vouching = _vouching(toc)
    end = max(span.end for span in (*vouching.values(), *(entry.span for entry in table.entries)))
    return _Package(
        toc=toc, time=table.time, style=style, vouching=vouching, files=tuple(table.entries), end=end, ticket=_ticket(stream, end)
    )


def _vouching(toc: xar.Toc) -> tuple[str, dict[str, Span]]:
    """What the checksum of a table is made with; where it lies, and the signatures, the checksum first."""
    elements = {name: element for name in (_SUM, _RSA, _CMS) if (element := toc.element.find(name)) is not None}
    style = elements[_SUM].get("style", "").lower() if _SUM in elements else "none"
    if style not in _SUMS:
        raise ValueError(f"its table has a checksum by {style}, which is not read")
    places = {name: [int(element.findtext(key, "")) for key in ("offset", "size")] for name, element in elements.items()}
    if any(min(place) < 0 or place[1] > _LARGEST for place in places.values()):
        raise ValueError("what vouches for its table lies nowhere")
    return style, {name: Span(toc.heap + offset, toc.heap + offset + size) for name, (offset, size) in places.items()}


def _plain(stream: BinaryIO) -> _Plain:
    """A package whose table can be written anew without losing anything. Raises ValueError for any other, or as `_package`."""
    found = _package(stream)
    _check_names(found.toc.element)
    if found.toc.heap != xar.HEADER.size + len(found.toc.packed):
        raise ValueError("there is something before its table")
    spans = [Span(0, found.toc.heap), *found.vouching.values(), *(entry.span for entry in found.files)]
    if any(one.end != other.start for one, other in pairwise(spans)):
        raise ValueError("there is something between its files")
    start = spans[len(found.vouching)].end
    files = tuple(entry._replace(span=Span(entry.span.start - start, entry.span.end - start)) for entry in found.files)
    if _shape(found.toc.element) != _shape(xar.toc(io.BytesIO(xar.head(files, found.time))).element):
        raise ValueError("there are other folders in its table than its files lie in")
    return _Plain(time=found.time, files=files, start=start, end=found.end, is_signed=found.is_signed)


def _shape(table: Element) -> list[tuple[str, str, object]]:
    """Folders and files by their names, in their order."""
    return [(one.findtext("type", ""), one.findtext("name", ""), _shape(one)) for one in table.findall("file")]


def _check_names(table: Element) -> None:
    """Raises ValueError for a table that says more than that there are files: what is left out of it later could matter."""
    found = [element.tag for element in table if element.tag not in ("file", "signature-creation-time")]
    if sorted(found) not in ([_SUM, "creation-time", *more] for more in ([], [_RSA], [_RSA, _CMS])):
        raise ValueError("there is something in its table that has no name")
    for element in table.iter("file"):
        kind, inner = element.findtext("type"), [one.tag for one in element if one.tag != "file"]
        wanted, mode = (_FILE[1:], xar.FOLDER) if kind == "directory" else (_FILE, xar.FILE)
        data = element.find("data")
        known = kind in ("directory", "file") and sorted(inner) == wanted and element.findtext("mode") == mode
        if (
            not known
            or "/" in element.findtext("name", "")
            or (data is not None and sorted(one.tag for one in data) != _DATA)
            or element.keys() != ["id"]
        ):
            raise ValueError("there is more in its table about a file than is read")
        plain = [one for one in element if one.tag != "file"] + [one for one in data or () if one.tag not in _STYLED]
        if any(one.attrib for one in plain) or any(len(one) for one in plain if one is not data):
            raise ValueError("there is more in its table about a file than is read")


def _ticket(stream: BinaryIO, end: int) -> bytes:
    """The ticket behind a package. Raises ValueError for anything else there."""
    size = stream.seek(0, 2) - end
    if not size:
        return b""
    length = size - 2 * _TRAILER.size
    if not 0 < length <= _LARGEST:
        raise ValueError("there is something behind its files")
    stream.seek(end)
    whole = stream.read(size)
    ticket = whole[_TRAILER.size : -_TRAILER.size]
    if whole != _behind(ticket):
        raise ValueError("there is something behind its files")
    return ticket


def _behind(ticket: bytes) -> bytes:
    """What is appended to a package that has a ticket: the end of the archive, the ticket, and where that begins."""
    return _TRAILER.pack(_MAGIC, 1, _END, 0, 0) + ticket + _TRAILER.pack(_MAGIC, 1, _TICKET, len(ticket), 0)


def unsigned(stream: BinaryIO) -> tuple[tuple[Span, ...], bool]:
    """A package without signature and ticket, and whether it had one. Raises ValueError where something else lies in their place."""
    found = _plain(stream)
    if found.is_signed:
        read(stream)  # whatever else that room is used for is no signature
    return (Span(0, 0, xar.head(found.files, found.time)), Span(found.start, found.end)), found.is_signed


def detached(stream: BinaryIO, again: Callable[[bytes, bytes], tuple[bytes, bytes]] | None = None) -> bytes:
    """The signature of a package, without a ticket; with what `again` makes of checksum and CMS in the place of both signatures.

    Raises ValueError when there is none.
    """
    whole, found = _package(stream), _plain(stream)
    if not found.is_signed:
        raise ValueError("it is not signed")
    if again is None:
        return b"".join(pieces(stream, [Span(0, found.start)]))
    made = again(whole.value(stream, _SUM), whole.value(stream, _CMS))
    places = [whole.vouching[name] for name in (_RSA, _CMS)]
    if [len(value) for value in made] != [place.end - place.start for place in places]:
        raise ValueError("there is no room for its signatures")
    return b"".join((*pieces(stream, [Span(0, places[0].start)]), *made))  # the two are the last before the files


def attached(stream: BinaryIO, signature: bytes) -> tuple[Span, ...]:
    """A package with a signature that was taken out of it before, as spans of it; without the ticket that it may have.

    Raises ValueError when the one does not belong to the other.
    """
    plain = _plain(stream)
    signed = _plain(_Followed(signature, plain.end - plain.start))
    if (signed.files, signed.time, signed.start) != (plain.files, plain.time, len(signature)) or not signed.is_signed:
        raise ValueError("the signature is of another package")
    return (Span(0, 0, signature), Span(plain.start, plain.end))


class _Followed(io.BytesIO):
    """What lies before the files of a package, as a file that seems to have them: only their number is looked at."""

    def __init__(self, data: bytes, size: int) -> None:
        super().__init__(data)
        self._more = size

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """The end is where the files would end."""
        return super().seek(offset, whence) + (self._more if whence == io.SEEK_END else 0)


def stapled(stream: BinaryIO, ticket: bytes) -> tuple[Span, ...]:
    """A signed package with a ticket, as spans of it. Raises ValueError for one that is not signed."""
    found = _package(stream)
    if not found.is_signed:
        raise ValueError("it is not signed, and a ticket is about what is")
    return (Span(0, found.end), Span(0, 0, _behind(ticket)))


def ticket(stream: BinaryIO) -> bytes:
    """The ticket of a package, empty for none."""
    return _package(stream).ticket


def record(stream: BinaryIO) -> str:
    """What Apple's ticket of a package is asked for by: the checksum of its table. Raises ValueError when it is not signed."""
    found = _package(stream)
    if not found.is_signed:
        raise ValueError("it is not signed")
    return f"2/{_SUMS[found.style]}/{found.value(stream, _SUM)[:20].hex()}"


def read(stream: BinaryIO) -> developer.By | None:
    """The signature of a package; None when it has none. Raises ValueError when what is signed is not this package."""
    found = _package(stream)
    checksum = found.value(stream, _SUM)
    if checksum != hashlib.new(found.style, found.toc.packed, usedforsecurity=False).digest():
        raise ValueError("the table was changed after it was signed")
    for entry in found.files:
        made = hashlib.new(_BY_LENGTH[len(entry.kept)], usedforsecurity=False)
        for piece in pieces(stream, [entry.span]):
            made.update(piece)
        if made.hexdigest() != entry.kept:
            raise ValueError(f"{entry.path} was changed after it was signed")
    if not found.is_signed:
        return None
    if not {_RSA, _CMS} <= found.vouching.keys():  # which is how packages were signed before there were timestamps
        raise ValueError("one of its two signatures is missing")
    first, *_ = certificates(found.toc.element)
    _check_rsa(first, found.value(stream, _RSA), checksum, found.style)
    signature = cms.Signed(found.value(stream, _CMS), checksum)
    signature.check()
    if signature.signer != first:
        raise ValueError("it has two signatures, of different signers")
    return developer.by(signature)


def certificates(table: Element, name: str = _RSA) -> list[Certificate]:
    """The certificates that the table gives with a signature, the signer's first. Raises ValueError without any."""
    texts = (element.text or "" for element in table.iterfind(f"{name}//{_XML}X509Certificate"))
    if not (found := cms.loaded(_decoded(texts))):
        raise ValueError("its signature has no certificate")
    return found


def _decoded(texts: Iterable[str]) -> Iterator[bytes]:
    return (base64.b64decode("".join(text.split()), validate=True) for text in texts)


def _check_rsa(signer: Certificate, value: bytes, checksum: bytes, style: str) -> None:
    """Raises ValueError when the RSA signature is not about the table."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa, utils

    key = signer.public_key()
    digest = hashes.SHA1() if style == "sha1" else hashes.SHA256()  # noqa: S303  # what the format has; the CMS signature is newer
    for how in (utils.Prehashed(digest), hashes.SHA256()):  # the second is apple-platform-rs': macOS takes the CMS signature then
        with suppress(InvalidSignature):
            if not isinstance(key, rsa.RSAPublicKey):
                break
            key.verify(value, checksum, padding.PKCS1v15(), how)
            return
    raise ValueError("the signature is not of its signer")
