"""The attest stage: re-hashes what the manifest lists, and signs a statement about each file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from coldforge.attest.signer import Signer, claims_of, find_token, trust
from coldforge.attest.statement import NO_INPUTS, Inputs, check_source, made_statement, sbom_statement, statement
from coldforge.errors import ConfigurationError, Problem, Refused
from coldforge.host import files
from coldforge.records import ATTESTATIONS, BUNDLE_SUFFIX, INDEX, MANIFEST, SBOM, SUMS, Manifest, Payload, TargetRecord, read, statements_of
from coldforge.report import reporter


def attest(
    dist: Path, *, identity_token: str | None = None, trust_config: Path | None = None, inputs: Inputs = NO_INPUTS
) -> tuple[Path, ...]:
    """Write `<file>.sigstore.json` for every released file, for every target those that are about all of its artifacts, and all of
    them as `attestations.jsonl`. The `inputs` of the workflow that they were made by are stated too.

    Bundles that are there and still right are kept, so a second run signs only what is missing.
    Raises Refused when a file is not what the manifest says, or was built from another commit or tag than
    the workflow runs for, Missing without an identity, RemoteFailed when sigstore does not answer in time.
    """
    manifest = read(dist / MANIFEST, Manifest)
    digests = released_digests(dist, manifest)
    token = find_token(identity_token)
    claims = claims_of(token)
    check_source(manifest, claims)
    if manifest.source.dirty:
        reporter().warn("the source had changes that are in no commit: the attestations say so, and nobody can build these files again")
    wanted = {name: statement(name, digest, manifest, claims, inputs) for name, digest in sorted(digests.items())}
    wanted |= {name: text for record in manifest.targets for name, text in _of_target(dist, manifest, record)}
    renew = None if identity_token else lambda: find_token(None)
    with Signer(token, trust(trust_config), renew=renew) as signer, reporter().progress("signing", len(wanted), "statements") as bar:

        def one(item: tuple[str, bytes]) -> Path:
            path = dist / f"{item[0]}{BUNDLE_SUFFIX}"
            if not (path.is_file() and signer.keeps(path.read_text(encoding="utf-8", errors="replace"), item[1])):
                files.write(path, signer.sign(item[1]).encode() + b"\n")
            bar.advance(1)
            return path

        names = iter(wanted.items())
        written = [one(next(names))]  # the first fetches the certificate that the others share
        with ThreadPoolExecutor(max_workers=4) as pool:
            written += pool.map(one, names)
    files.write(dist / ATTESTATIONS, b"".join(path.read_bytes().strip() + b"\n" for path in written))
    return tuple(written)


def _of_target(dist: Path, manifest: Manifest, record: TargetRecord) -> Iterator[tuple[str, bytes]]:
    """The statements about all artifacts of a target, by name. Raises Refused when its payload's index is not the recorded one."""
    payload = read(dist / record.target / INDEX, Payload)
    if payload.digest != record.payload_digest:
        why = f"{INDEX} lists files of the digest {payload.digest}, the manifest records {record.payload_digest}"
        raise Refused(f"the index of the payload of {record.target} is not that of its artifacts", why=why, hint="Build again.")
    bill = next((dist / artifact.path for artifact in record.artifacts if artifact.format == SBOM), None)
    texts = [made_statement(manifest, record, payload)]
    if bill is not None:
        texts.append(sbom_statement(record, json.loads(bill.read_bytes())))
    yield from zip(statements_of(record.target, [artifact.format for artifact in record.artifacts]), texts, strict=True)


def released_digests(dist: Path, manifest: Manifest) -> dict[str, str]:
    """The digests of all released files, computed now. Raises Refused when one is not what the manifest says."""
    if not manifest.artifacts:
        raise ConfigurationError(f"{dist / MANIFEST} lists no artifact", hint="Run `coldforge build` first.")
    paths = {artifact.name: dist / artifact.path for artifact in manifest.artifacts}
    missing = [path for path in (*paths.values(), dist / SUMS) if not path.is_file()]
    if missing:
        raise Refused("files of the manifest are missing", why="\n".join(map(str, missing)), hint="Build again, or fetch them.")
    with ThreadPoolExecutor() as pool:
        digests = dict(zip(paths, pool.map(files.sha256, paths.values()), strict=True))
    changed = [a.path for a in manifest.artifacts if digests[a.name] != a.sha256]
    if changed:
        problems = tuple(Problem(what=f"{path} is not the file that the manifest lists") for path in changed)
        raise Refused("files have changed since they were built", problems=problems, hint="Build again.")
    return {**digests, MANIFEST: files.sha256(dist / MANIFEST), SUMS: files.sha256(dist / SUMS)}
