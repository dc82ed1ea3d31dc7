"""Signatures as Windows reads them, read here: whose they are, what they are about, and when they were made. No key is needed.

Sources: RFC 5652 (CMS), RFC 3161 (timestamps), [MS-OSHARED] 2.3.2 (what Authenticode has in it).
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from coldforge.errors import ConfigurationError
from coldforge.host import der, files, ole, pe, run
from coldforge.host.spans import Span, pieces

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cryptography.x509 import Certificate

PROGRAM: Final = "osslsigncode"
SIGNATURE: Final = "\5DigitalSignature\0".encode("utf-16-le")
EXTENDED: Final = "\5MsiDigitalSignatureEx\0".encode("utf-16-le")
STREAMS: Final = ((SIGNATURE,), (EXTENDED,))
_DIGESTS: Final = {"2.16.840.1.101.3.4.2.1": "sha256", "2.16.840.1.101.3.4.2.2": "sha384", "2.16.840.1.101.3.4.2.3": "sha512"}
_SIGNED_DATA: Final = "1.2.840.113549.1.7.2"
_INDIRECT: Final = "1.3.6.1.4.1.311.2.1.4"
_STAMP: Final = "1.2.840.113549.1.9.16.1.4"
_CONTENT_TYPE: Final = "1.2.840.113549.1.9.3"
_DIGEST: Final = "1.2.840.113549.1.9.4"
_SIGNING_TIME: Final = "1.2.840.113549.1.9.5"
_TIMESTAMP: Final = "1.3.6.1.4.1.311.3.3.1"  # what the only attribute is called that nobody has signed and that is one of ours
_RSA: Final = ("1.2.840.113549.1.1.1", "1.2.840.113549.1.1.11", "1.2.840.113549.1.1.12", "1.2.840.113549.1.1.13")
_EC: Final = ("1.2.840.10045.2.1", "1.2.840.10045.4.3.2", "1.2.840.10045.4.3.3", "1.2.840.10045.4.3.4")
_CODE, _STAMPS = "1.3.6.1.5.5.7.3.3", "1.3.6.1.5.5.7.3.8"
_DEEP: Final = 8  # certificates from a signer's to one that is believed


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamped:
    """A timestamp: when a signature was there, in seconds since 1970, as the owner of a certificate says."""

    time: int
    signer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A signature whose bytes are those of the file: who made it (subject and common name), by which certificate (sha256), and when."""

    signer: str
    name: str
    issuer: str
    certificate: str
    time: int | None
    timestamp: Stamped | None
    chain: str
    """Why the signer's certificate, or that of the timestamp, is not believed; empty when both are, or nobody asked."""

    def is_by(self, wanted: str) -> bool:
        """Whether the signer is called so: by common name, or by the whole subject as RFC 4514 writes it."""
        return wanted in (self.name, self.signer)


class _Signed:
    """A CMS structure with one signer. Raises ValueError for what is none, KeyError for an algorithm that is not taken."""

    def __init__(self, data: bytes) -> None:
        whole = der.read(data)
        self.behind = data[whole.end :]
        kind, wrapped = whole.of(der.SEQUENCE)
        (body,) = wrapped.of(0xA0)
        if kind.oid != _SIGNED_DATA:
            raise ValueError("it is no signature")
        _, _, content, *rest = body.of(der.SEQUENCE)
        self.kind, (inner,) = (parts := list(content))[0].oid, parts[1].of(0xA0)
        self.content = inner
        self.certificates = [one.whole for part in rest if part.tag == 0xA0 for one in part]
        self.others = [part.tag for part in rest if part.tag not in (0xA0, der.SET)]
        (signer,) = rest[-1].of(der.SET)
        _, self.who, algorithm, *fields = signer.of(der.SEQUENCE)
        self.digest = _DIGESTS[_algorithm(algorithm)]
        self.said = fields.pop(0).of(0xA0)
        how, value, *unsaid = fields
        self.how, self.value = _algorithm(how), value.of(der.OCTETS).bytes
        self.signed, self.unsigned = _attributes([self.said]), _attributes(unsaid)

    @cached_property
    def signer(self) -> Certificate:
        """The certificate of whoever signed. Raises ValueError when it is not there."""
        issuer, number = self.who.of(der.SEQUENCE)
        for one in _loaded(self.certificates):
            if one.issuer.public_bytes() == issuer.whole and one.serial_number == int.from_bytes(number.bytes, "big", signed=True):
                return one
        raise ValueError("the certificate of who signed it is not in it")

    def check(self) -> None:
        """Raises ValueError when it is not what the signer signed."""
        from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

        if (
            self.signed[_DIGEST].bytes != hashlib.new(self.digest, self.content.bytes).digest()
            or self.signed[_CONTENT_TYPE].oid != self.kind
        ):
            raise ValueError("what is signed was changed")
        about = bytes([der.SET]) + self.said.whole[1:]
        known: dict[str, hashes.HashAlgorithm] = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}
        digest = known[self.digest]
        try:
            key = self.signer.public_key()
            if isinstance(key, rsa.RSAPublicKey) and self.how in _RSA:
                key.verify(self.value, about, padding.PKCS1v15(), digest)
            elif isinstance(key, ec.EllipticCurvePublicKey) and self.how in _EC:
                key.verify(self.value, about, ec.ECDSA(digest))
            else:
                raise ValueError(f"a signature by {self.how} is not read")
        except InvalidSignature as error:
            raise ValueError("the signature is not of its signer") from error
        except UnsupportedAlgorithm as error:
            raise ValueError("the key of its signer is of no known kind") from error


