"""What a bundle may look like: all that the public suite has, keys, timestamps alone, several roots; and nothing that was changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coldforge.errors import ConfigurationError
from coldforge.verify.beyond import MOST, is_beyond
from coldforge.verify.evidence import Evidence, Proof, Unusable, load_roots
from support.conformance import Vector, evidence, names, vector
from support.tampering import changes, says_nothing

INTOTO, KEY, SECOND = "intoto-with-custom-trust-root", "managed-key-happy-path", "rekor2-dsse-happy-path"


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("roots")


def accepts(case: Vector, place: Path) -> bool:
    """What a user gets to hear: the bundle holds, is about the file, and is by whom it must be."""
    try:
        proof = evidence(case, place).prove(case.bundle, sha256=case.digest)
    except ConfigurationError:  # the trust root, or the key, is no such thing
        return False
    if isinstance(proof, Unusable):
        return False
    if proof.kind and case.digest not in (subject["digest"]["sha256"] for subject in json.loads(proof.payload)["subject"]):
        return False
    return bool(case.key) or (proof.signer.identity, proof.signer.issuer) == (case.identity, case.issuer)


def test_the_suite_is_whole() -> None:
    assert len(names()) == 70


@pytest.mark.parametrize("name", names())
def test_the_public_suite_is_decided_as_it_says(name: str, place: Path) -> None:
    assert accepts(vector(name), place) is vector(name).good


def prove(name: str, place: Path, *, change: Callable[[Any], object] = lambda _: None, **root: Any) -> Proof | Unusable:
    """What is said of a case's bundle after a change, against its trust root with other fields."""
    case = vector(name)
    document = case.document()
    change(document)
    path = place / "root.json"
    path.write_text(json.dumps({**json.loads(case.root), **root}) if case.root else "")
    trusted = load_roots(path) if case.root else load_roots(None)
    return Evidence(trusted, key=case.key).prove(json.dumps(document), sha256=case.digest)


def without_log(document: Any) -> None:
    del document["verificationMaterial"]["tlogEntries"]


def test_an_instance_without_a_log_is_believed_by_its_timestamps(tmp_path: Path) -> None:
    assert isinstance(prove(SECOND, tmp_path, change=without_log, tlogs=[]), Proof)


def test_an_instance_with_a_log_is_not_believed_without_it(tmp_path: Path) -> None:
    found = prove(SECOND, tmp_path, change=without_log)
    assert isinstance(found, Unusable)
    assert (found.checkable, "transparency log" in found.why) == (False, True)


def test_without_log_and_timestamps_nothing_says_when(tmp_path: Path) -> None:
    def bare(document: Any) -> None:
        without_log(document)
        del document["verificationMaterial"]["timestampVerificationData"]

    found = prove(SECOND, tmp_path, change=bare, tlogs=[])
    assert isinstance(found, Unusable)
    assert found.why.endswith("nothing that can be trusted says when it was signed")


def material(document: Any) -> Any:
    return document["verificationMaterial"]


def stamps(document: Any) -> list[Any]:
    found: list[Any] = material(document)["timestampVerificationData"]["rfc3161Timestamps"]
    return found


def stamp_of(name: str) -> Any:
    return stamps(vector(name).document())[0]


CHANGES: dict[str, tuple[str, Callable[[Any], object]]] = {
    "a second timestamp, of another signature": (SECOND, lambda d: stamps(d).append(stamp_of("rekor2-happy-path"))),
    "a second timestamp, by a stranger": (INTOTO, lambda d: stamps(d).append(stamp_of("rekor2-happy-path"))),
    "a timestamp twice": (INTOTO, lambda d: stamps(d).extend(stamps(d))),
    "a timestamp that is none": (INTOTO, lambda d: stamps(d).append({"signedTimestamp": "AAAA"})),
    "a log entry that is another's": (INTOTO, lambda d: material(d).update(tlogEntries=material(vector(SECOND).document())["tlogEntries"])),
    "a second log entry, about another signature": (
        INTOTO,
        lambda d: material(d)["tlogEntries"].extend(material(vector("happy-path-v0.2").document())["tlogEntries"]),
    ),
    "a flood of log entries": (INTOTO, lambda d: material(d).update(tlogEntries=material(d)["tlogEntries"] * (MOST + 1))),
    "another certificate": (
        INTOTO,
        lambda d: material(d).update(x509CertificateChain=material(vector("happy-path-v0.2").document())["x509CertificateChain"]),
    ),
    "no signature": (INTOTO, lambda d: d["dsseEnvelope"].update(signatures=[])),
    "two signatures": (INTOTO, lambda d: d["dsseEnvelope"].update(signatures=d["dsseEnvelope"]["signatures"] * 2)),
    "another type of payload": (INTOTO, lambda d: d["dsseEnvelope"].update(payloadType="text/plain")),
    "an entry of another kind": (INTOTO, lambda d: material(d)["tlogEntries"][0]["kindVersion"].update(version="0.0.1")),
}


