"""A sigstore instance on a loopback port: Fulcio, its certificate log, Rekor v1 and v2, and GitHub's OIDC issuer.

The unmodified client signs and verifies against it, online and offline. What makes it a fake: its keys are
made at the start, and it hands a token to anybody.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import parse_qs, urlsplit

import jwt
import rfc8785
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

GITHUB: Final = "https://github.com/"
ISSUER: Final = "https://token.actions.githubusercontent.com"
SCT_LIST: Final = ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
SHA256: Final = hashes.SHA256()
ECDSA: Final = ec.ECDSA(SHA256)
HOST: Final = "127.0.0.1"
Claims = Mapping[str, str]


def github_claims(
    repo: str = "acme/demo",
    *,
    ref: str = "refs/tags/v1.0.0",
    sha: str = "a" * 40,
    workflow: str = ".github/workflows/release.yml",
    signer: str = "",
    runner: str = "github-hosted",
    attempt: str = "1",
) -> dict[str, str]:
    """The claims of a job's token. `signer` is a reusable workflow, `owner/repo/path@ref`."""
    return {
        "iss": ISSUER,
        "sub": f"repo:{repo}:ref:{ref}",
        "repository": repo,
        "repository_owner": repo.partition("/")[0],
        "repository_id": "1001",
        "repository_owner_id": "2002",
        "repository_visibility": "public",
        "ref": ref,
        "sha": sha,
        "event_name": "push",
        "workflow": "release",
        "runner_environment": runner,
        "workflow_ref": f"{repo}/{workflow}@{ref}",
        "workflow_sha": sha,
        "job_workflow_ref": signer or f"{repo}/{workflow}@{ref}",
        "job_workflow_sha": sha,
        "run_id": "1234",
        "run_attempt": attempt,
    }


