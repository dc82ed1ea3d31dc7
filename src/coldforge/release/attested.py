"""Whether what is to be released has its attestations, and whether they are about these bytes: signatures are checked by `verify`."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from coldforge.errors import Problem
from coldforge.records import ATTESTATIONS, BUNDLE_SUFFIX

Subject = tuple[str, str]


class _Subject(msgspec.Struct):
    name: str = ""
    digest: dict[str, str] = {}


class _Statement(msgspec.Struct):
    subject: list[_Subject]


class _Envelope(msgspec.Struct):
    payload: str


class _Bundle(msgspec.Struct, rename="camel"):
    dsse_envelope: _Envelope


def unattested(dist: Path, digests: Mapping[str, str], together: Sequence[str]) -> tuple[Problem, ...]:
    """What lacks for anybody to verify the files of `digests` (sha256 by name): bundles that are absent, or about other bytes.

    `together` are the names of statements about several of them.
    """
    absent = [Problem(what=f"{name}{BUNDLE_SUFFIX} is not there") for name in together if not (dist / f"{name}{BUNDLE_SUFFIX}").is_file()]
    alone = [_lack(dist / f"{name}{BUNDLE_SUFFIX}", {name: digest}) for name, digest in digests.items()]
    return tuple(problem for problems in (absent, *alone, _lack(dist / ATTESTATIONS, digests)) for problem in problems)


def _lack(evidence: Path, digests: Mapping[str, str]) -> list[Problem]:
    if not evidence.is_file():
        return [Problem(what=f"{evidence.name} is not there")]
    proven = subjects(evidence)
    return [
        Problem(what=f"{evidence.name} is not about {name} as it is here")
        for name, digest in digests.items()
        if (name, digest) not in proven
    ]


def subjects(evidence: Path) -> frozenset[Subject]:
    """Names and sha256 of all that a bundle is about, or the bundles in a file of one a line."""
    data = evidence.read_bytes()
    return frozenset().union(*map(subjects_of, data.splitlines() if evidence.suffix == ".jsonl" else [data]))


def subjects_of(bundle: bytes) -> frozenset[Subject]:
    """What one sigstore bundle is about; nothing when it is none."""
    try:
        payload = base64.b64decode(msgspec.json.decode(bundle, type=_Bundle).dsse_envelope.payload)
        statement = msgspec.json.decode(payload, type=_Statement)
    except ValueError:  # msgspec's and base64's own errors are such
        return frozenset()
    return frozenset((subject.name, subject.digest.get("sha256", "")) for subject in statement.subject)