@pytest.mark.parametrize("name", CHANGES)
def test_everything_that_is_there_must_hold(name: str, tmp_path: Path) -> None:
    case, change = CHANGES[name]
    assert isinstance(prove(case, tmp_path), Proof)
    assert isinstance(prove(case, tmp_path, change=change), Unusable)


def test_an_unknown_kind_of_entry_is_not_called_forged(tmp_path: Path) -> None:
    found = prove(INTOTO, tmp_path, change=CHANGES["an entry of another kind"][1])
    assert isinstance(found, Unusable)
    assert (found.checkable, "unknown kind intoto/0.0.1" in found.why) == (False, True)


def test_an_entry_may_be_there_twice(tmp_path: Path) -> None:
    def twice(document: Any) -> None:
        material(document)["tlogEntries"] *= 2

    assert isinstance(prove(INTOTO, tmp_path, change=twice), Proof)


@pytest.mark.parametrize(("name", "fields"), [(INTOTO, {}), (KEY, {}), (SECOND, {"tlogs": []})], ids=["intoto", "key", "no log"])
def test_every_region_counts(name: str, fields: dict[str, Any], tmp_path: Path) -> None:
    case = vector(name)
    path = tmp_path / "root.json"
    path.write_text(json.dumps({**json.loads(case.root), **fields}) if case.root else "")
    judge = Evidence(load_roots(path if case.root else None), key=case.key)
    document = case.document()
    if fields:
        without_log(document)
    assert is_beyond(document)
    assert isinstance(judge.prove(json.dumps(document), sha256=case.digest), Proof)
    tried, accepted = 0, []
    for trail, whole, changed in changes(document):
        tried += 1
        proof = judge.prove(json.dumps(document), sha256=case.digest)
        if isinstance(proof, Proof) and not says_nothing(trail, whole, changed):
            accepted.append((trail, changed))
    assert tried > 100
    assert accepted == []


def test_one_of_several_roots_is_enough(tmp_path: Path) -> None:
    path = tmp_path / "trusted_root.jsonl"
    lines = [json.dumps(json.loads(vector(name).root)) for name in (SECOND, INTOTO)]
    path.write_text("\n".join(lines) + "\n")
    both = load_roots(path)
    assert len(both) == 2
    for name in (SECOND, INTOTO):
        assert isinstance(Evidence(both).prove(vector(name).bundle), Proof)
    found = Evidence(both).prove(vector("dsse-invalid-sig_fail").bundle)
    assert isinstance(found, Unusable)
    assert found.checkable


def test_a_bundle_with_a_key_needs_the_key(tmp_path: Path) -> None:
    found = Evidence(load_roots(None)).prove(vector(KEY).bundle, sha256=vector(KEY).digest)
    assert isinstance(found, Unusable)
    assert (found.checkable, "none was given" in found.why) == (False, True)


def test_a_key_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="not a public key"):
        Evidence((), key="-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----\n")


@pytest.mark.parametrize("text", ["3", "[]", "null", '{"verificationMaterial": 3}', '{"verificationMaterial": {"tlogEntries": [3]}}'])
def test_what_is_no_bundle_proves_nothing(text: str) -> None:
    assert isinstance(Evidence(load_roots(None)).prove(text), Unusable)


@pytest.mark.parametrize("name", [INTOTO, "happy-path-v0.2"])
def test_a_time_beyond_all_calendars_is_no_proof(name: str, tmp_path: Path) -> None:
    def far(document: Any) -> None:
        material(document)["tlogEntries"][0]["integratedTime"] = str(2**63)

    assert isinstance(prove(name, tmp_path, change=far), Unusable)


def test_what_the_libraries_cannot_bear_is_no_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    def burst(*_: object) -> None:
        raise ArithmeticError("no library promises which errors it raises")

    monkeypatch.setattr("coldforge.verify.evidence.moments", burst)
    found = Evidence(load_roots(None)).prove(vector("happy-path-v0.3").bundle, sha256=vector("happy-path-v0.3").digest)
    assert isinstance(found, Unusable)
    assert (found.checkable, "ArithmeticError" in found.why) == (False, True)
