"""What must be done so that a release holds exactly the planned files: pure functions of what is planned and what is present.

The table: nothing there → upload; there and equal → keep; half-uploaded → delete and upload; digest unknown → compare
the bytes; there with other bytes → refused, or swapped where that was allowed; not planned → kept and reported.

To swap is to upload beside the old file, under a name of its own, and only when that is whole to delete the old one and
rename: whoever stops it, wherever, one of the two is there. What such a run left beside is finished, or cleared away.
Where a release holds as many files as GitHub takes, the old one must go first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from coldforge.errors import Problem, Refused
from coldforge.release.api import Asset, Release
from coldforge.release.preflight import MOST

BESIDE: Final = ".coldforge-new"  # behind the name of what will take the place of another file


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A file that the release must hold. `size` in bytes, `sha256` in hexadecimal."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """Upload the planned file; first delete the unusable assets `instead_of` that are in its way."""

    planned: Planned
    instead_of: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Swap:
    """Let the planned file take the place of the asset `old` (None: that is gone already).

    It is uploaded beside it, unless `beside` is that upload; what is `unusable` is deleted before.
    """

    planned: Planned
    old: int | None
    beside: Asset | None = None
    unusable: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Clear:
    """The planned file is there; delete the asset `leftover` that a swap left beside it."""

    planned: Planned
    leftover: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Compare:
    """The server does not tell the digest: download the asset and compare."""

    planned: Planned
    asset: Asset


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """Nothing to do for the planned file: it is there."""

    planned: Planned
    asset: Asset


Action = Upload | Swap | Clear | Compare | Keep


def reconcile(
    planned: Collection[Planned], present: Sequence[Asset], *, replace: frozenset[str] = frozenset(), most: int = MOST
) -> list[Action]:
    """One action a planned file, in the planned order. Assets that are not planned are left alone.

    `replace` names files that may take the place of others. After the actions, and those that follow from what is
    present then, nothing but Keep is left.
    Raises Refused naming every other file that is there with other bytes, and when a release may not hold so many: `most` files.
    """
    by_name = {asset.name: asset for asset in present}
    actions = [_action(file, by_name.get(file.name), by_name.get(file.name + BESIDE), replace) for file in planned]
    others = [action for action in actions if isinstance(action, Keep) and not _equal(action.planned, action.asset)]
    if others:
        raise differs(others)
    _check_number(planned, present, most)
    more = [a for a in actions if (isinstance(a, Upload) and not a.instead_of) or (isinstance(a, Swap) and not (a.beside or a.unusable))]
    return actions if len(present) + len(more) <= most else [_without_room(action) for action in actions]


def _check_number(planned: Collection[Planned], present: Sequence[Asset], most: int) -> None:
    others = unplanned(planned, present)
    if len(planned) + len(others) > most:
        problems = tuple(Problem(what=f"{asset.name} is there, and not planned") for asset in others)
        hint = "Delete from the draft what does not belong there, or release fewer formats, or files packed into one."
        raise Refused(f"the draft would hold {len(planned) + len(others)} files, GitHub accepts {most}", problems=problems, hint=hint)


def _without_room(action: Action) -> Action:
    """What to do where nothing fits beside the old file: it goes first. The new one is here, so that the next run still has it."""
    if not isinstance(action, Swap) or action.beside is not None:
        return action
    return Upload(planned=action.planned, instead_of=tuple(number for number in (action.old, action.unusable) if number is not None))


def _action(planned: Planned, asset: Asset | None, beside: Asset | None, replace: frozenset[str]) -> Action:
    finished = beside if beside is not None and _equal(planned, beside) else None
    if asset is None or asset.state != "uploaded":
        if finished is not None:
            return Swap(planned=planned, old=asset.id if asset else None, beside=finished)
        return Upload(planned=planned, instead_of=tuple(unusable.id for unusable in (asset, beside) if unusable is not None))
    if asset.digest is None and asset.size == planned.size:
        return Compare(planned=planned, asset=asset)
    if _equal(planned, asset):
        return Keep(planned=planned, asset=asset) if beside is None else Clear(planned=planned, leftover=beside.id)
    if planned.name in replace:
        return Swap(planned=planned, old=asset.id, beside=finished, unusable=beside.id if beside is not None and not finished else None)
    return Keep(planned=planned, asset=asset)


def _equal(planned: Planned, asset: Asset) -> bool:
    return asset.size == planned.size and asset.digest == f"sha256:{planned.sha256}"


def differs(actions: Iterable[Keep | Compare]) -> Refused:
    """The error about files that are there with other bytes."""
    problems = tuple(
        Problem(what=f"{action.planned.name}: here {action.planned.sha256[:12]}, there {action.asset.digest or 'other bytes'}")
        for action in actions
    )
    hint = "If the new ones are right: --replace; else raise the version. A build must give the same bytes again."
    return Refused("the draft holds other files under the same names", problems=problems, hint=hint)


def unplanned(planned: Iterable[Planned], present: Iterable[Asset]) -> list[Asset]:
    """Assets that nobody planned; they are reported, not touched."""
    names = {name for file in planned for name in (file.name, file.name + BESIDE)}
    return [asset for asset in present if asset.name not in names]


def one_draft(drafts: Iterable[Release], *, tag: str, ours: str, in_use: int | None = None) -> tuple[Release | None, list[Release]]:
    """The draft to go on with, if any, and those that may be deleted: never the one `in_use`.

    Creating is not atomic: an answer that was lost, or a job beside this one, leaves a second draft. One without any
    file and with exactly the text `ours` is nobody's work; of several such the oldest stays, so that two jobs at once
    choose the same. Raises Refused naming the drafts when more than one is somebody's work.
    """
    ordered = sorted(drafts, key=lambda draft: draft.id)
    work = [draft for draft in ordered if draft.assets or draft.text != ours or draft.id == in_use]
    if len(work) > 1:
        problems = tuple(Problem(what=f"draft {draft.id} with {len(draft.assets)} assets: {draft.html_url}") for draft in work)
        raise Refused(f"there are {len(work)} drafts for {tag}", problems=problems, hint="Delete all but one, then run it again.")
    chosen = next(iter([*work, *ordered]), None)
    return chosen, [draft for draft in ordered if draft is not chosen]
