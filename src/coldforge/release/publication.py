"""GitHub's own record of a repository's attestations: what is signed is put there too, and found there by the digest of a file.

Source: https://docs.github.com/rest/repos/attestations
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from coldforge.errors import ConfigurationError, Missing, RemoteFailed
from coldforge.host import files
from coldforge.records import ATTESTATIONS, BUNDLE_SUFFIX, MANIFEST, Manifest, read
from coldforge.release.api import GitHub, token_of_environment
from coldforge.release.attested import subjects_of
from coldforge.release.wire import AGAIN, Failure, retried
from coldforge.report import reporter

_SIDE_BY_SIDE: Final = 4
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


def publish(dist: Path, repository: str, *, api_url: str | None, token: str) -> int:
    """Put what `attestations.jsonl` holds into the repository's record, unless it is there: how many bundles were sent.

    Without the right to do that nothing is lost: they are assets of the release as well, so it is told, and no more.
    Raises RemoteFailed when GitHub does not answer in time.
    """
    github = GitHub(repository, api_url=api_url, token=token)
    bundles = [json.loads(line) for line in (dist / ATTESTATIONS).read_text(encoding="utf-8").splitlines()]
    try:
        with reporter().progress("publishing", len(bundles), "statements") as bar, ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:

            def one(bundle: Mapping[str, Any]) -> bool:
                sent = retried(lambda: _ensure(github, bundle), "publishing an attestation")
                bar.advance(1)
                return sent

            return sum(pool.map(one, bundles))
    except (Failure, Missing) as failure:
        hint = "It needs `permissions: { attestations: write }`, and a repository whose plan has attestations."
        reporter().warn(f"the attestations are not in GitHub's record, only among the files of the release: {failure}. {hint}")
        return 0


def _ensure(github: GitHub, bundle: Mapping[str, Any]) -> bool:
    """Send a bundle that is not there; an answer that was lost may be of one that is."""
    _, digest = min(subjects_of(json.dumps(bundle).encode()))
    if any(known.get("dsseEnvelope") == bundle["dsseEnvelope"] for known in github.attestations(digest)):
        return False
    github.attest(bundle)
    return True


def recorded(folder: Path, repository: str, *, api_url: str | None) -> dict[str, tuple[str, ...]]:
    """The bundles in the repository's record about the files of a folder, by name: for releases that have no attestations among them.

    Of a target whose artifacts are not there, the record is asked for the first one, by the digest that the manifest has of it: the
    statements about all artifacts of a target are about that one, too. Nothing is trusted for that: what comes back must be signed.

    Raises RemoteFailed when GitHub does not answer, or does not let us ask.
    """
    if (folder / ATTESTATIONS).exists():
        return {}
    github = GitHub(repository, api_url=api_url, token=token_of_environment())
    paths = [path for path in sorted(folder.iterdir()) if path.is_file() and not path.name.endswith(BUNDLE_SUFFIX)]

    def about(digest: str) -> tuple[str, ...]:
        return tuple(json.dumps(bundle) for bundle in github.attestations(digest))

    try:
        with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
            digests = {**_elsewhere(folder), **dict(zip((path.name for path in paths), pool.map(files.sha256, paths), strict=True))}
            return {name: found for name, found in zip(digests, pool.map(about, digests.values()), strict=True) if found}
    except Failure as failure:
        raise RemoteFailed("GitHub's record of attestations cannot be read", why=str(failure), hint=AGAIN) from failure


def _elsewhere(folder: Path) -> dict[str, str]:
    """The digest that the manifest in a folder has of one artifact of each target of which none is there, by name.

    It becomes part of an address, so what is no digest is left out.
    """
    try:
        targets = read(folder / MANIFEST, Manifest).targets
    except ConfigurationError:
        return {}
    absent = [
        target.artifacts[0] for target in targets if target.artifacts and not any((folder / a.name).exists() for a in target.artifacts)
    ]
    return {artifact.name: artifact.sha256 for artifact in absent if _SHA256.fullmatch(artifact.sha256)}
