"""Bundles to verified statements: the one module that checks signatures, with sigstore's own verifier."""

from __future__ import annotations

import gc
import hashlib
import importlib
import json
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from coldforge.errors import ConfigurationError, Missing
from coldforge.predicate import COLDFORGE, CYCLONEDX, INTOTO, PROVENANCE, STATEMENT
from coldforge.report.reporter import printable
from coldforge.verify.beyond import INTERNALS, Instance, Unproven, der, is_beyond, moments, verify, within
from coldforge.verify.later import loaded_later
from coldforge.verify.policy import Signer

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from sigstore.verify import Verifier

STATEMENTS: Final = (STATEMENT, "https://in-toto.io/Statement/v0.1")
OLDER_PROVENANCE: Final = "https://slsa.dev/provenance/v0.2"
PROVENANCES: Final = (PROVENANCE, OLDER_PROVENANCE)
LARGEST: Final = 20_000_000  # bytes; sigstore's own services accept far less
LARGEST_LIST: Final = 10 * LARGEST  # bytes; of the bills and the lists of files of every target
MOST_LISTED: Final = 10_000  # statements in one list; a release has a thousand files at most, and each line costs a verification
_FULCIO: Final = "1.3.6.1.4.1.57264.1."
# What the verifier imports and does not use, and what it takes of it at once: clients of services, and kinds of log entries.
LATER: Final[Mapping[str, tuple[str, ...]]] = {
    "requests": ("__version__", "Session"),
    "sigstore._internal.fulcio.client": ("FulcioClient",),
    "tuf.ngclient": ("Updater", "UpdaterConfig"),
    "sigstore_models.rekor.v2": (),
    **{f"rekor_types._internal.{kind}": () for kind in ["alpine", "cose", "helm", "intoto", "jar", "rekord", "rfc3161", "rpm", "tuf"]},
}
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
    """What a verified bundle says: digests by the names of its subjects, the commit, and who says it.

    `commit` is None where the predicate has no place for one; `source` is the address that provenance has beside it; `predicate` is kept of
    what is compared with the manifest.
    """

    subjects: Mapping[str, str]
    predicate_type: str
    commit: str | None
    signer: Signer
    source: str = ""
    predicate: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unusable:
    """A bundle that proves nothing. `checkable` is False when this version cannot judge it at all."""

    why: str
    checkable: bool


def load_roots(path: Path | None) -> tuple[Instance, ...]:
    """What is trusted: the roots in a file (a trusted root, several as JSON lines, or a client trust config), else that in the client.

    `gh attestation trusted-root` writes such lines: one for the public instance, one for GitHub's own.
    Never uses the network. Raises ConfigurationError or Missing.
    """
    _import_client()
    from sigstore.errors import Error
    from sigstore.models import ClientTrustConfig

    for name in ("sigstore", "tuf"):  # what counts arrives as an exception; "updates will not be performed" is what is wanted
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        if path is None:
            return (Instance(root=ClientTrustConfig.production(offline=True).trusted_root),)
        text = path.read_text(encoding="utf-8")
        lines = [line for line in text.splitlines() if line.strip()]
        several = len(lines) > 1 and all(line.startswith("{") and line.endswith("}") for line in lines)
        return tuple(_instance(json.loads(line)) for line in (lines if several else [text]))
    except FileNotFoundError as error:
        raise ConfigurationError(f"there is no trust root {path}") from error
    except (Error, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        if path is None:
            raise Missing("sigstore's own trust root cannot be loaded", why=str(error), hint="Give one with --trusted-root.") from error
        raise ConfigurationError(f"{path} is not a sigstore trust root", why=str(error)) from error


def _import_client() -> None:
    """Import what verifies, for less: it is most of what verifying costs (benchmarks/verification.py).

    Thousands of classes are made that all stay, so looking for garbage among them is in vain; looking for plugins of pydantic,
    which there are none of, would read the metadata of every distribution that is installed; and what only signing and the network
    take, or bundles of other kinds, is loaded with the first of them.

    Raises Missing when the client has not the parts that are used here besides its interface.
    """
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")
    enabled = gc.isenabled()
    gc.disable()
    try:
        with suppress(Exception), loaded_later(LATER):
            importlib.import_module("sigstore.verify")
        importlib.import_module("sigstore.verify")  # with everything, where something cannot wait in the versions that are installed
    finally:
        gc.freeze()
        if enabled:
            gc.enable()
    for module, name in INTERNALS:
        try:
            getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError) as error:
            version = importlib.import_module("sigstore").__version__
            hint = "Install coldforge with what it is tested with: sigstore 4.5.1."
            raise Missing(f"sigstore {version} cannot be used to verify", why=f"its {module} has no {name}", hint=hint) from error


