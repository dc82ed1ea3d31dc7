"""What must be done so that a release holds exactly the planned files: a pure function of planned and present.

The table is that of docs/explanation/architecture.md: nothing there → upload; there and equal → skip;
half-uploaded → delete and upload; there with other bytes → refused, or replaced in a draft when asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from coldforge.errors import Problem, Refused
from coldforge.release.api import Asset


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A file that the release must hold. `sha256` in hexadecimal."""

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
    problems = tuple(
        Problem(what=f"{a.planned.name}: here {a.planned.sha256[:12]}, there {a.asset.digest or a.asset.size}")
        for a in actions
        if isinstance(a, Keep) and not _equal(a.planned, a.asset)
    )
    if problems:
        hint = "Delete them from the draft if the new ones are right, or raise the version. A build must give the same bytes again."
        raise Refused("the draft holds other files under the same names", problems=problems, hint=hint)
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


def unplanned(planned: Iterable[Planned], present: Iterable[Asset]) -> list[Asset]:
    """Assets that nobody planned; they are reported, not touched."""
    names = {file.name for file in planned}
    return [asset for asset in present if asset.name not in names]
