"""The release stage: exactly one draft for the tag, exactly the planned files in it, whatever happened before."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from coldforge.errors import ConfigurationError, Missing, Problem, Refused
from coldforge.project.source import previous_tag
from coldforge.release import preflight
from coldforge.release.api import Asset, Forge, GitHub, Release, token_of_environment
from coldforge.release.delivered import check_delivered, check_only, look_again
from coldforge.release.finding import find, find_again, is_ours, make
from coldforge.release.goal import Goal, Wanted, check_publishable, check_text, make_goal
from coldforge.release.reconcile import Clear, Compare, Keep, Swap, Upload, reconcile, unplanned
from coldforge.release.record import ReleaseRecord, keep, record_of
from coldforge.release.upload import Published, check_draft, exchangeable, fill, same_bytes
from coldforge.release.wire import TRIES, Failure, lanes, pause
from coldforge.report import reporter

__all__ = ["ReleaseRecord", "Wanted", "release"]


def release(dist: Path, wanted: Wanted, *, api_url: str | None = None) -> ReleaseRecord:
    """Create or complete the draft release of what `dist` holds; publish it only when that is wanted.

    Raises Refused when a local file is not what the manifest says, when the tag names another commit, when the
    release is published already with other files, or several drafts compete, and when what is to be published has
    no attestation or no commit; Missing without rights; RemoteFailed after retries.
    """
    goal = make_goal(dist, wanted)
    if wanted.promote and (goal.prerelease or wanted.publish):
        both = wanted.prerelease or wanted.publish
        why = "with --prerelease or --publish" if both else f"{goal.manifest.version} is a pre-release by its version"
        raise ConfigurationError("this cannot be promoted", why=why, hint="First --publish --prerelease, later --promote alone.")
    if wanted.publish or wanted.promote:
        check_publishable(goal)
    if goal.lacking:
        reporter().warn(f"planned and not there, so that this cannot be published yet: {', '.join(goal.lacking)}")
    if goal.without:
        reporter().warn(f"of optional targets this lacks: {', '.join(goal.without)}")
    if goal.unproven and not wanted.publish:
        more = f" and {len(goal.unproven) - 1} more" if len(goal.unproven) > 1 else ""
        reporter().warn(f"{goal.unproven[0].what}{more}: run `coldforge attest` before you publish")
    token = token_of_environment()
    if not token:
        raise Missing("there is no token to release with", hint="Set GITHUB_TOKEN; it needs `contents: write`.")
    github = GitHub(goal.repository, api_url=api_url, token=token)
    try:
        record = _promote(github, goal, dry_run=wanted.dry_run) if wanted.promote else _converge(github, goal, wanted)
    except Failure as failure:
        raise failure.told() from failure
    if not wanted.dry_run:
        keep(goal, record)
    return record


def _with_notes(github: Forge, goal: Goal, listed: Sequence[Release]) -> Goal:
    """The goal with GitHub's notes since the release before it, unless there is one draft whose text is kept: nobody would read them.

    Left to itself GitHub takes as the one before it the newest by date, also of another branch.
    """
    there = [item for item in listed if is_ours(item, goal)]
    if goal.mode == "keep" and len(there) == 1 and there[0].text.strip():
        return goal
    others = [item.tag_name for item in listed if not item.draft and (goal.prerelease or not item.prerelease)]
    text = github.written_notes(goal.tag, commit=goal.manifest.source.commit, previous=previous_tag(goal.tag, others))
    return dataclasses.replace(goal, notes=text)


def _converge(github: Forge, goal: Goal, wanted: Wanted) -> ReleaseRecord:
    with lanes() as pool:
        tagged, listing = pool.submit(github.commit_of, goal.tag), pool.submit(lambda: tuple(github.releases()))
        _check_tag(goal, tagged.result())
        listed = listing.result()
    if wanted.notes_from == "github":
        goal = _with_notes(github, goal, listed)
    found = find(github, goal, listed, tidy=not wanted.dry_run)
    if found is None or found.draft:
        check_text(goal, found)
    if wanted.dry_run:
        _foresee(github, goal, found)
        if found is None or found.draft:
            return _show(github, goal, found, publish=wanted.publish)
    if found is None:
        found = make(github, goal)
    if not found.draft:
        return _already_published(github, goal, found)
    try:
        return _fill(github, found, goal, publish=wanted.publish)
    except Published as meanwhile:
        return _already_published(github, goal, meanwhile.release)


def _promote(github: Forge, goal: Goal, *, dry_run: bool) -> ReleaseRecord:
    """Let a published pre-release be the release, if it holds every planned file; only what GitHub calls it is changed.

    GitHub allows that for immutable releases too (github/docs#45730).
    """
    _check_tag(goal, github.commit_of(goal.tag))
    found = github.published(goal.tag)
    if found is None:
        hint = "Publish it first: `coldforge release --publish --prerelease`."
        raise ConfigurationError(f"{goal.tag} is not published in {goal.repository}", hint=hint)
    record = _already_published(github, goal, found)
    if not found.prerelease or dry_run:
        reporter().info(f"{goal.tag} {'would become the release' if found.prerelease else 'is the release already'}.")
        return record
    latest = "true" if _is_latest(github, goal) else "false"
    state = {**goal.state(found), "name": found.name, "body": found.text, "draft": False, "prerelease": False, "make_latest": latest}
    _patch(github, found, state)
    reporter().info(f"Promoted: {found.html_url}")
    return record


def _patch(github: Forge, now: Release, wanted: Mapping[str, Any]) -> None:
    """Bring a release, as it is `now`, to a state, confirmed by the server."""
    for attempt in range(1, TRIES + 1):
        try:
            shown = github.update(now.id, _sent(now, wanted))
            # name and text are a person's, who may edit them in this very moment
            if not (differing := _differing(shown, {**wanted, "name": shown.name, "body": shown.text})):
                return
            pause(attempt, "promoting the release", _shows(shown, differing))
        except Failure as failure:
            if not failure.passing:
                raise
            pause(attempt, "promoting the release", failure)


def _fill(github: Forge, draft: Release, goal: Goal, *, publish: bool) -> ReleaseRecord:
    now, present = _looked_at(github, draft, goal)
    keep(goal, record_of(goal, draft, present))
    if publish:
        check_only(goal, draft, present)
    for asset in unplanned(goal.planned, present):
        reporter().warn(f"the draft also holds {asset.name}, which is not planned; it is left there")
    actions = reconcile(goal.planned, present, replace=exchangeable(github, goal, present))
    again = partial(find_again, github, goal, draft)
    if todo := [action for action in actions if not isinstance(action, Keep)]:
        now = now or check_draft(github, draft)
        present, found = fill(github, draft, goal, todo, first=partial(_complete, github, goal, now), last=again)
    else:
        reporter().info(f"All {len(goal.planned)} files are there already.")
        if not publish and not _differing(draft, goal.state(draft)):
            return record_of(goal, draft, present)
        found = again()
    if found is not None and not found.draft:
        raise Published(found)
    draft = _complete(github, goal, found or draft, delivered=check_delivered(github, goal, present) if publish else None)
    reporter().info(f"{'Draft' if draft.draft else 'Published'}: {draft.html_url}")
    if not draft.draft and (added := [asset.name for asset in draft.assets if asset.name not in goal.files]):
        reporter().warn(f"while it was published somebody added, and so published with it: {', '.join(added)}")
    return record_of(goal, draft, present)


def _looked_at(github: Forge, draft: Release, goal: Goal) -> tuple[Release | None, tuple[Asset, ...]]:
    """The draft as it is now, unless a list showed it complete, so that nobody will need to know; and its assets."""
    complete = {file.name for file in goal.planned} <= {asset.name for asset in draft.assets}
    with lanes() as pool:
        listing = pool.submit(github.assets, draft.id, expected=len(draft.assets))
        checking = None if complete else pool.submit(check_draft, github, draft)
        return checking.result() if checking else None, listing.result()


def _foresee(github: Forge, goal: Goal, found: Release | None) -> None:
    """Say what would be refused, and what it would cost in time. Raises Missing or Refused for what stands in the way."""
    rights = github.rights()
    if rights.push is False:
        raise Missing(f"the token may not write to {goal.repository}", hint="It needs `contents: write`.")
    if rights.archived:
        raise Refused(f"{goal.repository} is archived", hint="Unarchive it, or release elsewhere: --repo OWNER/REPO.")
    used_up = github.attests(goal.tag) if found is None else False
    if used_up:
        why = "it was an immutable release that is deleted, and GitHub lets nobody release under its name again"
        raise Refused(f"{goal.tag} is used up", why=why, hint="Raise the version and release that.")
    for line in (*preflight.notes(github, len(goal.planned)), *preflight.unknown(goal.tag, rights, used_up=used_up)):
        reporter().info(line)


def _check_tag(goal: Goal, tagged: str) -> None:
    """GitHub ignores the commit that a release names when the tag is there already, which is the commit `tagged`."""
    built = goal.manifest.source.commit
    if built and tagged and built != tagged:
        why = f"the tag names {tagged[:12]}, the files were built from {built[:12]}"
        raise Refused(f"{goal.tag} is another commit", why=why, hint="Build from the tag, or release under a new one.")


def _complete(github: Forge, goal: Goal, now: Release, *, delivered: frozenset[int] | None = None) -> Release:
    """Bring name, tag and text, of a draft as it is `now`, to what they must be; publish it if it holds what was `delivered`.

    Each change is confirmed by the server.
    """
    publish = delivered is not None
    latest = publish and _is_latest(github, goal)
    look = partial(github.release, now.id) if delivered is None else partial(look_again, github, goal, now, delivered)
    if publish:  # what a person did to the draft while files went up is neither undone nor published unseen
        now = look()
    for attempt in range(1, TRIES + 1):
        wanted = _as_published(goal.state(now), latest=latest) if publish else goal.state(now)
        if not now.draft or not _differing(now, wanted):
            return now
        try:
            now = github.update(now.id, _sent(now, wanted))
        except Failure as failure:
            if not (failure.passing or failure.status == 404):  # it was read just now
                raise
            pause(attempt, "completing the draft", failure)
        else:
            if not (differing := _differing(now, wanted)):
                return now
            pause(attempt, "completing the draft", _shows(now, differing))
        now = look()
    raise AssertionError  # pause() raises on the last attempt


def _as_published(state: Mapping[str, Any], *, latest: bool) -> dict[str, Any]:
    """The state of a draft as that of a published release. GitHub refuses to make a prerelease, also a person's, the latest one."""
    return {**state, "draft": False, "make_latest": "true" if latest and not state["prerelease"] else "false"}


def _differing(now: Release, wanted: Mapping[str, Any]) -> dict[str, object]:
    """What the server shows that is not as it was wanted."""
    present = {"body": now.text, "name": now.name, "tag_name": now.tag_name, "draft": now.draft, "prerelease": now.prerelease}
    return {key: value for key, value in present.items() if wanted[key] != value}


def _shows(now: Release, differing: Mapping[str, object]) -> str:
    return f"GitHub still shows release {now.id} with {', '.join(f'{key}: {value!r:.60}' for key, value in differing.items())}"


def _sent(now: Release, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The state to send: all of it, but for a name and a text that are as they should be. A person may edit these in this very moment."""
    return {key: value for key, value in wanted.items() if key not in ("name", "body") or key in _differing(now, wanted)}


def _is_latest(github: Forge, goal: Goal) -> bool:
    """Whether no published final release has a higher version: a backport must not become the latest."""
    from coldforge.project.source import version_of

    mine = version_of(goal.manifest.version)
    others = [version_of(item.tag_name) for item in github.releases() if not item.draft and not item.prerelease]
    return not any(other is not None and (mine is None or other > mine) for other in others)


def _already_published(github: Forge, goal: Goal, found: Release) -> ReleaseRecord:
    """A published release is never changed; that all that was built is in it already is success."""
    # the list of its files may lag behind; what came with the release itself is as true
    present = tuple({asset.id: asset for asset in (*found.assets, *github.assets(found.id))}.values())
    by_name = {asset.name: asset for asset in present}
    differing = [f.name for f in goal.planned if f.name not in by_name or not same_bytes(github, f, by_name[f.name])]
    if firm := [name for name in differing if name not in goal.replaceable]:
        problems = tuple(Problem(what=f"{name} {'has other bytes there' if name in by_name else 'is not there'}") for name in firm)
        hint = "People may have downloaded it. Raise the version and release that."
        raise Refused(f"{goal.tag} is published already, with other files", why=found.html_url, problems=problems, hint=hint)
    added = [asset.name for asset in present if asset.name not in goal.files]
    for names, words in ((differing, "are not there as they are here"), (added, "are there too, and not planned")):
        if names:
            reporter().warn(f"these {words}, and are left so in what is published: {', '.join(names)}")
    same = "with all that was built" if differing or added else "with exactly these files"
    reporter().info(f"{goal.tag} is published already, {same}: {found.html_url}")
    return record_of(goal, found, present)


def _show(github: Forge, goal: Goal, found: Release | None, *, publish: bool) -> ReleaseRecord:
    """What would be done, without doing it."""
    present = github.assets(found.id) if found else ()
    if found and publish:
        check_only(goal, found, present)
    for action in reconcile(goal.planned, present, replace=exchangeable(github, goal, present)):
        word = {Upload: "upload", Swap: "replace", Clear: "clear a leftover of", Compare: "compare", Keep: "keep"}[type(action)]
        reporter().info(f"would {word} {action.planned.name} ({action.planned.size} bytes)")
    reporter().info(f"would {'complete draft ' + str(found.id) if found else 'create a draft'} for {goal.tag} in {goal.repository}")
    number, url = (found.id, found.html_url) if found else (0, "")
    return ReleaseRecord(repository=goal.repository, tag=goal.tag, id=number, url=url, draft=True)