def _instance(document: dict[str, Any]) -> Instance:
    from sigstore.models import TrustedRoot
    from sigstore_models.trustroot.v1 import TrustedRoot as Model

    root = {"tlogs": [], "ctlogs": [], **document.get("trustedRoot", document)}  # Go leaves empty lists out
    authorities = [_inclusive(authority) for authority in root.get("timestampAuthorities", [])]
    text = json.dumps({**root, "timestampAuthorities": authorities})
    return Instance(root=TrustedRoot(Model.from_json(text)), logs=bool(root["tlogs"]), promises=bool(root["ctlogs"]))


def _inclusive(authority: dict[str, Any]) -> dict[str, Any]:
    """A timestamp authority whose last moment counts, as the specification has it; the client takes the end for excluded."""
    valid = authority["validFor"]
    if not valid.get("end"):
        return authority
    end = datetime.fromisoformat(valid["end"]) + timedelta(microseconds=1)
    return {**authority, "validFor": {**valid, "end": end.isoformat()}}


class _AnySigner:
    """A policy for sigstore's verifier that leaves the judgement of who signed to ours."""

    def verify(self, cert: Certificate) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A bundle that holds: the type and the payload of its envelope (both empty for a plain signature), and who signed it."""

    kind: str
    payload: bytes
    signer: Signer


class Evidence:
    """Verifies bundles against what is trusted, loaded once. `key` is a public key (PEM) for the bundles that are signed with one.

    Raises ConfigurationError for a key that is none.
    """

    def __init__(self, instances: Sequence[Instance], *, key: str = "") -> None:
        self._instances = instances
        self._key = _public_key(key)
        self._verifiers: dict[int, Verifier] = {}

    def read(self, text: str) -> Statement | Unusable:
        """The statement of a bundle, or why it proves nothing. Who signed is not judged here."""
        proof = self.prove(text)
        if isinstance(proof, Unusable):
            return proof
        if proof.kind != INTOTO:
            return Unusable(why=f"its attestation holds {printable(proof.kind[:200])}, no in-toto statement", checkable=False)
        return _statement(proof.payload, proof.signer)

    def prove(self, text: str, *, sha256: str = "") -> Proof | Unusable:
        """Whether a bundle holds, by one of the trusted instances. `sha256` is that of the file, for a plain signature of it."""
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            return Unusable(why="its attestation is no JSON", checkable=True)
        found = [self._prove(instance, document, sha256) for instance in self._instances]
        proved = next((proof for proof in found if isinstance(proof, Proof)), None)
        # what one instance knows to be wrong, another that cannot tell does not make right
        return proved or min(found, key=lambda item: isinstance(item, Unusable) and not item.checkable)

    def _prove(self, instance: Instance, document: Any, sha256: str) -> Proof | Unusable:
        from sigstore.errors import Error
        from sigstore.models import InvalidBundle

        try:
            return self._ours(instance, document, sha256) if is_beyond(document) else self._clients(instance, document, sha256)
        except Unproven as error:
            return Unusable(why=f"its attestation does not verify: {_short(error)}", checkable=error.checkable)
        except InvalidBundle as error:
            return Unusable(why=f"its attestation is of a kind that cannot be checked here: {_short(error)}", checkable=False)
        except (Error, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            return Unusable(why=f"its attestation does not verify: {_short(error)}", checkable=True)
        except Exception as error:  # noqa: BLE001  # what strangers wrote may make the libraries raise anything; none of it is a proof
            return Unusable(why=f"its attestation cannot be judged here: {type(error).__name__} {_short(error)}", checkable=False)

    def _clients(self, instance: Instance, document: dict[str, Any], sha256: str) -> Proof:
        """What sigstore's client says; it takes no notice of timestamps that do not hold when another time source does."""
        from sigstore.hashes import Hashed
        from sigstore.models import Bundle
        from sigstore_models.common.v1 import HashAlgorithm

        bundle = Bundle.from_json(json.dumps(document))
        if not instance.logs:
            raise Unproven("it is in a log, and the trusted instance keeps none")
        verifier = self._verifier(instance)
        kind, payload = "", b""
        if "dsseEnvelope" in document:
            kind, payload = verifier.verify_dsse(bundle, _AnySigner())
        elif sha256:
            hashed = Hashed(algorithm=HashAlgorithm.SHA2_256, digest=bytes.fromhex(sha256))
            verifier.verify_artifact(hashed, bundle, _AnySigner())
        else:
            raise Unproven("it is a plain signature, which names no file and no source")
        data = bundle.verification_material.timestamp_verification_data
        raw = [response.as_bytes() for response in data.rfc3161_timestamps] if data else []
        within(bundle.signing_certificate, list(moments(raw, bundle.signature, instance)))
        return Proof(kind=kind, payload=payload, signer=signer_of(bundle.signing_certificate))

    def _verifier(self, instance: Instance) -> Verifier:
        from sigstore.verify import Verifier

        if id(instance) not in self._verifiers:
            self._verifiers[id(instance)] = Verifier(trusted_root=instance.root)
        return self._verifiers[id(instance)]

    def _ours(self, instance: Instance, document: dict[str, Any], sha256: str) -> Proof:
        from sigstore.models import InvalidBundle
        from sigstore_models.bundle.v1 import Bundle

        material = {"tlogEntries": [], **document["verificationMaterial"]}  # Go leaves empty lists out
        try:
            bundle = Bundle.from_json(json.dumps({**document, "verificationMaterial": material}))
        except ValueError as error:
            raise InvalidBundle(str(error)) from error
        content, certificate = verify(bundle, instance, key=self._key, sha256=sha256)
        signer = signer_of(certificate) if certificate else Signer(key=fingerprint(self._key))
        return Proof(kind=content.kind, payload=content.payload, signer=signer)


