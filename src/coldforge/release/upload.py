"""Bringing the assets of a draft to the planned set: every file for itself, several at a time, nothing repeated blindly."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from functools import partial
from operator import call
from pathlib import Path
from typing import IO, TypeVar

from coldforge.errors import ConfigurationError, Problem, Refused
from coldforge.records import MANIFEST, decode
from coldforge.release.api import Asset, Forge, Release
from coldforge.release.goal import DESCRIBING, Goal, Listing
from coldforge.release.reconcile import BESIDE, Action, Clear, Compare, Keep, Planned, Swap, Upload, differs, reconcile
from coldforge.release.wire import TRIES, Failure, lanes, pause
from coldforge.report import reporter
from coldforge.report.reporter import Progress

T = TypeVar("T")


class Published(Exception):
    """Somebody published the release that is being filled: from then on it is not changed any more."""

    def __init__(self, release: Release) -> None:
        super().__init__(f"release {release.id} is published")
        self.release = release


class Spoilt(Failure):
    """An upload that arrived as something else: `asset` is what the server made of it just now."""

    def __init__(self, asset: Asset) -> None:
        super().__init__(0, f"the server has {asset.size} bytes with {asset.digest}, not what was sent")
        self.asset = asset


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What became of an action: the asset that one upload made, and the one whose bytes were compared, if there is such."""

    made: Asset | None = None
    compared: int | None = None


def fill(
    github: Forge, draft: Release, goal: Goal, todo: Sequence[Action], *, first: Callable[[], object], last: Callable[[], T]
) -> tuple[tuple[Asset, ...], T]:
    """Carry out what is to do in a draft that was looked at just now, and wait until it is shown; what describes other files goes last.

    Uploads take the longest, so all else runs beside them: the call `first` beside the first one, the call `last` beside the last ones.
    Gives all assets of the draft, and what `last` gave.

    Raises Refused for other bytes under a planned name, Published when it is no draft any more, Failure or
    RemoteFailed from the server.
    """
    describing = [action for action in todo if action.planned.name in DESCRIBING]
    with reporter().progress("uploading", sum(action.planned.size for action in todo)) as bar:
        settle = partial(_settle, github, draft, goal, bar)
        others = [partial(settle, action) for action in todo if action not in describing]
        if others and describing:
            others[-1] = partial(_beside, partial(check_draft, github, draft), others[-1])
        begun = [partial(_beside, first, others[0]), *others[1:]] if others else [partial(_beside, first, Settled)]
        with lanes() as pool:
            compared = {settled.compared for settled in pool.map(call, begun)}
        but = {action.planned.name for action in describing}
        with lanes() as pool:
            ending = [pool.submit(settle, action) for action in describing]
            looking = pool.submit(last)
            listing = pool.submit(await_complete, github, draft, goal, compared, but=but)
            ended, seen, shown = [end.result() for end in ending], looking.result(), listing.result()
    made = {end.made.name: end.made for end in ended if end.made and end.made.digest}
    if len(made) == len(describing):  # the server has said of each of them that it is whole, and which bytes it has
        return (*(asset for asset in shown if asset.name not in made), *made.values()), seen
    return await_complete(github, draft, goal, compared | {end.compared for end in ended}), seen


def exchangeable(github: Forge, goal: Goal, present: Sequence[Asset]) -> frozenset[str]:
    """What may take the place of other bytes in a draft that holds what is `present`.

    Raises Refused when the draft's own manifest tells of files that are not planned here, as when another run made them: with this
    manifest instead, nothing would describe them, and nobody could verify them.
    """
    (ours,) = [file for file in goal.planned if file.name == MANIFEST]
    there = next((asset for asset in present if asset.name == MANIFEST and asset.state == "uploaded"), None)
    if there is None or goal.replace or there.digest == f"sha256:{ours.sha256}":
        return goal.exchangeable
    told = _described(github, there)
    if lost := [asset.name for asset in present if asset.name in told and asset.name not in goal.files]:
        problems = tuple(Problem(what=f"{name} is in the draft and its manifest, and not in this build") for name in lost)
        hint = "Release what was built together; or, if this build is the right one: --replace, and delete those files from the draft."
        raise Refused("the draft holds files that this build does not know", problems=problems, hint=hint)
    return goal.exchangeable


def _described(github: Forge, manifest: Asset) -> frozenset[str]:
    """The artifacts that a draft's manifest tells of, of whatever version of coldforge; none when it is gone, or cannot be read."""
    try:
        targets = decode(b"".join(github.download(manifest)), Listing, MANIFEST).targets
    except ConfigurationError:
        return frozenset()
    except Failure as failure:
        if failure.status != 404:  # it is being exchanged
            raise
        return frozenset()
    return frozenset(artifact.name for target in targets for artifact in target.artifacts)


def _beside(look: Callable[[], object], act: Callable[[], Settled]) -> Settled:
    """Look while something is done; what the look raises ends both."""
    with lanes() as pool:
        looking, acting = pool.submit(look), pool.submit(act)
        looking.result()
        return acting.result()


def _settle(github: Forge, draft: Release, goal: Goal, bar: Progress, action: Action) -> Settled:
    """Carry out one action; after any failure look at what the server has before anything is repeated."""
    planned = action.planned
    spoilt: set[int] = set()
    for attempt in range(1, TRIES + 1):
        try:
            return _carry_out(github, draft, goal, bar, action)
        except Failure as failure:
            # 404: a draft is invisible for a moment after its creation (goreleaser#3599)
            if not (failure.passing or failure.status == 404 or "already_exists" in failure.text):
                raise
            if isinstance(failure, Spoilt):
                spoilt.add(failure.asset.id)
            pause(attempt, planned.name, failure)
        check_draft(github, draft)
        present = github.assets(draft.id)
        # other bytes are somebody else's, whatever failed, unless it is the very asset that we made of them
        ours = {asset.name for asset in present if asset.id in spoilt}
        (following,) = reconcile([planned], present, replace=exchangeable(github, goal, present) | ours)
        if isinstance(following, Keep):
            return Settled()
        action = following
    raise AssertionError  # pause() raises on the last attempt


