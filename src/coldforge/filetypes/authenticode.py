"""Signatures as Windows reads them, read here: whose they are, what they are about, and when they were made. No key is needed.

Source: [MS-OSHARED] 2.3.2 (what Authenticode has in it).
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from coldforge.errors import ConfigurationError
from coldforge.filetypes import cms, der, msix, ole, pe
from coldforge.filetypes.spans import Span, pieces
from coldforge.host import clock, files, run

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cryptography.x509 import Certificate

PROGRAM: Final = "osslsigncode"
SIGNATURE: Final = "\5DigitalSignature\0".encode("utf-16-le")
EXTENDED: Final = "\5MsiDigitalSignatureEx\0".encode("utf-16-le")
STREAMS: Final = ((SIGNATURE,), (EXTENDED,))
_INDIRECT: Final = "1.3.6.1.4.1.311.2.1.4"
_TIMESTAMP: Final = "1.3.6.1.4.1.311.3.3.1"  # what the only attribute is called that nobody has signed and that is one of ours


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A signature whose bytes are those of the file: who made it (subject and common name), by which certificate (sha256), and when."""

    signer: str
    name: str
    issuer: str
    certificate: str
    time: int | None
    timestamp: cms.Stamped | None
    chain: str
    """Why the signer's certificate, or that of the timestamp, is not believed; empty when both are, or nobody asked."""

    def is_by(self, wanted: str) -> bool:
        """Whether the signer is called so: by common name, or by the whole subject as RFC 4514 writes it."""
        return wanted in (self.name, self.signer)


def check_nothing_hidden(data: bytes) -> None:
    """Raises ValueError when a signature carries more than its signer, a timestamp, and certificates that lead to one that issued his."""
    found = cms.Signed(data)
    if found.behind.strip(b"\0") or len(found.behind) > 7 or found.others or set(found.unsigned) - {_TIMESTAMP}:
        raise ValueError("there is more in its signature than one")
    issuers = {one.issuer.public_bytes() for one in cms.loaded(found.certificates)}
    if any(one != found.signer and one.subject.public_bytes() not in issuers for one in cms.loaded(found.certificates)):
        raise ValueError("a certificate in its signature has nothing to do with it")


def digest(stream: BinaryIO, algorithm: str = "sha256") -> str:
    """What a signature of a program, an msi or an msix is about, in hexadecimal: the same before and after signing.

    Of an msix it is several digests, with their names. Raises one of `signed.damage()`.
    """
    if found := _package(stream):
        return msix.digest(stream, found, algorithm).hex()
    stream.seek(0)
    spans = _hashed_msi(ole.entries(stream)) if stream.read(8) == ole.MAGIC else pe.hashed(pe.layout(stream))
    made = hashlib.new(algorithm)
    for piece in pieces(stream, spans):
        made.update(piece)
    return made.hexdigest()


def _package(stream: BinaryIO) -> msix.Layout | None:
    stream.seek(0)
    if stream.read(len(msix.MAGIC)) != msix.MAGIC:
        return None
    if found := msix.layout(stream):
        return found
    raise ValueError("it is a zip, and no app package")


def _hashed_msi(entries: Iterable[ole.Entry]) -> tuple[Span, ...]:
    kept = [entry for entry in entries if entry.path not in STREAMS]
    return tuple(span for entry in kept for span in (entry.spans if entry.kind == ole.STREAM else (Span(0, 0, entry.identity),)))


def of_msi(stream: BinaryIO, entries: Iterable[ole.Entry]) -> bytes:
    """The signature of an msi, empty when it has none."""
    return next((b"".join(pieces(stream, entry.spans)) for entry in entries if entry.path == (SIGNATURE,)), b"")


def of(stream: BinaryIO) -> bytes:
    """The signature that a program, an msi or an msix carries, in PKCS #7; empty when it has none. Raises one of `signed.damage()`."""
    package = _package(stream)
    stream.seek(0)
    if package:
        found = msix.signature(stream, package)
    elif stream.read(8) == ole.MAGIC:
        found = of_msi(stream, ole.entries(stream))
    else:
        layout = pe.layout(stream)
        found = pe.signature(stream, layout) if layout.is_signed else b""
    return found[: der.read(found).end] if found else b""


