"""The release stage: exactly one draft for the tag, exactly the planned files in it, whatever happened before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from coldforge.errors import Missing, Refused, RemoteFailed
from coldforge.host import files
from coldforge.records import Record, canonical
from coldforge.release import notes as texts
from coldforge.release.api import Asset, GitHub, Release, token_of_environment
from coldforge.release.goal import Goal, make_goal
from coldforge.release.reconcile import Compare, Keep, Upload, one_draft, reconcile
from coldforge.release.upload import await_complete, upload_all
from coldforge.release.wire import AGAIN, TRIES, Failure, pause
from coldforge.report import reporter


class ReleasedAsset(Record, frozen=True, kw_only=True):
    """One file as the server has it."""

    id: int
    name: str
    size: int
    digest: str


class ReleaseRecord(Record, frozen=True, kw_only=True):
    """What `dist/release.json` says: ids and digests of the release on the server."""

    repository: str
    tag: str
    id: int
    url: str
    draft: bool
    assets: tuple[ReleasedAsset, ...] = ()


def release(
    dist: Path,
    *,
    repo: str | None = None,
    tag: str | None = None,
    publish: bool = False,
    dry_run: bool = False,
    api_url: str | None = None,
    notes: Path | None = None,
) -> ReleaseRecord:
    """Create or complete the draft release of what `dist` holds; publish it only when asked to.

    Raises Refused when a local file is not what the manifest says, when the tag names another commit, when the
    release is published already with other files, or several drafts compete; Missing without rights;
    RemoteFailed after retries.
    """
    goal = make_goal(dist, repo=repo, tag=tag, notes=notes)
    token = token_of_environment()
    if not token:
        raise Missing("there is no token to release with", hint="Set GITHUB_TOKEN; it needs `contents: write`.")
    github = GitHub(goal.repository, api_url=api_url, token=token)
    try:
        record = _converge(github, goal, publish=publish, dry_run=dry_run)
    except Failure as failure:
        raise RemoteFailed("GitHub refused a request", why=str(failure), hint=AGAIN) from failure
    if not dry_run:
        files.write(dist / "release.json", canonical(record))
    return record


def _converge(github: GitHub, goal: Goal, *, publish: bool, dry_run: bool) -> ReleaseRecord:
    _check_tag(github, goal)
    found = _find(github, goal, tidy=not dry_run)
    if found is not None and not found.draft:
        return _already_published(github, goal, found)
    if dry_run:
        return _show(github, goal, found)
    draft = found or _create(github, goal)
    upload_all(github, draft, goal)
    await_complete(github, draft, goal)
    _find(github, goal, tidy=True)  # once more: a draft whose creation was not answered may have come to light since
    draft = _complete(github, draft, goal, publish=publish)
    reporter().info(f"{'Draft' if draft.draft else 'Published'}: {draft.html_url}")
    return _record(goal, draft, github.assets(draft.id))


def _check_tag(github: GitHub, goal: Goal) -> None:
    """GitHub ignores the commit that a release names when the tag is there already."""
    built, tagged = goal.manifest.source.commit, github.commit_of(goal.tag)
    if built and tagged and built != tagged:
        why = f"the tag names {tagged[:12]}, the files were built from {built[:12]}"
        raise Refused(f"{goal.tag} is another commit", why=why, hint="Build from the tag, or release under a new one.")


def _find(github: GitHub, goal: Goal, *, tidy: bool) -> Release | None:
    """The release of the tag: a published one, else the one draft. A failed look-up is never read as `there is none`."""
    listed = list(github.releases())
    published = next((item for item in listed if not item.draft and item.tag_name == goal.tag), None) or github.published(goal.tag)
    if published:
        return published
    drafts = [item for item in listed if item.draft and _is_ours(item, goal)]
    chosen, spare = one_draft(drafts, tag=goal.tag, ours=goal.state()["body"])
    for draft in spare if tidy else ():
        reporter().info(f"draft {draft.id} is empty and one too many; it is deleted.")
        github.delete_release(draft.id)
    return chosen


def _is_ours(draft: Release, goal: Goal) -> bool:
    """Drafts lose their tag in an incomplete PATCH (release-drafter#204); the block in the text still names it."""
    lost = draft.tag_name.startswith("untagged-") and texts.is_about(draft.text, repository=goal.repository, tag=goal.tag)
    return draft.tag_name == goal.tag or lost


def _create(github: GitHub, goal: Goal) -> Release:
    """Create the draft. An answer that was lost may have landed: look before asking again."""
    for attempt in range(1, TRIES + 1):
        try:
            return github.create(goal.state())
        except Failure as failure:
            if not failure.passing:
                raise
            pause(attempt, "creating the draft", failure)
        found = _find(github, goal, tidy=True)
        if found is not None:
            return found
    raise AssertionError  # pause() raises on the last attempt


def _complete(github: GitHub, draft: Release, goal: Goal, *, publish: bool) -> Release:
    """Bring name, tag and text to what they must be, and publish when asked to; each change is confirmed by the server."""
    latest = {"draft": False, "make_latest": _latest(github, goal)} if publish else {}
    for attempt in range(1, TRIES + 1):
        now = github.release(draft.id)
        wanted = {**goal.state(now), **latest}
        if not now.draft or _holds(now, wanted):
            return now
        try:
            now = github.update(now.id, wanted)
        except Failure as failure:
            if not failure.passing:
                raise
            pause(attempt, "completing the draft", failure)
        else:
            if _holds(now, wanted):
                return now
            pause(attempt, "completing the draft", f"GitHub made it {now.tag_name!r}, {'a draft' if now.draft else 'published'}")
    raise AssertionError  # pause() raises on the last attempt


def _holds(now: Release, wanted: Mapping[str, Any]) -> bool:
    return (now.text, now.name, now.tag_name, now.draft) == (wanted["body"], wanted["name"], wanted["tag_name"], wanted["draft"])


def _latest(github: GitHub, goal: Goal) -> str:
    """`true` only when no published final release has a higher version: a backport must not become the latest."""
    from packaging.version import InvalidVersion, Version

    def version(text: str) -> Version:
        try:
            return Version(text.rpartition("/")[2])
        except InvalidVersion:
            return Version("0")

    mine = version(goal.manifest.version)
    others = [version(item.tag_name) for item in github.releases() if not item.draft and not item.prerelease]
    return "false" if mine.is_prerelease or any(other > mine for other in others) else "true"


def _already_published(github: GitHub, goal: Goal, found: Release) -> ReleaseRecord:
    """A published release is never changed; that it is complete already is success."""
    present = github.assets(found.id)
    digests = {asset.name: asset.digest for asset in present}
    firm = [file for file in goal.planned if file.name not in goal.replaceable]
    if all(digests.get(file.name) == f"sha256:{file.sha256}" for file in firm):
        reporter().info(f"{goal.tag} is published already, with exactly these files: {found.html_url}")
        return _record(goal, found, present)
    hint = "People may have downloaded it. Raise the version and release that."
    raise Refused(f"{goal.tag} is published already, with other files", why=found.html_url, hint=hint)


def _show(github: GitHub, goal: Goal, found: Release | None) -> ReleaseRecord:
    """What would be done, without doing it."""
    present = github.assets(found.id) if found else ()
    for action in reconcile(goal.planned, present, replace=goal.replaceable):
        word = {Upload: "upload", Compare: "compare", Keep: "keep"}[type(action)]
        reporter().info(f"would {word} {action.planned.name} ({action.planned.size} bytes)")
    reporter().info(f"would {'complete draft ' + str(found.id) if found else 'create a draft'} for {goal.tag} in {goal.repository}")
    number, url = (found.id, found.html_url) if found else (0, "")
    return ReleaseRecord(repository=goal.repository, tag=goal.tag, id=number, url=url, draft=True)


def _record(goal: Goal, found: Release, present: Iterable[Asset]) -> ReleaseRecord:
    assets = sorted(present, key=lambda asset: asset.name)
    return ReleaseRecord(
        repository=goal.repository,
        tag=goal.tag,
        id=found.id,
        url=found.html_url,
        draft=found.draft,
        assets=tuple(ReleasedAsset(id=a.id, name=a.name, size=a.size, digest=a.digest or "") for a in assets),
    )