def _carry_out(github: Forge, draft: Release, goal: Goal, bar: Progress, action: Action) -> Settled:
    planned = action.planned
    if isinstance(action, Compare):
        if same_bytes(github, planned, action.asset):
            return Settled(compared=action.asset.id)
        if planned.name not in goal.exchangeable:
            raise differs([action])
        action = Swap(planned=planned, old=action.asset.id)
    if isinstance(action, Swap):
        _swap(github, draft, goal, bar, action)
    elif isinstance(action, Clear):
        _delete(github, draft, [action.leftover])
    elif isinstance(action, Upload):
        _delete(github, draft, action.instead_of)
        made = _send(github, draft, goal.files[planned.name], bar, planned)
        return Settled() if action.instead_of else Settled(made=made)  # a list may still show what it took the place of
    return Settled()


def _swap(github: Forge, draft: Release, goal: Goal, bar: Progress, action: Swap) -> None:
    """The new file beside the old one, checked; then the old one goes, and the new one gets its name."""
    _delete(github, draft, [] if action.unusable is None else [action.unusable])
    planned = action.planned
    beside = action.beside or _send(github, draft, goal.files[planned.name], bar, replace(planned, name=planned.name + BESIDE))
    if beside.digest is None and not same_bytes(github, planned, beside):
        raise Spoilt(beside)
    _delete(github, draft, [] if action.old is None else [action.old])
    github.rename(beside, planned.name)


def _delete(github: Forge, draft: Release, assets: Iterable[int]) -> None:
    for number in assets:
        check_draft(github, draft)
        github.delete_asset(number)


def _send(github: Forge, draft: Release, path: Path, bar: Progress, planned: Planned) -> Asset:
    """Upload the file at `path` as `planned`, and check what the server made of it."""
    with path.open("rb") as stream:
        counted = _Counted(stream, planned.size, bar)
        try:
            asset = github.upload(draft, planned.name, counted)
            _check(planned, asset)
        except Failure:
            counted.seek(0)  # what was sent in vain does not count
            raise
    return asset


def check_draft(github: Forge, draft: Release) -> Release:
    """The draft as it is now. Raises Published when somebody published it meanwhile.

    That is asked as late as can be, because GitHub knows no condition on a change.
    """
    now = github.release(draft.id)
    if not now.draft:
        raise Published(now)
    return now


def same_bytes(github: Forge, planned: Planned, asset: Asset) -> bool:
    """Whether a complete asset has the planned bytes; they are downloaded when the server does not tell their digest."""
    if asset.state != "uploaded" or asset.size != planned.size or asset.digest is not None:
        return asset.state == "uploaded" and asset.size == planned.size and asset.digest == f"sha256:{planned.sha256}"
    return hands_out(github, planned, asset)


def hands_out(github: Forge, planned: Planned, asset: Asset, bar: Progress | None = None) -> bool:
    """Whether the planned bytes are what the server hands out, whatever it tells of them. What came in vain does not count for the bar."""
    size, total, right = 0, hashlib.sha256(), False
    try:
        for chunk in github.download(asset):
            size += len(chunk)
            total.update(chunk)
            if bar:
                bar.advance(len(chunk))
            if size > planned.size:
                return False
        right = total.hexdigest() == planned.sha256
    finally:
        if bar and not right:
            bar.advance(-size)
    return right


def _check(planned: Planned, asset: Asset) -> None:
    """Check an upload by the server's own words."""
    if asset.name != planned.name:
        raise Refused(f"GitHub renamed {planned.name} to {asset.name}", hint="Choose names of letters, digits, `.`, `_` and `-`.")
    if asset.size != planned.size or asset.digest not in (None, f"sha256:{planned.sha256}"):
        raise Spoilt(asset)


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


def await_complete(
    github: Forge, draft: Release, goal: Goal, compared: AbstractSet[int | None], *, but: AbstractSet[str] = frozenset()
) -> tuple[Asset, ...]:
    """Wait until the server shows every planned file `but` these, complete and with its digest, as lists lag behind. All that it shows.

    A file whose digest it does not tell is downloaded, unless it was `compared`. Raises Refused when that has other bytes.
    """
    awaited = [file for file in goal.planned if file.name not in but]
    for attempt in range(1, TRIES + 1):
        shown = github.assets(draft.id, expected=len(goal.planned))
        present = {asset.name: asset for asset in shown}
        lacking = [file.name for file in awaited if not _shown(file, present.get(file.name))]
        if not lacking:
            _compare_untold(github, [Compare(planned=f, asset=present[f.name]) for f in awaited], compared)
            return shown
        pause(attempt, "waiting for the files", f"GitHub does not show {', '.join(lacking[:5])} complete yet")
    raise AssertionError  # pause() raises on the last attempt


def _compare_untold(github: Forge, files: Iterable[Compare], compared: AbstractSet[int | None]) -> None:
    untold = [file for file in files if file.asset.digest is None and file.asset.id not in compared]
    if others := [file for file in untold if not same_bytes(github, file.planned, file.asset)]:
        raise differs(others)


def _shown(planned: Planned, asset: Asset | None) -> bool:
    complete = asset is not None and asset.state == "uploaded" and asset.size == planned.size
    return complete and asset is not None and asset.digest in (None, f"sha256:{planned.sha256}")
