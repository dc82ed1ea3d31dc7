"""A rebuilder's statement: that somebody else, from the recorded inputs, arrived at the same bytes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from coldforge.attest.signer import Signer, find_token, trust
from coldforge.attest.statement import STATEMENT
from coldforge.host import files
from coldforge.records import canonical

REBUILD: Final = "https://github.com/coldforge/coldforge/rebuild/v1"


def statement(subjects: Mapping[str, str], predicate: Mapping[str, Any]) -> bytes:
    """The statement about artifacts, by name with their sha256, as canonical JSON. `predicate` is documented in docs/how-to/rebuild.md."""
    named = [{"name": name, "digest": {"sha256": digest}} for name, digest in sorted(subjects.items())]
    return canonical({"_type": STATEMENT, "subject": named, "predicateType": REBUILD, "predicate": predicate}).rstrip(b"\n")


def sign(text: bytes, out: Path, *, identity_token: str | None, trust_config: Path | None) -> None:
    """Sign a statement, and write its bundle. Raises Missing without an identity, RemoteFailed when sigstore does not answer."""
    renew = None if identity_token else lambda: find_token(None)
    with Signer(find_token(identity_token), trust(trust_config), renew=renew) as signer:
        files.write(out, signer.sign(text).encode() + b"\n")
