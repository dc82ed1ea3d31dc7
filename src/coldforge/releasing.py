"""What `attest` and `release` do to a `dist/`, and what GitHub is asked before anything is built."""

from __future__ import annotations

import os
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coldforge.errors import Refused
from coldforge.host import files
from coldforge.records import MANIFEST, Manifest, Smoke, read
from coldforge.report import reporter
from coldforge.target import Target

if TYPE_CHECKING:
    from coldforge.plan.model import Plan
    from coldforge.release.draft import ReleaseRecord


def foresee_release(plan: Plan, project: Path, *, repo: str | None, tag: str | None, api_url: str | None) -> None:
    """Ask GitHub whether it would take the release, with a token that may only read. Raises Refused with what stands in the way."""
    from coldforge.release import preflight
    from coldforge.release.api import GitHub, token_of_environment
    from coldforge.release.wire import Failure

    repository, named = preflight.place_of(plan.source, repo=repo, tag=tag)
    github = GitHub(repository, api_url=api_url, token=token_of_environment())
    try:
        known = preflight.check(github, preflight.Question(plan=plan, project=project, tag=named, writes=False))
    except Failure as failure:
        raise failure.told() from failure
    for line in known:
        reporter().info(f"Release: {line}.")


def attest_release(
    dist: Path, *, identity_token: str | None, trust_config: Path | None, api_url: str | None, tried: bool = False, inputs: str = ""
) -> tuple[Path, ...]:
    """Sign statements about all released files; a job of GitHub's puts them into its repository's record as well.

    Needs an identity, and no secret besides it. Where all was to be `tried`, optional targets that were not are left out before.
    `inputs` are those of the workflow around it, as JSON.
    """
    from coldforge.attest.stage import attest
    from coldforge.attest.statement import inputs_of
    from coldforge.host.lock import exclusive

    read(dist / MANIFEST, Manifest)  # before a lock is left where nothing was built
    given = inputs_of(inputs or "{}")
    with exclusive(dist), reporter().step("attest"):
        if tried:
            _leave_out_untried(dist)
        written = attest(dist, identity_token=identity_token, trust_config=trust_config, inputs=given)
        if not identity_token:
            _publish_attestations(dist, api_url=api_url)
    reporter().info(f"{len(written)} attestations. Next: coldforge release {files.shown(dist)}")
    return written


def _leave_out_untried(dist: Path) -> None:
    """Leave optional targets out of which nothing was proven, nor told why not: what tried them failed.

    What is made of two other targets has no job of its own that tries it. Raises Refused for a required target.
    """
    from coldforge import recording

    optional = recording.optional(dist)
    silent = [record.target for record in read(dist / MANIFEST, Manifest).targets if record.smoke == Smoke()]
    silent = [target for target in silent if not Target.parse(target).halves]
    hint = "Look at what its smoke session says; run that again."
    if required := sorted({*silent} - optional):
        raise Refused(f"{', '.join(required)} was to be tried, and nothing tells how that ended", hint=hint)
    for target in silent:
        recording.leave_out(dist, target, Refused("it was to be tried, and nothing tells how that ended", hint=hint))


def _publish_attestations(dist: Path, *, api_url: str | None) -> None:
    """Put the attestations into the record of the repository whose job this is, if it is one that was given a token."""
    from coldforge.release.api import token_of_environment
    from coldforge.release.publication import publish

    repository, token = os.environ.get("GITHUB_REPOSITORY"), token_of_environment()
    if os.environ.get("GITHUB_ACTIONS") == "true" and repository and token:
        sent = publish(dist, repository, api_url=api_url, token=token)
        reporter().info(f"{sent} attestations are new in the record of {repository}.")


def make_release(dist: Path, *, api_url: str | None, **options: Any) -> ReleaseRecord:
    """Create or complete the draft release as the `options` of `Wanted` say: the only stage that writes to the releases API."""
    from coldforge.host.lock import exclusive
    from coldforge.release.draft import Wanted, release

    read(dist / MANIFEST, Manifest)
    wanted = Wanted(**options)
    with nullcontext() if wanted.dry_run else exclusive(dist), reporter().step("release"):
        record = release(dist, wanted, api_url=api_url)
    reporter().output("release-id", str(record.id))
    reporter().output("release-url", record.url)
    return record
