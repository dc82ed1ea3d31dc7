"""Bundles to verified statements: the one module that checks signatures, with sigstore's own verifier."""

from __future__ import annotations

import json
import logging
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from coldforge.errors import ConfigurationError, Missing
from coldforge.verify.policy import Signer

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from sigstore.models import TrustedRoot

INTOTO: Final = "application/vnd.in-toto+json"
STATEMENT: Final = "https://in-toto.io/Statement/v1"
PROVENANCE: Final = "https://slsa.dev/provenance/v1"
LARGEST: Final = 20_000_000  # bytes; sigstore's own services accept far less
_FULCIO: Final = "1.3.6.1.4.1.57264.1."
# Fulcio's extensions that hold the names of a GitHub job (fulcio/docs/oid-info.md), by the fields of Signer.
_EXTENSIONS: Final = {
    8: "issuer",
    9: "workflow",
    10: "workflow_digest",
    11: "runner",
    12: "repository",
    13: "commit",
    14: "ref",
    20: "trigger",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What a verified bundle says: digests by the names of its subjects, the commit, and who says it."""

    subjects: Mapping[str, str]
    predicate_type: str
    commit: str
    signer: Signer


@dataclass(frozen=True, slots=True, kw_only=True)
class Unusable:
    """A bundle that proves nothing. `checkable` is False when this version cannot judge it at all."""

    why: str
    checkable: bool


def load_root(path: Path | None) -> TrustedRoot:
    """The trust root: that of a file (a trusted root, or a client trust config), else the one in the sigstore client.

    Never uses the network. Raises ConfigurationError or Missing.
    """
    from sigstore.errors import Error
    from sigstore.models import ClientTrustConfig, TrustedRoot

    for name in ("sigstore", "tuf"):  # what counts arrives as an exception; "updates will not be performed" is what is wanted
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        if path is None:
            return ClientTrustConfig.production(offline=True).trusted_root
        document = json.loads(path.read_text(encoding="utf-8"))
        if "trustedRoot" in document:
            return ClientTrustConfig.from_json(json.dumps(document)).trusted_root
        return TrustedRoot.from_file(str(path))
    except FileNotFoundError as error:
        raise ConfigurationError(f"there is no trust root {path}") from error
    except (Error, ValueError, TypeError, RecursionError) as error:
        if path is None:
            raise Missing("sigstore's own trust root cannot be loaded", why=str(error), hint="Give one with --trusted-root.") from error
        raise ConfigurationError(f"{path} is not a sigstore trust root", why=str(error)) from error


class _AnySigner:
    """A policy for sigstore's verifier that leaves the judgement of who signed to ours."""

    def verify(self, cert: Certificate) -> None: ...


class Evidence:
    """Verifies bundles against one trust root, loaded once."""

    def __init__(self, root: TrustedRoot) -> None:
        from sigstore.verify import Verifier

        self._verifier = Verifier(trusted_root=root)

    def read(self, text: str) -> Statement | Unusable:
        """The statement of a bundle, or why it proves nothing. Who signed is not judged here."""
        from sigstore.errors import Error
        from sigstore.models import Bundle, InvalidBundle

        try:
            json.loads(text)
        except (ValueError, RecursionError):
            return Unusable(why="its attestation is no JSON", checkable=True)
        try:
            bundle = Bundle.from_json(text)
        except (InvalidBundle, Error, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            return Unusable(why=f"its attestation is of a kind that cannot be checked here: {_short(error)}", checkable=False)
        try:
            kind, payload = self._verifier.verify_dsse(bundle, _AnySigner())
        except (Error, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            return Unusable(why=f"its attestation does not verify: {_short(error)}", checkable=True)
        if kind != INTOTO:
            return Unusable(why=f"its attestation holds {printable(kind)}, no in-toto statement", checkable=False)
        return _statement(payload, signer_of(bundle.signing_certificate))


def printable(text: str) -> str:
    """A text of somebody else's, fit for a terminal: control and format characters and lone surrogates are spelled out."""
    return "".join(char if unicodedata.category(char)[0] not in "CZ" or char == " " else ascii(char)[1:-1] for char in text)


def _short(error: BaseException) -> str:
    return printable((str(error).strip().splitlines() or [type(error).__name__])[0][:200])


def _statement(payload: bytes, signer: Signer) -> Statement | Unusable:
    try:
        document = json.loads(payload)
        if document["_type"] != STATEMENT or document["predicateType"] != PROVENANCE:
            about = printable(str(document["predicateType"])[:200])
            return Unusable(why=f"its attestation is about {about}, not provenance", checkable=True)
        named = [(str(subject["name"]), str(subject["digest"]["sha256"])) for subject in document["subject"]]
        source: Any = document["predicate"]["buildDefinition"]["resolvedDependencies"][0]
        commit = str(source["digest"].get("gitCommit", ""))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        return Unusable(why=f"its statement is malformed: {type(error).__name__} {_short(error)}", checkable=True)
    subjects = dict(named)
    if not subjects or len(subjects) < len(named):
        return Unusable(why="its statement names no file, or one twice", checkable=True)
    return Statement(subjects=subjects, predicate_type=document["predicateType"], commit=commit, signer=signer)


def signer_of(certificate: Certificate) -> Signer:
    """Who a certificate names."""
    from cryptography import x509

    values = {"identity": _name(certificate)}
    for extension in certificate.extensions:
        number = extension.oid.dotted_string.removeprefix(_FULCIO)
        if extension.oid.dotted_string.startswith(_FULCIO) and number.isdigit() and int(number) in _EXTENSIONS:
            raw = extension.value
            if isinstance(raw, x509.UnrecognizedExtension):
                values[_EXTENSIONS[int(number)]] = _utf8(raw.value)
    return Signer(**values)


def _name(certificate: Certificate) -> str:
    from cryptography import x509

    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ""
    found = [*names.get_values_for_type(x509.UniformResourceIdentifier), *names.get_values_for_type(x509.RFC822Name)]
    return found[0] if len(found) == 1 else ""


def _utf8(der: bytes) -> str:
    """The text of a DER UTF8String."""
    if der[:1] != b"\x0c" or len(der) < 2:
        return ""
    if der[1] < 0x80:
        return der[2 : 2 + der[1]].decode("utf-8", "replace")
    width = der[1] & 0x7F
    length = int.from_bytes(der[2 : 2 + width], "big")
    return der[2 + width : 2 + width + length].decode("utf-8", "replace")