def _public_key(pem: str) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        return load_pem_public_key(pem.encode()) if pem else None
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ConfigurationError("the key is not a public key in PEM form", why=_short(error)) from error


def fingerprint(key: Any) -> str:
    """The sha256 of a public key (SubjectPublicKeyInfo), by which a signer is named who has no certificate."""
    return f"sha256:{hashlib.sha256(der(key)).hexdigest()}"


def lines_of(text: str) -> list[str]:
    """The bundles in a list of them, one a line; none where there are more than anybody honest writes."""
    if text.count("\n") > MOST_LISTED:
        return []
    return [line for line in map(str.strip, text.split("\n")) if line]


def _short(error: BaseException) -> str:
    """The gist of an error: of those that name a field in a second line and the reason in a third, all three."""
    lines = [line.strip() for line in str(error).strip().splitlines()[:3]]
    return printable("; ".join(lines or [type(error).__name__])[:300])


def _statement(payload: bytes, signer: Signer) -> Statement | Unusable:
    try:
        document = json.loads(payload)
        about = str(document["predicateType"])
        known = document["_type"] in STATEMENTS
        if not known or about not in _SOURCES:  # a statement of a kind that is not known here may be as good as any
            return Unusable(why=f"its attestation is about {printable(about[:200])}, not provenance", checkable=not known)
        digests = [(str(subject["name"]), dict(subject["digest"])) for subject in document["subject"]]
        commit, source = _SOURCES[about](document["predicate"])
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        return Unusable(why=f"its statement is malformed: {type(error).__name__} {_short(error)}", checkable=True)
    if any("sha256" not in digest for _, digest in digests):
        kinds = ", ".join(sorted({str(kind)[:40] for _, digest in digests for kind in digest}))
        return Unusable(why=f"its statement names files by {printable(kinds)}, not by sha256", checkable=False)
    subjects = {name: str(digest["sha256"]) for name, digest in digests}
    if not subjects or len(subjects) < len(digests):
        return Unusable(why="its statement names no file, or one twice", checkable=True)
    kept = None if about in PROVENANCES else document["predicate"]
    return Statement(subjects=subjects, predicate_type=about, commit=commit, signer=signer, source=source, predicate=kept)


def _built_from(predicate: Any) -> tuple[str, str]:
    source: Any = predicate["buildDefinition"]["resolvedDependencies"][0]
    return str(source["digest"].get("gitCommit", "")), str(source.get("uri", ""))


def _built_from_older(predicate: Any) -> tuple[str, str]:
    source: Any = predicate["materials"][0]
    return str(source["digest"].get("sha1", "")), str(source.get("uri", ""))


def _made_from(predicate: Any) -> tuple[str, str]:
    return str(predicate["source"].get("commit", "")), ""


# The source comes first in what npm, GitHub's action and slsa-github-generator write; a bill of materials names none.
_SOURCES: Final[Mapping[str, Callable[[Any], tuple[str | None, str]]]] = {
    PROVENANCE: _built_from,
    OLDER_PROVENANCE: _built_from_older,
    COLDFORGE: _made_from,
    CYCLONEDX: lambda _: (None, ""),
}


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
