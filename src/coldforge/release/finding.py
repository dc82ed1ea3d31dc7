"""Finding the one release of a tag, or making it. GitHub's lists lag behind, and two drafts can be made for one tag."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from coldforge.host import clock
from coldforge.release import notes as texts
from coldforge.release.api import Forge, Release
from coldforge.release.goal import Goal
from coldforge.release.reconcile import one_draft
from coldforge.release.record import keep, record_of, remembered
from coldforge.release.wire import TRIES, Failure, lanes, pause
from coldforge.report import reporter

SETTLING: Final = 1.0  # seconds that a list gets to show what was there before


def find(github: Forge, goal: Goal, listed: Iterable[Release], *, tidy: bool) -> Release | None:
    """The release of the tag, of those that are `listed` now: a published one, else the one draft. To `tidy` is to delete spare drafts.

    A failed look-up is never read as `there is none`. Raises Refused when several drafts are somebody's work.
    """
    shown = {item.id: item for item in listed}
    number = remembered(goal)
    known = github.find(number) if number is not None and number not in shown else None  # the list may not show it yet
    releases = [*shown.values(), *([known] if known else [])]
    spoken_for = any(is_ours(item, goal) for item in releases)
    return _choose(github, goal, releases, None if spoken_for else github.published(goal.tag), tidy=tidy)


def find_again(github: Forge, goal: Goal, in_use: Release) -> Release | None:
    """The release of the tag once the draft `in_use` is filled: it, as it is now, or a published one.

    Other drafts that are nobody's work go: one whose creation was not answered may have come to light since. Raises Refused when another
    one is somebody's work.
    """
    with lanes() as pool:
        listing = pool.submit(lambda: tuple(github.releases()))
        knowing = pool.submit(github.find, in_use.id)
        publishing = pool.submit(github.published, goal.tag)
        listed, known, published = listing.result(), knowing.result(), publishing.result()
    shown = {item.id: item for item in listed} | ({known.id: known} if known else {})
    return _choose(github, goal, shown.values(), published, tidy=True, in_use=in_use.id)


def _choose(
    github: Forge, goal: Goal, releases: Iterable[Release], published: Release | None, *, tidy: bool, in_use: int | None = None
) -> Release | None:
    """The one release, of those that are known, and one that is `published` though no list shows it yet."""
    known = list(releases)
    published = next((item for item in known if not item.draft and item.tag_name == goal.tag), published)
    if published:
        return published
    drafts = [item for item in known if item.draft and is_ours(item, goal)]
    if len(drafts) > 1:
        drafts = [now for draft in drafts if (now := _as_it_is(github, draft)) is not None]
        if published := next((now for now in drafts if not now.draft), None):
            return published
    chosen, spare = one_draft(drafts, tag=goal.tag, ours=goal.state()["body"], in_use=in_use)
    for draft in spare if tidy else ():
        reporter().info(f"draft {draft.id} is empty and one too many; it is deleted.")
        github.delete_release(draft.id)
    return chosen


def _as_it_is(github: Forge, draft: Release) -> Release | None:
    """A draft as it is now: a list may not show its files yet, nor that it is published or gone since."""
    now = github.find(draft.id)
    return msgspec.structs.replace(now, assets=github.assets(now.id)) if now else None


def is_ours(draft: Release, goal: Goal) -> bool:
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
    return find(github, goal, github.releases(), tidy=True) or made


def _create(github: Forge, goal: Goal) -> Release:
    """Create the draft. An answer that was lost may have landed: look before asking again."""
    for attempt in range(1, TRIES + 1):
        try:
            return github.create(goal.state())
        except Failure as failure:
            if not failure.passing:
                raise
            pause(attempt, "creating the draft", failure)
        found = find(github, goal, github.releases(), tidy=True)
        if found is not None:
            return found
    raise AssertionError  # pause() raises on the last attempt