def mail_claims(address: str) -> dict[str, str]:
    """The claims of a person who signed in by e-mail."""
    return {"iss": "https://accounts.example.org", "sub": address, "email": address}


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _public(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _utf8(text: str) -> bytes:
    """A DER UTF8String of less than 256 bytes."""
    data = text.encode()
    return b"\x0c" + (bytes([len(data)]) if len(data) < 128 else bytes([0x81, len(data)])) + data


def _extensions(claims: Claims) -> Iterator[tuple[int, bytes]]:
    """Fulcio's extensions for a token (fulcio/docs/oid-info.md): 1 to 6 are raw text, the others DER."""
    if claims["iss"] != ISSUER:
        yield 1, claims["iss"].encode()
        yield 8, _utf8(claims["iss"])
        return
    raw = (claims["iss"], claims["event_name"], claims["sha"], claims["workflow"], claims["repository"], claims["ref"])
    yield from ((number, text.encode()) for number, text in enumerate(raw, start=1))
    run = f"{GITHUB}{claims['repository']}/actions/runs/{claims['run_id']}/attempts/{claims['run_attempt']}"
    encoded = (
        claims["iss"], GITHUB + claims["job_workflow_ref"], claims["job_workflow_sha"], claims["runner_environment"],
        GITHUB + claims["repository"], claims["sha"], claims["ref"], claims["repository_id"], GITHUB + claims["repository_owner"],
        claims["repository_owner_id"], GITHUB + claims["workflow_ref"], claims["workflow_sha"], claims["event_name"], run,
        claims["repository_visibility"],
    )  # fmt: skip
    yield from ((number, _utf8(text)) for number, text in enumerate(encoded, start=8))


class FakeSigstore:
    """Use it as a context manager; `url` is its address."""

    unavailable = "try again later"

    def __init__(self, claims: Claims | None = None) -> None:
        self.claims = claims or github_claims()
        self.requests: list[str] = []
        self.failures = 0
        """How many of the next signing requests are answered with 503."""
        self.lifetime = 600
        """Seconds until tokens and certificates expire."""
        self.timestamps: tuple[str, list[x509.Certificate]] | None = None
        """The address of a server of timestamps, and its certificate's chain: then it is Rekor v2 that signers are sent to."""
        self.checkout: Path | None = None
        """The repository whose commit the job's own token names; without it, that of the claims."""
        self.on_request: Callable[[str, str], None] = lambda _method, _path: None
        self._leaves: list[bytes] = [b"seed"]  # Go's JSON drops an index of 0, so the first real entry is 1
        self._lock = threading.Lock()
        self._ct, self._rekor, self._issuer = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
        self._start = dt.datetime.now(dt.UTC).replace(microsecond=0) - dt.timedelta(days=1)
        self._root_key, self._root = self._authority("root", None)
        self._key, self._authority_cert = self._authority("intermediate", (self._root_key, self._root))
        self._server = ThreadingHTTPServer((HOST, 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://{HOST}:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    # What tests and clients need to know

    def token(self, claims: Claims | None = None, audience: str = "sigstore") -> str:
        """A signed identity token, good for ten minutes unless `lifetime` says otherwise."""
        now = int(time.time())
        stated = {**(claims or self.claims), "aud": audience, "iat": now, "nbf": now - 5, "exp": now + self.lifetime}
        return jwt.encode(stated, self._issuer, algorithm="ES256")

    def job_environment(self) -> dict[str, str]:
        """The variables of a job with `id-token: write`."""
        return {
            "GITHUB_ACTIONS": "true",
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.url}/oidc/token?v=1",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "fake",
        }

    def _job_claims(self) -> Claims:
        if self.checkout is None:
            return self.claims
        words = ["git", "-C", str(self.checkout), "rev-parse", "HEAD"]
        commit = subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()
        return {**self.claims, "sha": commit, "workflow_sha": commit, "job_workflow_sha": commit}

    def trusted_root(self) -> dict[str, Any]:
        """The trust root as its file would be."""
        valid = {"start": self._start.strftime("%Y-%m-%dT%H:%M:%SZ")}

        def log(key: ec.EllipticCurvePrivateKey, url: str) -> dict[str, Any]:
            public = {"rawBytes": _base64(_public(key)), "keyDetails": "PKIX_ECDSA_P256_SHA_256", "validFor": valid}
            identifier = {"keyId": _base64(hashlib.sha256(_public(key)).digest())}
            return {"baseUrl": url, "hashAlgorithm": "SHA2_256", "publicKey": public, "logId": identifier}

        def authority(url: str, chain: list[x509.Certificate]) -> dict[str, Any]:
            certificates = [{"rawBytes": _base64(cert.public_bytes(Encoding.DER))} for cert in chain]
            subject = {"organization": "fake", "commonName": "fake"}
            return {"subject": subject, "uri": url, "certChain": {"certificates": certificates}, "validFor": valid}

        return {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [log(self._rekor, self.url)],
            "ctlogs": [log(self._ct, f"{self.url}/ct")],
            "certificateAuthorities": [authority(self.url, [self._authority_cert, self._root])],
            "timestampAuthorities": [authority(*self.timestamps)] if self.timestamps else [],
        }

    def trust_config(self) -> str:
        """The client's whole configuration of this instance."""
        valid = {"start": self._start.strftime("%Y-%m-%dT%H:%M:%SZ")}
        service = [{"url": self.url, "majorApiVersion": 1, "operator": "fake", "validFor": valid}]
        signing = {
            "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
            "caUrls": service,
            "oidcUrls": service,
            "rekorTlogUrls": [{**service[0], "majorApiVersion": 2 if self.timestamps else 1}],
            "rekorTlogConfig": {"selector": "ANY"},
            "tsaUrls": [{**service[0], "url": self.timestamps[0]}] if self.timestamps else [],
            "tsaConfig": {"selector": "ANY"},
        }
        media = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"
        return json.dumps({"mediaType": media, "trustedRoot": self.trusted_root(), "signingConfig": signing})

    # Certificates

    def _authority(
        self, name: str, parent: tuple[ec.EllipticCurvePrivateKey, x509.Certificate] | None
    ) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "sigstore.dev"), x509.NameAttribute(NameOID.COMMON_NAME, name)])
        signing, issuer = (parent[0], parent[1].subject) if parent else (key, subject)
        builder = self._certificate(subject, issuer, key.public_key(), self._start, self._start + dt.timedelta(days=3650))
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0 if parent else 1), critical=True)
        builder = builder.add_extension(_usage(signature=False), critical=True)
        builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), critical=False)
        if parent:
            builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
        return key, builder.sign(signing, SHA256)

    def _certificate(
        self, subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, start: dt.datetime, end: dt.datetime
    ) -> x509.CertificateBuilder:
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(start).not_valid_after(end)
        return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)

    def _issue(self, key: ec.EllipticCurvePublicKey, claims: Claims) -> x509.Certificate:
        """A short-lived certificate for the identity of a token, with the log's promise in it."""
        now = dt.datetime.now(dt.UTC).replace(microsecond=0)
        builder = self._certificate(x509.Name([]), self._authority_cert.subject, key, now, now + dt.timedelta(seconds=self.lifetime))
        builder = builder.add_extension(_usage(signature=True), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
        builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        workflow = claims["iss"] == ISSUER
        name: x509.GeneralName = (
            x509.UniformResourceIdentifier(GITHUB + claims["job_workflow_ref"]) if workflow else x509.RFC822Name(claims["email"])
        )
        builder = builder.add_extension(x509.SubjectAlternativeName([name]), critical=True)
        for number, value in _extensions(claims):
            extension = x509.UnrecognizedExtension(ObjectIdentifier(f"1.3.6.1.4.1.57264.1.{number}"), value)
            builder = builder.add_extension(extension, critical=False)
        return builder.add_extension(self._promise(builder), critical=False).sign(self._key, SHA256)

    def _promise(self, builder: x509.CertificateBuilder) -> x509.UnrecognizedExtension:
        """The list with one signed certificate timestamp over the certificate without it (RFC 6962, 3.2 and 3.3)."""
        body = builder.sign(self._key, SHA256).tbs_certificate_bytes
        moment = int(time.time() * 1000)
        issuer = hashlib.sha256(_public(self._key)).digest()
        signed = struct.pack("!BBQH", 0, 0, moment, 1) + issuer + struct.pack("!I", len(body))[1:] + body + b"\0\0"
        signature = self._ct.sign(signed, ECDSA)
        log = hashlib.sha256(_public(self._ct)).digest()
        timestamp = b"\0" + log + struct.pack("!QH", moment, 0) + b"\4\3" + struct.pack("!H", len(signature)) + signature
        listed = struct.pack("!HH", len(timestamp) + 2, len(timestamp)) + timestamp
        return x509.UnrecognizedExtension(SCT_LIST, b"\4" + bytes([len(listed)]) + listed)

    # The transparency log

    def _log(self, proposed: dict[str, Any]) -> dict[str, Any]:
        """Append an entry; Rekor v1 replaces a DSSE envelope by its hashes."""
        if proposed["kind"] == "dsse":
            proposed = _hashed(proposed["spec"]["proposedContent"])
        body = rfc8785.dumps(proposed)
        identifier = hashlib.sha256(_public(self._rekor)).digest()
        index, size, path, root, checkpoint = self._included(body, f"{HOST} - 1")
        entry: dict[str, Any] = {"body": _base64(body), "integratedTime": int(time.time()), "logID": identifier.hex(), "logIndex": index}
        proof = {
            "checkpoint": checkpoint,
            "hashes": [node.hex() for node in path],
            "logIndex": index,
            "rootHash": root.hex(),
            "treeSize": size,
        }
        promised = _base64(self._rekor.sign(rfc8785.dumps(entry), ECDSA))
        return {f"{index:080x}": {**entry, "verification": {"signedEntryTimestamp": promised, "inclusionProof": proof}}}

    def _log_2(self, request: dict[str, Any]) -> dict[str, Any]:
        """Append an entry as Rekor v2 does: it promises nothing, and tells no time."""
        asked = request["hashedRekordRequestV002"]
        data = {"algorithm": "SHA2_256", "digest": asked["digest"]}
        spec = {"hashedRekordV002": {"data": data, "signature": asked["signature"]}}
        body = rfc8785.dumps({"apiVersion": "0.0.2", "kind": "hashedrekord", "spec": spec})
        index, size, path, root, checkpoint = self._included(body, HOST)
        proof = {
            "checkpoint": {"envelope": checkpoint},
            "hashes": [_base64(node) for node in path],
            "logIndex": str(index),
            "rootHash": _base64(root),
            "treeSize": str(size),
        }
        return {
            "logIndex": str(index),
            "logId": {"keyId": _base64(hashlib.sha256(_public(self._rekor)).digest())},
            "kindVersion": {"kind": "hashedrekord", "version": "0.0.2"},
            "canonicalizedBody": _base64(body),
            "inclusionProof": proof,
        }

    def _included(self, body: bytes, origin: str) -> tuple[int, int, list[bytes], bytes, str]:
        """Append a leaf: its index, the size, path and root of the tree with it, and the signed checkpoint of that."""
        with self._lock:
            index = len(self._leaves)
            self._leaves.append(body)
            path, root, size = _path(index, self._leaves), _tree(self._leaves), len(self._leaves)
        note = f"{origin}\n{size}\n{_base64(root)}\n"
        identifier = hashlib.sha256(_public(self._rekor)).digest()
        signature = _base64(identifier[:4] + self._rekor.sign(note.encode(), ECDSA))
        return index, size, path, root, f"{note}\n\u2014 {HOST} {signature}\n"

    # HTTP

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # 44 ms a request otherwise

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
                del format, args

            def do_GET(self) -> None:
                self._answer(b"")

            def do_POST(self) -> None:
                self._answer(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

            def _answer(self, body: bytes) -> None:
                try:
                    status, document = fake.route(self.command, self.path, self.headers.get("Authorization", ""), body)
                except (KeyError, ValueError, jwt.InvalidTokenError) as error:
                    status, document = 400, {"code": 400, "message": f"{type(error).__name__}: {error}"}
                data = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                if status == 201:  # of v1
                    self.send_header("ETag", next(iter(document)))  # Rekor's client in Go finds the entry by it
                self.end_headers()
                self.wfile.write(data)

        return Handler

    def route(self, method: str, path: str, authorization: str, body: bytes) -> tuple[int, dict[str, Any]]:
        """Status and document for one request."""
        url = urlsplit(path)
        self.requests.append(f"{method} {url.path}")
        self.on_request(*self.requests[-1].split(" ", 1))
        if (method, url.path) == ("GET", "/oidc/token"):
            return 200, {"value": self.token(self._job_claims(), audience=parse_qs(url.query)["audience"][0])}
        if method == "POST" and self.failures > 0:
            self.failures -= 1
            return 503, {"code": 503, "message": self.unavailable}
        if (method, url.path) == ("POST", "/api/v2/signingCert"):
            return 200, self._signing_certificate(json.loads(body), authorization)
        if (method, url.path) == ("POST", "/api/v1/log/entries"):
            return 201, self._log(json.loads(body))
        if (method, url.path) == ("POST", "/api/v2/log/entries"):
            return 201, self._log_2(json.loads(body))
        return 404, {"code": 404, "message": "not found"}

    def _signing_certificate(self, request: dict[str, Any], authorization: str) -> dict[str, Any]:
        token = authorization.removeprefix("Bearer ") or request["credentials"]["oidcIdentityToken"]
        claims = jwt.decode(token, self._issuer.public_key(), algorithms=["ES256"], audience="sigstore")
        if "certificateSigningRequest" in request:
            asked = x509.load_pem_x509_csr(base64.b64decode(request["certificateSigningRequest"])).public_key()
        else:  # cosign sends the bare key
            asked = load_pem_public_key(request["publicKeyRequest"]["publicKey"]["content"].encode())  # type: ignore[assignment]
        if not isinstance(asked, ec.EllipticCurvePublicKey):
            raise TypeError("an elliptic-curve key is expected")
        chain = [self._issue(asked, claims), self._authority_cert, self._root]
        texts = [cert.public_bytes(Encoding.PEM).decode() for cert in chain]
        return {"signedCertificateEmbeddedSct": {"chain": {"certificates": texts}}}


def _usage(*, signature: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=not signature,
        crl_sign=not signature,
        encipher_only=False,
        decipher_only=False,
    )


def _hashed(content: dict[str, Any]) -> dict[str, Any]:
    """Rekor's own form of a DSSE entry."""
    envelope = json.loads(content["envelope"])
    digests = (hashlib.sha256(content["envelope"].encode()), hashlib.sha256(base64.b64decode(envelope["payload"])))
    spec = {
        "envelopeHash": {"algorithm": "sha256", "value": digests[0].hexdigest()},
        "payloadHash": {"algorithm": "sha256", "value": digests[1].hexdigest()},
        "signatures": [{"signature": item["sig"], "verifier": content["verifiers"][0]} for item in envelope["signatures"]],
    }
    return {"apiVersion": "0.0.1", "kind": "dsse", "spec": spec}


def _half(count: int) -> int:
    """The largest power of two below `count`."""
    return 1 << ((count - 1).bit_length() - 1)


def _tree(leaves: list[bytes]) -> bytes:
    """The Merkle tree hash (RFC 6962, 2.1)."""
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    middle = _half(len(leaves))
    return hashlib.sha256(b"\1" + _tree(leaves[:middle]) + _tree(leaves[middle:])).digest()


def _path(index: int, leaves: list[bytes]) -> list[bytes]:
    """The audit path of a leaf (RFC 6962, 2.1.1)."""
    if len(leaves) == 1:
        return []
    middle = _half(len(leaves))
    if index < middle:
        return [*_path(index, leaves[:middle]), _tree(leaves[middle:])]
    return [*_path(index - middle, leaves[middle:]), _tree(leaves[:middle])]
