"""Signatures as CMS has them: whose they are, what they are about, when they were made, and whether a certificate is believed.

Sources: RFC 5652 (CMS), RFC 3161 (timestamps). No key is needed.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Final

from coldforge.filetypes import der

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from cryptography.x509 import Certificate

DIGESTS: Final = {"2.16.840.1.101.3.4.2.1": "sha256", "2.16.840.1.101.3.4.2.2": "sha384", "2.16.840.1.101.3.4.2.3": "sha512"}
WEAK: Final = {**DIGESTS, "1.3.14.3.2.26": "sha1"}  # Apple's own timestamps are made with it to this day
_SIGNED_DATA: Final = "1.2.840.113549.1.7.2"
_STAMP: Final = "1.2.840.113549.1.9.16.1.4"
_CONTENT_TYPE: Final = "1.2.840.113549.1.9.3"
_DIGEST: Final = "1.2.840.113549.1.9.4"
SIGNING_TIME: Final = "1.2.840.113549.1.9.5"
_SEVERAL: Final = ("1.2.840.113635.100.9.2",)  # Apple's digests of directories, which stand in another attribute too
_RSA: Final = ("1.2.840.113549.1.1.1", "1.2.840.113549.1.1.11", "1.2.840.113549.1.1.12", "1.2.840.113549.1.1.13")
_EC: Final = ("1.2.840.10045.2.1", "1.2.840.10045.4.3.2", "1.2.840.10045.4.3.3", "1.2.840.10045.4.3.4")
CODE: Final = "1.3.6.1.5.5.7.3.3"  # what a certificate is for: code of any system
_STAMPS: Final = "1.3.6.1.5.5.7.3.8"
_UTC: Final = 0x17  # the tag of a time with two digits for the year
_DEEP: Final = 8  # certificates from a signer's to one that is believed


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamped:
    """A timestamp: when a signature was there, in seconds since 1970, as the owner of a certificate says."""

    time: int
    signer: str


class Signed:
    """A CMS structure with one signer, about what is in it, or about bytes elsewhere (`about`).

    Raises ValueError for what is none, KeyError for an algorithm that is not taken.
    """

    def __init__(self, data: bytes, about: bytes | None = None, digests: Mapping[str, str] = DIGESTS) -> None:
        whole = der.read(data)
        self.behind = data[whole.end :]
        kind, wrapped = whole.of(der.SEQUENCE)
        (body,) = wrapped.of(0xA0)
        if kind.oid != _SIGNED_DATA:
            raise ValueError("it is no signature")
        _, _, content, *rest = body.of(der.SEQUENCE)
        kind, *inner = content
        if bool(inner) == (about is not None):
            raise ValueError("it is not about what it should be")
        self.kind, self._inner = kind.oid, [one for part in inner for one in part.of(0xA0)]
        self.about = self.content.bytes if about is None else about
        self.certificates = [one.whole for part in rest if part.tag == 0xA0 for one in part]
        self.others = [part.tag for part in rest if part.tag not in (0xA0, der.SET)]
        (signer,) = rest[-1].of(der.SET)
        _, self.who, algorithm, *fields = signer.of(der.SEQUENCE)
        self.digest = digests[algorithm_of(algorithm)]
        self.said = fields.pop(0).of(0xA0)
        how, value, *unsaid = fields
        self.how, self.value = algorithm_of(how), value.of(der.OCTETS).bytes
        self.signed, self.unsigned = _attributes([self.said]), _attributes(unsaid)

    @property
    def content(self) -> der.Value:
        """What is in it. Raises ValueError when it is about bytes elsewhere."""
        if len(self._inner) != 1:
            raise ValueError("there is nothing in it that it could be about")
        return self._inner[0]

    @cached_property
    def signer(self) -> Certificate:
        """The certificate of whoever signed. Raises ValueError when it is not there."""
        issuer, number = self.who.of(der.SEQUENCE)
        for one in loaded(self.certificates):
            if one.issuer.public_bytes() == issuer.whole and one.serial_number == int.from_bytes(number.bytes, "big", signed=True):
                return one
        raise ValueError("the certificate of who signed it is not in it")

    def check(self) -> None:
        """Raises ValueError when it is not what the signer signed."""
        from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

        if self.signed[_DIGEST].bytes != hashlib.new(self.digest, self.about).digest() or self.signed[_CONTENT_TYPE].oid != self.kind:
            raise ValueError("what is signed was changed")
        about = bytes([der.SET]) + self.said.whole[1:]
        known: dict[str, hashes.HashAlgorithm] = {
            "sha1": hashes.SHA1(),  # noqa: S303  # only where the caller lets it
            "sha256": hashes.SHA256(),
            "sha384": hashes.SHA384(),
            "sha512": hashes.SHA512(),
        }
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


def timed(data: bytes, about: bytes, time: int, sign: Callable[[bytes], bytes]) -> bytes:
    """A CMS structure that bears another time, signed anew; `sign` makes a signature as long as the one that is there.

    Raises ValueError when it bears none, or one in another form.
    """
    when = Signed(data, about).signed.get(SIGNING_TIME)
    text = datetime.fromtimestamp(time, UTC).strftime("%y%m%d%H%M%SZ").encode()
    if when is None or (when.tag, len(when.bytes)) != (_UTC, len(text)):
        raise ValueError("it does not say when it was made")
    changed = data[: when.content] + text + data[when.end :]
    found = Signed(changed, about)
    value = sign(bytes([der.SET]) + found.said.whole[1:])
    if len(value) != len(found.value):
        raise ValueError("there is no room for its signature")
    start = changed.rindex(found.value)
    return changed[:start] + value + changed[start + len(value) :]


def algorithm_of(value: der.Value) -> str:
    """The name of an algorithm, as numbers."""
    for name in value.of(der.SEQUENCE):
        return name.oid
    raise ValueError("an algorithm of it has no name")


def _attributes(lists: Iterable[der.Value]) -> dict[str, der.Value]:
    found: dict[str, der.Value] = {}
    for attribute in (one for attributes in lists for one in attributes):
        name, values = attribute.of(der.SEQUENCE)
        value, *more = values.of(der.SET)
        if more and name.oid not in _SEVERAL:
            raise ValueError("an attribute of it has several values")
        if name.oid in found:
            raise ValueError("an attribute of it is there twice")
        found[name.oid] = value
    return found


def loaded(certificates: Iterable[bytes]) -> list[Certificate]:
    """Certificates from DER. Raises ValueError for what is none."""
    from cryptography.x509 import InvalidVersion, load_der_x509_certificate

    try:
        return [load_der_x509_certificate(one) for one in certificates]
    except InvalidVersion as error:
        raise ValueError("a certificate of it is of no known version") from error


def common_name(certificate: Certificate) -> str:
    """The first common name of a certificate's owner; empty without one."""
    from cryptography.x509.oid import NameOID

    found = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else ""


