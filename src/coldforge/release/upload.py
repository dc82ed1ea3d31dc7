"""Bringing the assets of a draft to the planned set: every file for itself, several at a time, nothing repeated blindly."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import IO, Final

from coldforge.errors import Refused
from coldforge.release.api import Asset, GitHub, Release
from coldforge.release.goal import DESCRIBING, Goal
from coldforge.release.reconcile import Compare, Keep, Planned, Upload, differs, reconcile, unplanned
from coldforge.release.wire import TRIES, Failure, pause
from coldforge.report import reporter
from coldforge.report.reporter import Progress

WORKERS: Final = 4


def upload_all(github: GitHub, draft: Release, goal: Goal) -> None:
    """Carry out what reconciling says: what describes the other files goes last.

    Raises Refused for other bytes under a planned name, Failure or RemoteFailed from the server.
    """
    present = github.assets(draft.id)
    actions = reconcile(goal.planned, present, replace=goal.replaceable)
    todo = [action for action in actions if not isinstance(action, Keep)]
    for asset in unplanned(goal.planned, present):
        reporter().warn(f"the draft also holds {asset.name}, which is not planned; it is left there")
    if not todo:
        reporter().info(f"All {len(actions)} files are there already.")
        return
    total = sum(action.planned.size for action in todo)
    with reporter().progress("uploading", total) as bar, ThreadPoolExecutor(max_workers=WORKERS) as pool:
        settle = partial(_settle, github, draft, goal, bar)
        for last in (False, True):
            batch = [action for action in todo if (action.planned.name in DESCRIBING) is last]
            for _ in pool.map(settle, batch):  # the first error, or Ctrl-C, cancels those that have not begun
                pass


def _settle(github: GitHub, draft: Release, goal: Goal, bar: Progress, action: Upload | Compare) -> None:
    """Carry out one action; after any failure look at what the server has before anything is repeated."""
    planned = action.planned
    for attempt in range(1, TRIES + 1):
        try:
            _carry_out(github, draft, goal, bar, action)
        except Failure as failure:
            # 404: a draft is invisible for a moment after its creation (goreleaser#3599)
            if not (failure.passing or failure.status == 404 or "already_exists" in failure.text):
                raise
            pause(attempt, planned.name, failure)
        else:
            return
        (following,) = reconcile([planned], github.assets(draft.id), replace=goal.replaceable | {planned.name})
        if isinstance(following, Keep):
            return
        action = following


def _carry_out(github: GitHub, draft: Release, goal: Goal, bar: Progress, action: Upload | Compare) -> None:
    if isinstance(action, Compare):
        if not _holds(github, action):
            raise differs([action])
        return
    if action.instead_of is not None:
        github.delete_asset(action.instead_of)
    planned = action.planned
    with goal.files[planned.name].open("rb") as stream:
        counted = _Counted(stream, planned.size, bar)
        try:
            _check(planned, github.upload(draft, planned.name, counted))
        except Failure:
            counted.seek(0)  # what was sent in vain does not count
            raise


def _holds(github: GitHub, action: Compare) -> bool:
    """Whether an asset whose digest the server does not tell has the planned bytes."""
    total = hashlib.sha256()
    for chunk in github.download(action.asset):
        total.update(chunk)
    return total.hexdigest() == action.planned.sha256


def _check(planned: Planned, asset: Asset) -> None:
    """Check an upload by the server's own words."""
    if asset.name != planned.name:
        raise Refused(f"GitHub renamed {planned.name} to {asset.name}", hint="Choose names of letters, digits, `.`, `_` and `-`.")
    if asset.size != planned.size or asset.digest not in (None, f"sha256:{planned.sha256}"):
        raise Failure(0, f"the server has {asset.size} bytes with {asset.digest}, not what was sent")


class _Counted:
    """A file that tells the bar how much of it was read. Its length keeps requests from sending chunks, which GitHub refuses."""

    def __init__(self, stream: IO[bytes], size: int, bar: Progress) -> None:
        self._stream = stream
        self._size = size
        self._bar = bar

    def __len__(self) -> int:
        return self._size

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._bar.advance(len(data))
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        before = self._stream.tell()
        self._bar.advance(self._stream.seek(offset, whence) - before)
        return self._stream.tell()

    def tell(self) -> int:
        return self._stream.tell()


def await_complete(github: GitHub, draft: Release, goal: Goal) -> None:
    """Wait until the server shows every planned file, complete and with its digest; its lists lag behind."""
    for attempt in range(1, TRIES + 1):
        present = {asset.name: asset for asset in github.assets(draft.id)}
        lacking = [file.name for file in goal.planned if not _shown(file, present.get(file.name))]
        if not lacking:
            return
        pause(attempt, "waiting for the files", f"GitHub does not show {', '.join(lacking[:5])} complete yet")


def _shown(planned: Planned, asset: Asset | None) -> bool:
    complete = asset is not None and asset.state == "uploaded" and asset.size == planned.size
    return complete and asset is not None and asset.digest in (None, f"sha256:{planned.sha256}")
