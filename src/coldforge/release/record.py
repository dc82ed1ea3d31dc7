"""What `dist/release.json` says: which release on the server is ours. It is written as soon as there is one."""

from __future__ import annotations

from collections.abc import Iterable

from coldforge.errors import ConfigurationError
from coldforge.host import files
from coldforge.records import Record, canonical, read
from coldforge.release.api import Asset, Release
from coldforge.release.goal import Goal


class ReleasedAsset(Record, frozen=True, kw_only=True):
    """One file as the server has it."""

    id: int
    name: str
    size: int
    digest: str


class ReleaseRecord(Record, frozen=True, kw_only=True):
    """Ids and digests of the release on the server."""

    repository: str
    tag: str
    id: int
    url: str
    draft: bool
    assets: tuple[ReleasedAsset, ...] = ()


def record_of(goal: Goal, found: Release, present: Iterable[Asset]) -> ReleaseRecord:
    """The record of a release with the assets that are present."""
    assets = sorted(present, key=lambda asset: asset.name)
    return ReleaseRecord(
        repository=goal.repository,
        tag=goal.tag,
        id=found.id,
        url=found.html_url,
        draft=found.draft,
        assets=tuple(ReleasedAsset(id=a.id, name=a.name, size=a.size, digest=a.digest or "") for a in assets),
    )


def keep(goal: Goal, record: ReleaseRecord) -> None:
    """Write the record."""
    files.write(goal.dist / "release.json", canonical(record))


def remembered(goal: Goal) -> int | None:
    """The id that an earlier run had for this release. One for another release, or one that cannot be read, is none."""
    try:
        record = read(goal.dist / "release.json", ReleaseRecord)
    except ConfigurationError:
        return None
    return record.id if (record.repository, record.tag) == (goal.repository, goal.tag) else None
