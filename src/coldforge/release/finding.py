"""Finding the one release of a tag, or making it. GitHub's lists lag behind, and two drafts can be made for one tag."""

from __future__ import annotations

from typing import Final

import msgspec

from coldforge.host import clock
from coldforge.release import notes as texts
from coldforge.release.api import Forge, Release
from coldforge.release.goal import Goal
from coldforge.release.reconcile import one_draft
from coldforge.release.record import keep, record_of, remembered
from coldforge.release.wire import TRIES, Failure, pause
from coldforge.report import reporter

SETTLING: Final = 1.0  # seconds that a list gets to show what was there before


def find(github: Forge, goal: Goal, *, tidy: bool, in_use: Release | None = None) -> Release | None:
    """The release of the tag: a published one, else the one draft. A failed look-up is never read as `there is none`.

    To `tidy` is to delete the other drafts when they are nobody's work, but never the one `in_use`. Raises Refused
    when several are somebody's.
    """
    listed = _listed(github, goal, in_use)
    published = next((item for item in listed if not item.draft and item.tag_name == goal.tag), None)
    drafts = [item for item in listed if item.draft and _is_ours(item, goal)]
    if published is None and (in_use or not drafts):  # before one is made, and before one is completed: the list may lag behind
        published = github.published(goal.tag)
    if published:
        return published
    if len(drafts) > 1:
        drafts = [now for draft in drafts if (now := _as_it_is(github, draft)) is not None]
        if published := next((now for now in drafts if not now.draft), None):
            return published
    number = in_use.id if in_use else None
    chosen, spare = one_draft(drafts, tag=goal.tag, ours=goal.state()["body"], in_use=number)
    for draft in spare if tidy else ():
        reporter().info(f"draft {draft.id} is empty and one too many; it is deleted.")
        github.delete_release(draft.id)
    return chosen


def _listed(github: Forge, goal: Goal, in_use: Release | None) -> list[Release]:
    """What the list shows, and what we know of even when it does not show it yet."""
    listed = {item.id: item for item in github.releases()}
    number = in_use.id if in_use else remembered(goal)
    unseen = number is not None and (number not in listed or in_use is not None)
    known = github.find(number) if unseen and number is not None else None
    return list({**listed, known.id: known}.values() if known else listed.values())


def _as_it_is(github: Forge, draft: Release) -> Release | None:
    """A draft as it is now: a list may not show its files yet, nor that it is published or gone since."""
    now = github.find(draft.id)
    return msgspec.structs.replace(now, assets=github.assets(now.id)) if now else None


def _is_ours(draft: Release, goal: Goal) -> bool:
    """Drafts lose their tag in an incomplete PATCH (release-drafter#204); the block in the text still names it."""
    lost = draft.tag_name.startswith("untagged-") and texts.is_about(draft.text, repository=goal.repository, tag=goal.tag)
    return draft.tag_name == goal.tag or lost


def make(github: Forge, goal: Goal) -> Release:
    """Create the draft and look again: the list that showed none may have lagged behind a run that was stopped.

    Ours is still empty then, and gives way to the other one.
    """
    made = _create(github, goal)
    keep(goal, record_of(goal, made, ()))
    clock.sleep(SETTLING)
    return find(github, goal, tidy=True) or made


def _create(github: Forge, goal: Goal) -> Release:
    """Create the draft. An answer that was lost may have landed: look before asking again."""
    for attempt in range(1, TRIES + 1):
        try:
            return github.create(goal.state())
        except Failure as failure:
            if not failure.passing:
                raise
            pause(attempt, "creating the draft", failure)
        found = find(github, goal, tidy=True)
        if found is not None:
            return found
    raise AssertionError  # pause() raises on the last attempt