def unit(certificate: Certificate) -> str:
    """The first organizational unit of a certificate's owner; empty without one."""
    from cryptography.x509.oid import NameOID

    found = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)
    return str(found[0].value) if found else ""


def has_extension(certificate: Certificate, name: str) -> bool:
    """Whether a certificate has an extension, by its name in numbers."""
    from cryptography.x509 import DuplicateExtension, UnsupportedGeneralNameType

    try:
        return any(one.oid.dotted_string == name for one in certificate.extensions)
    except (DuplicateExtension, UnsupportedGeneralNameType, ValueError):
        return False


def encoded(certificate: Certificate) -> bytes:
    """A certificate in DER."""
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.DER)


def stamp_of(found: Signed, attribute: str, digests: Mapping[str, str] = DIGESTS) -> tuple[Signed, int] | None:
    """The timestamp of a signature, and its time; `attribute` is how it is called there, `digests` what it may be made with.

    Raises ValueError when it is about another signature.
    """
    if attribute not in found.unsigned:
        return None
    stamp = Signed(found.unsigned[attribute].whole, digests=digests)
    stamp.check()
    _, _, about, _, time, *_ = der.read(stamp.content.of(der.OCTETS).bytes).of(der.SEQUENCE)
    algorithm, value = about.of(der.SEQUENCE)
    made = hashlib.new(digests[algorithm_of(algorithm)], found.value).digest()
    if stamp.kind != _STAMP or value.of(der.OCTETS).bytes != made:
        raise ValueError("its timestamp is of another signature")
    return stamp, time_of(time)


def time_of(value: der.Value) -> int:
    """A time of ASN.1 in seconds since 1970. Raises KeyError or ValueError for what is none."""
    text, form = value.bytes.decode("ascii"), {_UTC: "%y%m%d%H%M%SZ", 0x18: "%Y%m%d%H%M%SZ"}[value.tag]
    return int(datetime.strptime(text.partition(".")[0].rstrip("Z") + "Z", form).replace(tzinfo=UTC).timestamp())


def chain(
    found: Signed,
    stamp: tuple[Signed, int] | None,
    believed: Sequence[Certificate],
    stamps: Sequence[Certificate],
    time: int | None,
    *,
    purpose: str = CODE,
    mark: str = "",
) -> str:
    """Why it is not believed that the signer was certified for a purpose; empty when it is.

    `mark` is an extension, by its name in numbers, that the certificate above the signer's must have.
    """
    at = stamp[1] if stamp else time
    if at is None:
        return "it does not say when it was made"
    if reason := _leads(found, believed, at, purpose, mark):
        return f"{found.signer.subject.rfc4514_string()}: {reason}"
    if stamp and (reason := _leads(stamp[0], stamps or believed, at, _STAMPS)):
        return f"timestamp of {stamp[0].signer.subject.rfc4514_string()}: {reason}"
    return ""


def _leads(found: Signed, believed: Sequence[Certificate], at: int, purpose: str, mark: str = "") -> str:
    """Why no way leads from the signer's certificate to one of those that are believed, at a time and for a purpose."""
    from cryptography import x509

    try:
        usage = found.signer.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, ValueError):
        return "the certificate does not say what it is for"
    if purpose not in [one.dotted_string for one in usage]:
        return "the certificate is for something else"
    moment, here, known = datetime.fromtimestamp(at, UTC), found.signer, loaded(found.certificates)
    for below in range(_DEEP):
        if not here.not_valid_before_utc <= moment <= here.not_valid_after_utc:
            return f"the certificate of {here.subject.rfc4514_string()} was not valid at that time"
        if here in believed:
            return ""
        above = next((one for one in (*believed, *known) if _issued(one, here, below)), None)
        if above is None or above == here or (mark and not below and not has_extension(above, mark)):
            break
        here = above
    return "no certificate that is believed has issued it"


def _issued(above: Certificate, below: Certificate, between: int) -> bool:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        below.verify_directly_issued_by(above)
        constraints = above.extensions.get_extension_for_class(x509.BasicConstraints).value
    except (
        ValueError,
        TypeError,
        InvalidSignature,
        UnsupportedAlgorithm,
        x509.ExtensionNotFound,
        x509.DuplicateExtension,
        x509.UnsupportedGeneralNameType,
    ):
        return False
    return constraints.ca and (constraints.path_length is None or between <= constraints.path_length)