def _algorithm(value: der.Value) -> str:
    for name in value.of(der.SEQUENCE):
        return name.oid
    raise ValueError("an algorithm of it has no name")


def _attributes(lists: Iterable[der.Value]) -> dict[str, der.Value]:
    found: dict[str, der.Value] = {}
    for attribute in (one for attributes in lists for one in attributes):
        name, values = attribute.of(der.SEQUENCE)
        (value,) = values.of(der.SET)
        if name.oid in found:
            raise ValueError("an attribute of it is there twice")
        found[name.oid] = value
    return found


def _loaded(certificates: Iterable[bytes]) -> list[Certificate]:
    from cryptography.x509 import InvalidVersion, load_der_x509_certificate

    try:
        return [load_der_x509_certificate(one) for one in certificates]
    except InvalidVersion as error:
        raise ValueError("a certificate of it is of no known version") from error


def check_nothing_hidden(data: bytes) -> None:
    """Raises ValueError when a signature carries more than its signer, a timestamp, and certificates that lead to one that issued his."""
    found = _Signed(data)
    if found.behind.strip(b"\0") or len(found.behind) > 7 or found.others or set(found.unsigned) - {_TIMESTAMP}:
        raise ValueError("there is more in its signature than one")
    issuers = {one.issuer.public_bytes() for one in _loaded(found.certificates)}
    if any(one != found.signer and one.subject.public_bytes() not in issuers for one in _loaded(found.certificates)):
        raise ValueError("a certificate in its signature has nothing to do with it")


def digest(stream: BinaryIO, algorithm: str = "sha256") -> str:
    """The digest of a program or an msi that a signature is about: the same before and after signing. Raises one of `signed.damage()`."""
    stream.seek(0)
    spans = _hashed_msi(ole.entries(stream)) if stream.read(8) == ole.MAGIC else pe.hashed(pe.layout(stream))
    made = hashlib.new(algorithm)
    for piece in pieces(stream, spans):
        made.update(piece)
    return made.hexdigest()


def _hashed_msi(entries: Iterable[ole.Entry]) -> tuple[Span, ...]:
    kept = [entry for entry in entries if entry.path not in STREAMS]
    return tuple(span for entry in kept for span in (entry.spans if entry.kind == ole.STREAM else (Span(0, 0, entry.identity),)))


def of_msi(stream: BinaryIO, entries: Iterable[ole.Entry]) -> bytes:
    """The signature of an msi, empty when it has none."""
    return next((b"".join(pieces(stream, entry.spans)) for entry in entries if entry.path == (SIGNATURE,)), b"")


def of(stream: BinaryIO) -> bytes:
    """The signature that a program or an msi carries, in PKCS #7; empty when it has none. Raises one of `signed.damage()`."""
    stream.seek(0)
    if stream.read(8) == ole.MAGIC:
        found = of_msi(stream, ole.entries(stream))
    else:
        layout = pe.layout(stream)
        found = pe.signature(stream, layout) if layout.is_signed else b""
    return found[: der.read(found).end] if found else b""


