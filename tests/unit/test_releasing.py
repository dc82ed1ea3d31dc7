"""What is attested: of optional targets only those that were tried, where they were to be."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from coldforge import recording, releasing
from coldforge.errors import Refused
from coldforge.plan.model import Plan, PlannedTarget
from coldforge.project.config import Config
from coldforge.records import MANIFEST, Manifest, Smoke, SourceRecord, TargetRecord, Trial, canonical, read
from support import payloads
from support.releases import ENVIRONMENT
from support.warned import warnings

LINUX, WINDOWS, MACS = "linux-x86_64", "windows-x86_64", "macos-universal2"
TRIED = Smoke(trials=(Trial(image="i", system="Debian", artifacts=("a",)),))
UNPROVEN = Smoke(unproven=("there is no Mac here",))


def dist(folder: Path, **smokes: Smoke) -> Path:
    """A folder with records that tell this of trials, by target; all but Linux are optional."""
    targets = tuple(PlannedTarget(target=name, freezer="p", required=name == LINUX, artifacts=()) for name in sorted(smokes))
    plan = Plan(coldforge="0", product=payloads.PRODUCT, source=SourceRecord(epoch=1), config=Config(), targets=targets)
    records = tuple(
        TargetRecord(target=target, freezer="p", payload_digest="b" * 64, payload_size=1, environment=ENVIRONMENT, smoke=smokes[target])
        for target in sorted(smokes)
    )
    (folder / "plan.json").write_bytes(canonical(plan))
    recording.write_records(folder, recording.manifest_of(plan, records))
    return folder


def test_an_optional_target_that_was_to_be_tried_and_tells_nothing_is_left_out(tmp_path: Path) -> None:
    folder = dist(tmp_path, **{LINUX: TRIED, WINDOWS: Smoke(), "macos-aarch64": UNPROVEN, MACS: Smoke()})
    with warnings() as told:
        releasing._leave_out_untried(folder)
    kept = [record.target for record in read(folder / MANIFEST, Manifest).targets]
    assert kept == [LINUX, "macos-aarch64", MACS], "what is made of two others has no job of its own that tries it"
    assert [text.partition(" ")[0] for text in told] == [WINDOWS]


def test_a_required_target_that_tells_nothing_is_refused(tmp_path: Path) -> None:
    folder = dist(tmp_path, **{LINUX: Smoke(), WINDOWS: TRIED})
    before = read(folder / MANIFEST, Manifest)
    with pytest.raises(Refused, match=LINUX):
        releasing._leave_out_untried(folder)
    assert msgspec.to_builtins(read(folder / MANIFEST, Manifest)) == msgspec.to_builtins(before)
