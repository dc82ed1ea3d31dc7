"""Statements beside provenance: which ones a release must have, and whether they say what its manifest says."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from coldforge.predicate import COLDFORGE, CYCLONEDX, Predicate, differences, is_listed
from coldforge.records import SBOM, Artifact, Manifest, TargetRecord, all_statements
from coldforge.verify.evidence import Statement
from coldforge.verify.policy import Kind, Policy
from coldforge.verify.verdict import Word

KINDS: Final[Mapping[str, str]] = {"coldforge": COLDFORGE, "sbom": CYCLONEDX}
"""The kinds of statements beside provenance by the words that a policy has for them, with their predicate types."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Why a statement is not believed although its signature holds."""

    word: Word
    why: str
    expected: str = ""
    got: str = ""


def demanded(artifact: Artifact, manifest: Manifest, policy: Policy) -> tuple[str, ...]:
    """The kinds of statements that there must be of an artifact: what every release has, what this one shows to have, what is asked for."""
    bills = any(_has_bill(record) for record in manifest.targets if record.target == artifact.target)
    wanted = {"coldforge", *policy.predicates, *({SBOM} if bills else ())}
    return tuple(sorted(wanted if is_listed(artifact) else wanted - {SBOM}))


def had_by(manifest: Manifest) -> tuple[Kind, ...]:
    """The kinds of statements that there are of all artifacts of a release, as a policy demands them of the next one."""
    return ("coldforge", "sbom") if all(map(_has_bill, manifest.targets)) else ("coldforge",)


def kinds_by_name(manifest: Manifest) -> dict[str, str]:
    """The predicate types of the statements about whole targets, by the names that their bundles have."""
    return {name: KINDS[name.rpartition(".")[2]] for name in all_statements(manifest)}


def _has_bill(record: TargetRecord) -> bool:
    return any(artifact.format == SBOM for artifact in record.artifacts)


def fault(item: Statement, manifest: Manifest, bills: Mapping[str, Path]) -> Fault | None:
    """What is wrong with a statement beside provenance, compared with the manifest; None for nothing.

    `bills` are the files of the bills of materials, by target, that are what the manifest lists.
    """
    if item.predicate_type == COLDFORGE:
        return next(_against_manifest(item.predicate, manifest), None)
    targets = {artifact.target for artifact in manifest.artifacts if artifact.name in item.subjects}
    for target in targets & bills.keys():
        if not _holds(bills[target], item.predicate):
            return Fault(word="contradicted", why=f"its sbom statement holds another document than {bills[target].name}")
    return None


def _holds(path: Path, document: Any) -> bool:
    """Whether a file is a document, as JSON."""
    try:
        return bool(json.loads(path.read_bytes()) == document)
    except (ValueError, RecursionError):
        return False


def _against_manifest(predicate: Any, manifest: Manifest) -> Iterator[Fault]:
    try:
        said = msgspec.convert(predicate, Predicate)
    except msgspec.ValidationError as error:
        why = f"its coldforge statement is of a form that this version cannot read: {error}"
        yield Fault(word="uncheckable", why=why)
        return
    record = next((record for record in manifest.targets if record.target == said.target), None)
    if record is None:
        yield Fault(word="contradicted", why="its coldforge statement is about a target that the manifest does not have", got=said.target)
        return
    for field, expected, got in differences(said, manifest, record):
        yield Fault(word="contradicted", why=f"its coldforge statement and the manifest differ in `{field}`", expected=expected, got=got)