def read(stream: BinaryIO, *, believed: Sequence[Certificate] = (), stamps: Sequence[Certificate] = ()) -> Seen | None:
    """The signature of a program, an msi or an msix; None when it has none.

    With `believed` certificates the signer's must lead to one of them, and a timestamp's to one of `stamps`; without a timestamp all must
    be valid now, as the time in a signature is what the signer says.
    Raises ValueError when what is signed is not this file, or one of `signed.damage()` when it is damaged.
    """
    data = of(stream)
    if not data:
        return None
    check_nothing_hidden(data)
    found = cms.Signed(data)
    found.check()
    if not _fits(stream, found):
        raise ValueError("the file was changed after it was signed")
    stamp = cms.stamp_of(found, _TIMESTAMP)
    time = cms.time_of(found.signed[cms.SIGNING_TIME]) if cms.SIGNING_TIME in found.signed else None
    signer = found.signer
    return Seen(
        signer=signer.subject.rfc4514_string(),
        name=cms.common_name(signer),
        issuer=signer.issuer.rfc4514_string(),
        certificate=hashlib.sha256(cms.encoded(signer)).hexdigest(),
        time=time,
        timestamp=cms.Stamped(time=stamp[1], signer=stamp[0].signer.subject.rfc4514_string()) if stamp else None,
        chain=cms.chain(found, stamp, believed, stamps, int(clock.wall())) if believed else "",
    )


def is_intact(stream: BinaryIO) -> bool:
    """Whether a file is what its signature is about, whoever made that and whatever else is in it; an unsigned one is.

    Raises one of `signed.damage()`.
    """
    data = of(stream)
    return not data or _fits(stream, cms.Signed(data))


def _fits(stream: BinaryIO, found: cms.Signed) -> bool:
    if found.kind != _INDIRECT:
        raise ValueError("its signature is about something else")
    _, about = found.content.of(der.SEQUENCE)
    algorithm, value = about.of(der.SEQUENCE)
    return digest(stream, cms.DIGESTS[cms.algorithm_of(algorithm)]) == value.of(der.OCTETS).bytes.hex()


def is_subject(publisher: str, subject: str) -> bool:
    """Whether two spellings of a name mean the same: as Windows writes it (with S for a state), and as RFC 4514 does.

    >>> is_subject("CN=Demo, S=Some Where, C=DE", "CN=Demo,ST=Some Where,C=DE")
    True
    """
    from cryptography.x509 import Name, NameOID

    states = {"S": NameOID.STATE_OR_PROVINCE_NAME}
    try:
        return Name.from_rfc4514_string(subject) == Name.from_rfc4514_string(re.sub(r",\s+", ",", publisher), states)
    except ValueError:  # a kind of attribute that has no name here: Windows will tell
        return True


def attach(file: Path, signature: bytes, out: Path) -> None:
    """Write a file with a signature that was made of it before, as osslsigncode does.

    Raises Missing without it, ValueError when it does not take the one for the other.
    """
    run.which(PROGRAM, hint=f"`apt-get install {PROGRAM}` on Debian and Ubuntu gets it.")
    with files.scratch("attach") as folder:
        (folder / "signature").write_bytes(signature)
        words = ("attach-signature", "-sigin", folder / "signature", "-in", file, "-out", folder / "signed")
        run.run(
            [PROGRAM, *words], env=run.without_secrets(), check=False, quiet=True
        )  # it fails because it knows no certificate that it could believe
        if not (folder / "signed").is_file():
            raise ValueError("the signature cannot be put into this file")
        out.write_bytes((folder / "signed").read_bytes())


def fields(seen: Seen | None) -> Mapping[str, str]:
    """A signature in the words of `inspect`."""
    if seen is None:
        return {"signature": "none"}
    stamp = seen.timestamp
    return {
        "signed by": seen.signer,
        "issued by": seen.issuer,
        "signed at": clock.iso(seen.time) if seen.time is not None else "",
        "timestamp": f"{clock.iso(stamp.time)} by {stamp.signer}" if stamp else "none",
    }


def chain(path: Path, authorities: Path) -> str:
    """Whether a signature leads to a certificate of a PEM file, and its timestamp too, in the words of `inspect`.

    Raises ConfigurationError when the file has no certificate, or `path` no signature that could lead to one.
    """
    from cryptography.x509 import load_pem_x509_certificates

    try:
        believed = load_pem_x509_certificates(authorities.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{authorities} holds no certificate in PEM", why=str(error)) from error
    try:
        with path.open("rb") as stream:
            seen = read(stream, believed=believed)
    except (OSError, ValueError, EOFError, LookupError, OverflowError, struct.error) as error:
        raise ConfigurationError(f"{path.name} has no signature that can be read", why=str(error)) from error
    if seen is None:
        raise ConfigurationError(f"{path.name} is not signed: there is nothing that could lead to a certificate")
    return seen.chain or f"leads to a certificate in {authorities.name}"
