"""Rebuilders for tests: their statements about a release, signed with a certificate of the loopback sigstore, or with a bare key."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from coldforge.attest import rebuilt
from coldforge.rebuild.verdict import Rebuild, Row, worst
from coldforge.records import MANIFEST, Manifest, plain, read
from support.fake_sigstore import ECDSA, Claims, FakeSigstore

INTOTO = "application/vnd.in-toto+json"


def said(dist: Path, *, differs: str = "", commit: str = "") -> bytes:
    """The statement of somebody who rebuilt a release and got other bytes for the artifact `differs`."""
    manifest = read(dist / MANIFEST, Manifest)
    rows = tuple(
        Row(
            name=artifact.name,
            target=artifact.target,
            word="differs" if artifact.name == differs else "identical",
            recorded=artifact.sha256,
            rebuilt="0" * 64 if artifact.name == differs else artifact.sha256,
        )
        for artifact in manifest.artifacts
    )
    found = Rebuild(
        product=manifest.product,
        version=manifest.version,
        commit=commit or manifest.source.commit,
        coldforge=manifest.coldforge,
        word=worst(rows),
        rows=rows,
    )
    return rebuilt.statement({row.name: row.recorded for row in rows}, plain(found))


def sign(statement: bytes, out: Path, sigstore: FakeSigstore, trust: Path, claims: Claims | None = None) -> Path:
    """The bundle of a statement, as `coldforge rebuild --attest` writes it."""
    rebuilt.sign(statement, out, identity_token=sigstore.token(claims), trust_config=trust)
    return out


def sign_with_key(statement: bytes, out: Path, sigstore: FakeSigstore) -> str:
    """The bundle of a statement that a bare key signed, as `cosign attest-blob --key` writes it; the public key in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    signature = key.sign(b" ".join([b"DSSEv1", str(len(INTOTO)).encode(), INTOTO.encode(), str(len(statement)).encode(), statement]), ECDSA)
    signed = {"payload": _text(statement), "payloadType": INTOTO, "signatures": [{"sig": _text(signature)}]}
    proposed = {"envelope": json.dumps(signed), "verifiers": [_text(public.encode())]}
    asked = {"kind": "dsse", "apiVersion": "0.0.1", "spec": {"proposedContent": proposed}}
    _, logged = sigstore.route("POST", "/api/v1/log/entries", "", json.dumps(asked).encode())
    (entry,) = logged.values()
    proof = entry["verification"]["inclusionProof"]
    line = {
        "logIndex": str(entry["logIndex"]),
        "logId": {"keyId": _text(bytes.fromhex(entry["logID"]))},
        "kindVersion": {"kind": "dsse", "version": "0.0.1"},
        "integratedTime": str(entry["integratedTime"]),
        "inclusionPromise": {"signedEntryTimestamp": entry["verification"]["signedEntryTimestamp"]},
        "inclusionProof": {
            "logIndex": str(proof["logIndex"]),
            "rootHash": _text(bytes.fromhex(proof["rootHash"])),
            "treeSize": str(proof["treeSize"]),
            "hashes": [_text(bytes.fromhex(node)) for node in proof["hashes"]],
            "checkpoint": {"envelope": proof["checkpoint"]},
        },
        "canonicalizedBody": entry["body"],
    }
    material = {"publicKey": {"hint": "rebuilder"}, "tlogEntries": [line]}
    media = "application/vnd.dev.sigstore.bundle.v0.3+json"
    out.write_text(json.dumps({"mediaType": media, "verificationMaterial": material, "dsseEnvelope": signed}))
    return public


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