def read(stream: BinaryIO, *, believed: Sequence[Certificate] = (), stamps: Sequence[Certificate] = ()) -> Seen | None:
    """The signature of a program or an msi; None when it has none.

    With `believed` certificates the signer's must lead to one of them, and a timestamp's to one of `stamps`.
    Raises ValueError when what is signed is not this file, or one of `signed.damage()` when it is damaged.
    """
    data = of(stream)
    if not data:
        return None
    check_nothing_hidden(data)
    found = _Signed(data)
    found.check()
    if found.kind != _INDIRECT:
        raise ValueError("its signature is about something else")
    _, about = found.content.of(der.SEQUENCE)
    algorithm, value = about.of(der.SEQUENCE)
    if digest(stream, _DIGESTS[_algorithm(algorithm)]) != value.of(der.OCTETS).bytes.hex():
        raise ValueError("the file was changed after it was signed")
    stamp = _stamp(found)
    time = _time(found.signed[_SIGNING_TIME]) if _SIGNING_TIME in found.signed else None
    signer = found.signer
    return Seen(
        signer=signer.subject.rfc4514_string(),
        name=_common_name(signer),
        issuer=signer.issuer.rfc4514_string(),
        certificate=hashlib.sha256(_der(signer)).hexdigest(),
        time=time,
        timestamp=Stamped(time=stamp[1], signer=stamp[0].signer.subject.rfc4514_string()) if stamp else None,
        chain=_chain(found, stamp, believed, stamps, time) if believed else "",
    )


def _common_name(certificate: Certificate) -> str:
    from cryptography.x509.oid import NameOID

    found = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else ""


def _der(certificate: Certificate) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.DER)


def _stamp(found: _Signed) -> tuple[_Signed, int] | None:
    """The timestamp of a signature, and its time. Raises ValueError when it is about another."""
    if _TIMESTAMP not in found.unsigned:
        return None
    stamp = _Signed(found.unsigned[_TIMESTAMP].whole)
    stamp.check()
    _, _, about, _, time, *_ = der.read(stamp.content.of(der.OCTETS).bytes).of(der.SEQUENCE)
    algorithm, value = about.of(der.SEQUENCE)
    made = hashlib.new(_DIGESTS[_algorithm(algorithm)], found.value).digest()
    if stamp.kind != _STAMP or value.of(der.OCTETS).bytes != made:
        raise ValueError("its timestamp is of another signature")
    return stamp, _time(time)


def _time(value: der.Value) -> int:
    text, form = value.bytes.decode("ascii"), {0x17: "%y%m%d%H%M%SZ", 0x18: "%Y%m%d%H%M%SZ"}[value.tag]
    return int(datetime.strptime(text.partition(".")[0].rstrip("Z") + "Z", form).replace(tzinfo=UTC).timestamp())


def _chain(
    found: _Signed, stamp: tuple[_Signed, int] | None, believed: Sequence[Certificate], stamps: Sequence[Certificate], time: int | None
) -> str:
    """Why it is not believed; empty when it is."""
    at = stamp[1] if stamp else time
    if at is None:
        return "it does not say when it was made"
    if reason := _leads(found, believed, at, _CODE):
        return f"{found.signer.subject.rfc4514_string()}: {reason}"
    if stamp and (reason := _leads(stamp[0], stamps or believed, at, _STAMPS)):
        return f"timestamp of {stamp[0].signer.subject.rfc4514_string()}: {reason}"
    return ""


def _leads(found: _Signed, believed: Sequence[Certificate], at: int, purpose: str) -> str:
    """Why no way leads from the signer's certificate to one of those that are believed, at a time and for a purpose."""
    from cryptography import x509

    try:
        usage = found.signer.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return "the certificate does not say what it is for"
    if purpose not in [one.dotted_string for one in usage]:
        return "the certificate is for something else"
    moment, here, known = datetime.fromtimestamp(at, UTC), found.signer, _loaded(found.certificates)
    for _ in range(_DEEP):
        if not here.not_valid_before_utc <= moment <= here.not_valid_after_utc:
            return f"the certificate of {here.subject.rfc4514_string()} was not valid at that time"
        if here in believed:
            return ""
        above = next((one for one in (*believed, *known) if _issued(one, here)), None)
        if above is None or above == here:
            break
        here = above
    return "no certificate that is believed has issued it"


def _issued(above: Certificate, below: Certificate) -> bool:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        below.verify_directly_issued_by(above)
        constraints = above.extensions.get_extension_for_class(x509.BasicConstraints).value
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm, x509.ExtensionNotFound, x509.DuplicateExtension):
        return False
    return constraints.ca


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
    from coldforge.host.clock import iso

    if seen is None:
        return {"signature": "none"}
    stamp = seen.timestamp
    return {
        "signed by": seen.signer,
        "issued by": seen.issuer,
        "signed at": iso(seen.time) if seen.time is not None else "",
        "timestamp": f"{iso(stamp.time)} by {stamp.signer}" if stamp else "none",
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
