"""Bundles that sigstore's client cannot judge: signed with a key, in no log, or logged as `intoto`.

Signatures and chains are checked with `cryptography`; proofs of a log, timestamps and promises of certificates with the
parts that the client itself is made of. Everything that a bundle holds must hold: one time source that is wrong is
enough to refuse it.
Source: https://github.com/sigstore/architecture-docs/blob/main/client-spec.md
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
    from cryptography.x509 import Certificate
    from sigstore.models import TrustedRoot
    from sigstore_models.bundle.v1 import Bundle
    from sigstore_models.rekor.v1 import TransparencyLogEntry

MOST: Final = 32  # log entries or timestamps in one bundle; each costs a verification, and nobody honest has more
# What is used of the client beside its interface, which may be elsewhere in its next version.
INTERNALS: Final = (
    ("sigstore._internal.merkle", "verify_merkle_inclusion"),
    ("sigstore._internal.rekor.checkpoint", "verify_checkpoint"),
    ("sigstore._internal.sct", "verify_sct"),
    ("sigstore._internal.trust", "KeyringPurpose"),
    ("sigstore._utils", "KeyID"),
)
FIRST: Final = "application/vnd.dev.sigstore.bundle+json;version=0.1"


class Unproven(Exception):
    """A bundle does not hold. `checkable` is False when that cannot be said, because this version does not know its kind."""

    def __init__(self, why: str, *, checkable: bool = True) -> None:
        super().__init__(why)
        self.checkable = checkable


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """A sigstore instance that is trusted. One that keeps no log of signatures, or of certificates, cannot be asked for it."""

    root: TrustedRoot
    logs: bool = True
    promises: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What was signed: an envelope's payload (`kind` is its type), or a file of which the sha256 alone is known."""

    signature: bytes
    kind: str = ""
    payload: bytes = b""
    digest: bytes = b""

    @property
    def signed(self) -> bytes:
        """The bytes under an envelope's signature (https://github.com/secure-systems-lab/dsse/blob/master/protocol.md)."""
        kind = self.kind.encode()
        return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(self.payload), self.payload)


def is_beyond(document: Mapping[str, Any]) -> bool:
    """Whether a bundle is of a shape that the client refuses, however good it is."""
    try:
        material = document["verificationMaterial"]
        entries = material.get("tlogEntries") or []
        return "publicKey" in material or len(entries) != 1 or entries[0]["kindVersion"]["kind"] == "intoto"
    except (KeyError, TypeError, AttributeError, IndexError):
        return False


def verify(bundle: Bundle, instance: Instance, *, key: PublicKeyTypes | None, sha256: str) -> tuple[Content, Certificate | None]:
    """What a bundle proves, and the certificate that signed it; None when it was `key`. `sha256` is that of the file, for plain signatures.

    Raises Unproven.
    """
    material = bundle.verification_material
    content = _content(bundle, sha256)
    certificate = _leaf(bundle)
    if certificate is None and key is None:
        raise Unproven("it is signed with a key, and none was given to check it with", checkable=False)
    _check_signature(certificate.public_key() if certificate else key, content)
    if len(material.tlog_entries) > MOST:
        raise Unproven(f"it has more than {MOST} log entries")
    if instance.logs and not material.tlog_entries:
        raise Unproven("it is in no transparency log, and the trusted instance keeps one", checkable=False)
    times = list(moments(timestamps(bundle), content.signature, instance))
    verifier = der(certificate or key)
    for entry in material.tlog_entries:
        times += _logged(entry, instance, first=bundle.media_type == FIRST)
        _check_body(entry, content, verifier)
    if certificate is not None:
        _check_certificate(certificate, instance, times)
    return content, certificate


def timestamps(bundle: Bundle) -> list[bytes]:
    """The signed timestamps in a bundle. Raises Unproven for more than anybody honest writes, and for one twice."""
    data = bundle.verification_material.timestamp_verification_data
    found = [item.signed_timestamp for item in data.rfc3161_timestamps] if data else []
    if len(found) > MOST or len(set(found)) < len(found):
        raise Unproven("it has too many timestamps, or one twice")
    return found


def moments(responses: Sequence[bytes], signature: bytes, instance: Instance) -> Iterator[datetime]:
    """The time of every timestamp. Raises Unproven when one of them does not hold (RFC 3161, and the validity in the trust root)."""
    from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response

    for raw in responses:
        try:
            response = decode_timestamp_response(raw)
            moment = response.tst_info.gen_time
        except ValueError as error:
            raise Unproven("one of its timestamps is malformed") from error
        for authority in instance.root.get_timestamp_authorities():
            leaf, *others = authority.certificates(allow_expired=True)
            end = authority.validity_period_end
            if not others or moment < authority.validity_period_start or (end and moment > end):
                continue
            builder = VerifierBuilder(tsa_certificate=leaf, intermediates=others[:-1], roots=others[-1:])
            try:
                builder.build().verify_message(response, signature)
            except (VerificationError, ValueError):
                continue
            yield moment
            break
        else:
            raise Unproven("one of its timestamps is by nobody whom the trust root names, or about another signature")


