"""What must be done so that a release holds exactly the planned files: pure functions of what is planned and what is present.

The table: nothing there → upload; there and equal → keep; half-uploaded → delete and upload; digest unknown → compare
the bytes; there with other bytes → refused, or replaced where that was allowed; not planned → kept and reported.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from coldforge.errors import Problem, Refused
from coldforge.release.api import Asset, Release


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A file that the release must hold. `size` in bytes, `sha256` in hexadecimal."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """Upload the planned file; first delete the unusable asset `instead_of` that has its name, if there is one."""

    planned: Planned
    instead_of: int | None = None


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


Action = Upload | Compare | Keep


def reconcile(planned: Iterable[Planned], present: Sequence[Asset], *, replace: frozenset[str] = frozenset()) -> list[Action]:
    """One action a planned file, in the planned order. Assets that are not planned are left alone.

    `replace` names files that may take the place of others: those that change with every attestation.
    Raises Refused naming every other file that is there with other bytes.
    """
    by_name = {asset.name: asset for asset in present}
    actions = [_action(file, by_name.get(file.name), replace) for file in planned]
    others = [action for action in actions if isinstance(action, Keep) and not _equal(action.planned, action.asset)]
    if others:
        raise differs(others)
    return actions


def _action(planned: Planned, asset: Asset | None, replace: frozenset[str]) -> Action:
    if asset is None:
        return Upload(planned=planned)
    if asset.state != "uploaded":
        return Upload(planned=planned, instead_of=asset.id)
    if asset.digest is None and asset.size == planned.size:
        return Compare(planned=planned, asset=asset)
    if planned.name in replace and not _equal(planned, asset):
        return Upload(planned=planned, instead_of=asset.id)
    return Keep(planned=planned, asset=asset)


def _equal(planned: Planned, asset: Asset) -> bool:
    return asset.size == planned.size and asset.digest == f"sha256:{planned.sha256}"


def differs(actions: Iterable[Keep | Compare]) -> Refused:
    """The error about files that are there with other bytes."""
    problems = tuple(
        Problem(what=f"{action.planned.name}: here {action.planned.sha256[:12]}, there {action.asset.digest or 'other bytes'}")
        for action in actions
    )
    hint = "Delete them from the draft if the new ones are right, or raise the version. A build must give the same bytes again."
    return Refused("the draft holds other files under the same names", problems=problems, hint=hint)


def unplanned(planned: Iterable[Planned], present: Iterable[Asset]) -> list[Asset]:
    """Assets that nobody planned; they are reported, not touched."""
    names = {file.name for file in planned}
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
