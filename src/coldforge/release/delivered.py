"""What a draft hands out, looked at before it is published: every planned file, byte for byte, and nothing beside them.

GitHub's digest of a file tells what it once took in; what people will get are the bytes that it hands out.
"""

from __future__ import annotations

from collections.abc import Collection

from coldforge.errors import Problem, Refused
from coldforge.release.api import Asset, Forge, Release
from coldforge.release.goal import Goal
from coldforge.release.reconcile import Planned, unplanned
from coldforge.release.upload import hands_out
from coldforge.release.wire import TRIES, Failure, lanes, pause, retried
from coldforge.report import reporter
from coldforge.report.reporter import Progress


def check_delivered(github: Forge, goal: Goal, present: Collection[Asset]) -> frozenset[int]:
    """Download every planned file, of which nothing is kept, and compare it with what was attested: the numbers of these assets.

    Raises RemoteFailed when GitHub hands out other bytes, again and again.
    """
    assets = {asset.name: asset for asset in present}
    size = sum(file.size for file in goal.planned)
    with reporter().progress("checking what GitHub hands out", size) as bar, lanes() as pool:
        for _ in pool.map(lambda file: _check(github, file, assets[file.name], bar), goal.planned):
            pass
    return frozenset(assets[file.name].id for file in goal.planned)


def _check(github: Forge, planned: Planned, asset: Asset, bar: Progress) -> None:
    def once() -> None:
        if not hands_out(github, planned, asset, bar):
            what = f"GitHub hands out other bytes than it was sent, and tells {asset.digest or 'no digest'} of them"
            raise Failure(0, f"{what}. If that stays so, delete the file from the draft and run it again")

    retried(once, f"checking {planned.name}", known=True)


def check_only(goal: Goal, draft: Release, present: Collection[Asset]) -> None:
    """Raise Refused for what a draft holds besides the planned files: it would be published, and nobody has a word for it."""
    if others := unplanned(goal.planned, present):
        problems = tuple(Problem(what=f"{asset.name} is in the draft, and not planned") for asset in others)
        hint = f"Delete them from the draft; or add them after it is published; or publish it by hand: {draft.html_url}"
        raise Refused("files that nobody attested are not published", problems=problems, hint=hint)


def look_again(github: Forge, goal: Goal, draft: Release, delivered: frozenset[int]) -> Release:
    """The draft as it is now, when it holds what was `delivered` and nothing else; or the release that somebody made of it.

    That is asked as late as can be, because GitHub knows no condition on a change. Raises Refused for a file that was added since.
    """
    for attempt in range(1, TRIES + 1):
        with lanes() as pool:
            looking, listing = pool.submit(github.release, draft.id), pool.submit(github.assets, draft.id, expected=len(delivered))
            now, present = looking.result(), listing.result()
        if not now.draft or {asset.id for asset in present} == delivered:
            return now
        check_only(goal, now, present)
        pause(attempt, "publishing the draft", "GitHub shows other files in it than those that were checked")
    raise AssertionError  # pause() raises on the last attempt