def within(certificate: Certificate, times: Sequence[datetime]) -> None:
    """Raises Unproven when one of the times is outside of the certificate's validity."""
    for moment in times:
        if not certificate.not_valid_before_utc <= moment <= certificate.not_valid_after_utc:
            raise Unproven(f"it was signed at {moment:%Y-%m-%dT%H:%M:%SZ}, when its certificate was not valid")


def _content(bundle: Bundle, sha256: str) -> Content:
    envelope, plain = bundle.dsse_envelope, bundle.message_signature
    if envelope is not None:
        if len(envelope.signatures) != 1:
            raise Unproven("its envelope has no signature, or several", checkable=False)
        return Content(signature=envelope.signatures[0].sig, kind=envelope.payload_type, payload=envelope.payload)
    if plain is None or not sha256:
        raise Unproven("it is a plain signature, which names no file and no source")
    digest = bytes.fromhex(sha256)
    if plain.message_digest is not None and plain.message_digest.digest != digest:
        raise Unproven("it is about another file")
    return Content(signature=plain.signature, digest=digest)


def _leaf(bundle: Bundle) -> Certificate | None:
    from cryptography.x509 import load_der_x509_certificate

    material = bundle.verification_material
    pool = material.x509_certificate_chain
    chain = pool.certificates if pool else [material.certificate] if material.certificate else []
    return load_der_x509_certificate(chain[0].raw_bytes) if chain else None


