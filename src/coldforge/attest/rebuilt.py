"""A rebuilder's statement: what came out for somebody else, from the recorded inputs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from coldforge.attest.signer import Signer, find_token, trust
from coldforge.attest.statement import in_toto
from coldforge.host import files
from coldforge.records import REBUILD_TYPE


def statement(subjects: Mapping[str, str], predicate: Mapping[str, Any]) -> bytes:
    """The statement about artifacts, by name with their sha256, as canonical JSON. The predicate: docs/reference/rebuild.md."""
    return in_toto(subjects, REBUILD_TYPE, predicate)


def sign(text: bytes, out: Path, *, identity_token: str | None, trust_config: Path | None) -> None:
    """Sign a statement, and write its bundle. Raises Missing without an identity, RemoteFailed when sigstore does not answer."""
    renew = None if identity_token else lambda: find_token(None)
    with Signer(find_token(identity_token), trust(trust_config), renew=renew) as signer:
        files.write(out, signer.sign(text).encode() + b"\n")
