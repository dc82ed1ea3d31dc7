"""What signing does to several targets: an optional one that fails is left out where that is wanted, and nothing else ever is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from coldforge import recording, signing
from coldforge.errors import BuildFailed, ColdforgeError, ConfigurationError
from coldforge.plan.model import Plan, PlannedTarget
from coldforge.project.config import Config
from coldforge.records import MANIFEST, Manifest, SourceRecord, TargetRecord, canonical, read
from coldforge.sign import NothingToSign
from support import payloads
from support.releases import ENVIRONMENT
from support.warned import warnings

LINUX, WINDOWS, MACOS = "linux-x86_64", "windows-x86_64", "macos-aarch64"
SOURCE = SourceRecord(commit="a" * 40, epoch=payloads.EPOCH)


def record(target: str, size: int = 1) -> TargetRecord:
    return TargetRecord(target=target, freezer="p", payload_digest="b" * 64, payload_size=size, environment=ENVIRONMENT)


def plan() -> Plan:
    """Linux is required, the others are not."""
    targets = tuple(PlannedTarget(target=name, freezer="p", required=name == LINUX, artifacts=()) for name in (LINUX, MACOS, WINDOWS))
    return Plan(coldforge="0", product=payloads.PRODUCT, source=SOURCE, config=Config(), targets=targets)


def dist(folder: Path, *targets: str) -> Path:
    """A folder that records these targets, with the plan of all three beside them."""
    for name in targets:
        (folder / name).mkdir()
        (folder / name / MANIFEST).touch()
    (folder / "plan.json").write_bytes(canonical(plan()))
    recording.write_records(folder, recording.manifest_of(plan(), tuple(record(name) for name in sorted(targets))))
    return folder


class Work:
    """Stands for a step that signs: what it says of each target, by name; the others it signs, which shows by their size."""

    def __init__(self, folder: Path, said: Mapping[str, ColdforgeError]) -> None:
        self.folder, self.said, self.seen = folder, said, list[tuple[str, ...]]()

    def __call__(self, part: Manifest) -> None:
        self.seen.append(tuple(one.target for one in part.targets))
        for one in part.targets:
            if one.target in self.said:
                raise self.said[one.target]
        if not part.targets:
            raise NothingToSign("nothing is there")
        signed = tuple(msgspec.structs.replace(one, payload_size=2) for one in part.targets)
        signing._save(self.folder, msgspec.structs.replace(part, targets=signed))


def sizes(folder: Path) -> dict[str, int]:
    """What is recorded of each target, which both records must tell alike."""
    whole = {one.target: one.payload_size for one in read(folder / MANIFEST, Manifest).targets}
    alone = {path.parent.name: read(path, Manifest).targets[0].payload_size for path in folder.glob(f"*/{MANIFEST}")}
    assert whole == alone
    return whole


def test_an_optional_target_that_cannot_be_signed_is_left_out_and_told(tmp_path: Path) -> None:
    folder = dist(tmp_path, LINUX, WINDOWS, MACOS)
    work = Work(folder, {WINDOWS: BuildFailed("no server gave a timestamp")})
    with warnings() as told:
        made = signing._each(folder, work, forgiving=True)
    assert sizes(folder) == {LINUX: 2, MACOS: 2}
    assert made == read(folder / MANIFEST, Manifest)
    assert len(told) == 1
    assert WINDOWS in told[0]
    assert "no server gave a timestamp" in told[0]


def test_nothing_is_left_out_where_nobody_wants_that(tmp_path: Path) -> None:
    folder = dist(tmp_path, LINUX, WINDOWS)
    work = Work(folder, {WINDOWS: BuildFailed("no")})
    with pytest.raises(BuildFailed):
        signing._each(folder, work, forgiving=False)
    assert work.seen == [(LINUX, WINDOWS)]
    assert sizes(folder) == {LINUX: 1, WINDOWS: 1}


def test_a_required_target_that_cannot_be_signed_ends_it_before_others_are_touched(tmp_path: Path) -> None:
    folder = dist(tmp_path, LINUX, WINDOWS)
    with pytest.raises(BuildFailed):
        signing._each(folder, Work(folder, {LINUX: BuildFailed("no")}), forgiving=True)
    assert sizes(folder) == {LINUX: 1, WINDOWS: 1}


def test_keys_for_what_is_missing_are_no_error(tmp_path: Path) -> None:
    """Only a target that failed before has what the keys would sign; with all of them there, a key for nothing is a mistake."""
    nothing = {name: NothingToSign("nothing is there") for name in (LINUX, MACOS, WINDOWS)}
    folder = dist(tmp_path, LINUX, MACOS)
    signing._each(folder, Work(folder, nothing), forgiving=True)
    assert sizes(folder) == {LINUX: 1, MACOS: 1}
    with pytest.raises(ConfigurationError, match="nothing is there"):
        signing._each(folder, Work(folder, nothing), forgiving=False)
    (folder / WINDOWS).mkdir()
    dist_of_all = folder / "all"
    dist_of_all.mkdir()
    with pytest.raises(ConfigurationError, match="nothing is there"):
        signing._each(dist(dist_of_all, LINUX, MACOS, WINDOWS), Work(dist_of_all, nothing), forgiving=True)