def der(who: Any) -> bytes:
    """A certificate, or a public key, in DER."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
    from cryptography.x509 import Certificate

    form = () if isinstance(who, Certificate) else (PublicFormat.SubjectPublicKeyInfo,)
    return bytes(who.public_bytes(Encoding.DER, *form))


def _check_signature(key: PublicKeyTypes | None, content: Content) -> None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
    from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512

    plain = bool(content.digest)
    data = content.digest if plain else content.signed
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            # A file is hashed once, with sha256; an envelope as the curve has it (PublicKeyDetails in sigstore's protobuf-specs).
            own = {384: SHA384(), 521: SHA512()}.get(key.curve.key_size, SHA256())
            key.verify(content.signature, data, ec.ECDSA(Prehashed(SHA256()) if plain else own))
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(content.signature, data, padding.PKCS1v15(), Prehashed(SHA256()) if plain else SHA256())
        elif isinstance(key, ed25519.Ed25519PublicKey) and not plain:
            key.verify(content.signature, data)
        else:
            raise Unproven("its key is of a kind that cannot be checked here", checkable=False)
    except InvalidSignature as error:
        raise Unproven("its signature is wrong") from error


def _logged(entry: TransparencyLogEntry, instance: Instance, *, first: bool) -> list[datetime]:
    """Check that a log holds an entry; returns the time that the log vouches for, if it does. Raises Unproven."""
    import rfc8785
    from sigstore._internal.merkle import verify_merkle_inclusion
    from sigstore._internal.rekor.checkpoint import verify_checkpoint
    from sigstore._internal.trust import KeyringPurpose
    from sigstore._utils import KeyID
    from sigstore.errors import Error
    from sigstore.models import TransparencyLogEntry as Entry

    try:
        keys = instance.root.rekor_keyring(KeyringPurpose.VERIFY)
        whole = Entry(entry)
        verify_merkle_inclusion(whole)
        verify_checkpoint(keys, whole)
        if entry.inclusion_promise is None or not entry.integrated_time:
            if first:
                raise Unproven("the log did not promise to keep it")
            return []
        promised: dict[str, Any] = {
            "body": base64.b64encode(entry.canonicalized_body).decode(),
            "integratedTime": entry.integrated_time,
            "logID": entry.log_id.key_id.hex(),
            "logIndex": entry.log_index,
        }
        keys.verify(
            key_id=KeyID(entry.log_id.key_id), signature=entry.inclusion_promise.signed_entry_timestamp, data=rfc8785.dumps(promised)
        )
        return [datetime.fromtimestamp(entry.integrated_time, UTC)]
    except (Error, ValueError, OverflowError) as error:
        raise Unproven(f"its log entry does not hold: {error}") from error


def _check_body(entry: TransparencyLogEntry, content: Content, verifier: bytes) -> None:
    """Raises Unproven when what was logged is another signature, by somebody else, or about something else."""
    kind = f"{entry.kind_version.kind}/{entry.kind_version.version}"
    if kind not in _BODIES:
        raise Unproven(f"its log entry is of the unknown kind {kind}", checkable=False)
    try:
        body = json.loads(entry.canonicalized_body)
        stated = f"{body['kind']}/{body['apiVersion']}"
        logged = _BODIES[kind](body["spec"])
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise Unproven("its log entry is malformed") from error
    about = content.signed if kind.startswith("hashedrekord/") else content.payload
    wanted = (content.digest or hashlib.sha256(about).digest(), content.signature, verifier)
    if stated != kind or logged != wanted:
        raise Unproven("its log entry is about another signature")


Logged = tuple[bytes, bytes, bytes]
"""The digest, the signature and the signer (a certificate or a public key, DER) in a log entry."""


def _intoto(spec: Mapping[str, Any]) -> Logged:
    content = spec["content"]
    (signature,) = content["envelope"]["signatures"]
    # the signature is in base64 twice: https://github.com/sigstore/rekor/blob/main/pkg/types/intoto/v0.0.2/entry.go
    return _sha256(content["payloadHash"]), _decoded(_decoded(signature["sig"])), _pem(signature["publicKey"])


def _dsse(spec: Mapping[str, Any]) -> Logged:
    (signature,) = spec["signatures"]
    return _sha256(spec["payloadHash"]), _decoded(signature["signature"]), _pem(signature["verifier"])


def _hashedrekord(spec: Mapping[str, Any]) -> Logged:
    signature = spec["signature"]
    return _sha256(spec["data"]["hash"]), _decoded(signature["content"]), _pem(signature["publicKey"]["content"])


def _hashedrekord2(spec: Mapping[str, Any]) -> Logged:
    inner = spec["hashedRekordV002"]
    who = inner["signature"]["verifier"]
    if inner["data"]["algorithm"] != "SHA2_256":
        raise ValueError(inner["data"]["algorithm"])
    raw = (who.get("x509Certificate") or who["publicKey"])["rawBytes"]
    return _decoded(inner["data"]["digest"]), _decoded(inner["signature"]["content"]), _decoded(raw)


_BODIES: Final = {
    "intoto/0.0.2": _intoto,
    "dsse/0.0.1": _dsse,
    "hashedrekord/0.0.1": _hashedrekord,
    "hashedrekord/0.0.2": _hashedrekord2,
}


def _decoded(text: str | bytes) -> bytes:
    return base64.b64decode(text, validate=True)


def _sha256(digest: Mapping[str, str]) -> bytes:
    if digest["algorithm"] != "sha256":
        raise ValueError(digest["algorithm"])
    return bytes.fromhex(digest["value"])


def _pem(text: str) -> bytes:
    """The DER in a PEM text, which is in base64 itself."""
    lines = _decoded(text).decode("ascii").strip().splitlines()
    return _decoded("".join(lines[1:-1]))


def _check_certificate(certificate: Certificate, instance: Instance, times: Sequence[datetime]) -> None:
    """Raises Unproven unless the certificate was good at every time at which it is said to have signed, and there is one."""
    from cryptography.x509 import ExtendedKeyUsage, ExtensionNotFound, KeyUsage
    from cryptography.x509.oid import ExtendedKeyUsageOID
    from sigstore._internal.sct import verify_sct
    from sigstore._internal.trust import KeyringPurpose
    from sigstore.errors import Error

    if not times:
        raise Unproven("nothing that can be trusted says when it was signed")
    within(certificate, times)
    chains = [_chain(certificate, instance, moment) for moment in times]
    try:
        usage = certificate.extensions.get_extension_for_class(KeyUsage).value
        extended = certificate.extensions.get_extension_for_class(ExtendedKeyUsage).value
        if not usage.digital_signature or ExtendedKeyUsageOID.CODE_SIGNING not in extended:
            raise Unproven("its certificate is not for signing code")
        if instance.promises:
            verify_sct(certificate, chains[0], instance.root.ct_keyring(KeyringPurpose.VERIFY))
    except (Error, ExtensionNotFound, ValueError) as error:
        raise Unproven(f"its certificate does not hold: {error}") from error


def _chain(certificate: Certificate, instance: Instance, moment: datetime) -> list[Certificate]:
    """The certificates above this one, up to the trust root, as they were good at a moment. Raises Unproven."""
    from cryptography.x509 import ExtendedKeyUsage, UnsupportedGeneralNameType
    from cryptography.x509 import verification as x509

    # The library's own rules are those of web servers: what they say of the extended usage does not fit, the rest does.
    either = x509.Criticality.NON_CRITICAL
    authority = x509.ExtensionPolicy.webpki_defaults_ca().may_be_present(ExtendedKeyUsage, either, None)
    leaf = x509.ExtensionPolicy.webpki_defaults_ee().may_be_present(ExtendedKeyUsage, either, None)
    builder = x509.PolicyBuilder().store(x509.Store(instance.root.get_fulcio_certs())).time(moment)
    verifier = builder.extension_policies(ca_policy=authority, ee_policy=leaf).build_client_verifier()
    try:
        return list(verifier.verify(certificate, []).chain[1:])
    except (x509.VerificationError, UnsupportedGeneralNameType) as error:
        raise Unproven(f"its certificate is not by the trusted authority: {error}") from error
