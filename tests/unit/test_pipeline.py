"""What a run records: never of two sources at once, nothing that it left out, and nothing of what is no more."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from coldforge import pipeline, recording
from coldforge.errors import BuildFailed, ConfigurationError, Missing
from coldforge.pipeline import Run, Stage
from coldforge.plan.model import PlannedTarget
from coldforge.plan.planner import make_plan
from coldforge.project.config import Config, Matrix, TargetConfig
from coldforge.records import INDEX, MANIFEST, SUMS, Artifact, Manifest, Payload, SourceRecord, TargetRecord, canonical, read
from coldforge.report import reporter, use
from coldforge.report.actions import ActionsReporter
from support import payloads
from support.releases import ENVIRONMENT
from support.warned import warnings

OTHER = "linux-aarch64"
TARGETS = (OTHER, payloads.TARGET)


def run_of(out: Path, commit: str = "a" * 40, formats: tuple[str, ...] = ("tar.gz", "deb")) -> Run:
    """A run for two targets of one commit."""
    matrix = Matrix(targets={name: TargetConfig(formats=("tar.gz", "deb")) for name in TARGETS})
    source = SourceRecord(commit=commit, epoch=payloads.EPOCH)
    plan = make_plan(product=payloads.PRODUCT, config=Config(), source=source, matrix=matrix, coldforge="0")
    asked = frozenset(artifact.name for target in plan.targets for artifact in target.artifacts if artifact.format in formats)
    return Run(project=out.parent, plan=plan, asked=asked, targets=TARGETS, out=out)


def target_of(run: Run, name: str) -> PlannedTarget:
    return next(target for target in run.plan.targets if target.target == name)


def stage(payload: str, *formats: str) -> Stage:
    """A stage that makes a payload of this digest, and artifacts of the formats, whose bytes are that digest."""

    def made(run: Run, target: PlannedTarget, record: TargetRecord | None) -> TargetRecord:
        artifacts = [planned for planned in target.artifacts if planned.format in formats]
        for planned in artifacts:
            path = run.out / target.target / planned.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(payload)
        records = tuple(
            Artifact(name=p.name, path=f"{target.target}/{p.name}", target=target.target, format=p.format, size=1, sha256="0" * 64)
            for p in artifacts
        )
        return TargetRecord(
            target=target.target,
            freezer="p",
            payload_digest=payload,
            payload_size=1,
            environment=ENVIRONMENT,
            artifacts=records or (record.artifacts if record and record.payload_digest == payload else ()),
        )

    return made


def made(run: Run, target: str, *stages: Stage) -> Manifest:
    """Run stages for one target; the release's record after that."""
    pipeline._run_target(run, target_of(run, target), stages)
    return recording.record_release(run.plan, run.out, run.targets)


def names(manifest: Manifest) -> set[tuple[str, str]]:
    return {(artifact.target, artifact.format) for artifact in manifest.artifacts}


def test_a_target_that_is_left_out_stays_in_the_record(tmp_path: Path) -> None:
    made(run_of(tmp_path), OTHER, stage("x", "tar.gz", "deb"))
    manifest = made(run_of(tmp_path), payloads.TARGET, stage("y", "tar.gz"))
    assert names(manifest) == {(OTHER, "tar.gz"), (OTHER, "deb"), (payloads.TARGET, "tar.gz")}
    assert len((tmp_path / SUMS).read_text().splitlines()) == 4


def test_what_was_built_from_another_commit_is_left_out(tmp_path: Path) -> None:
    made(run_of(tmp_path), OTHER, stage("x", "tar.gz"))
    manifest = made(run_of(tmp_path, "b" * 40), payloads.TARGET, stage("y", "tar.gz"))
    assert names(manifest) == {(payloads.TARGET, "tar.gz")}


def test_a_new_payload_has_none_of_the_old_artifacts_and_they_are_gone(tmp_path: Path) -> None:
    run = run_of(tmp_path)
    assert names(made(run, OTHER, stage("old", "tar.gz", "deb"))) == {(OTHER, "tar.gz"), (OTHER, "deb")}
    assert names(made(run, OTHER, stage("old"))) == {(OTHER, "tar.gz"), (OTHER, "deb")}, "the same payload keeps them"
    assert names(made(run, OTHER, stage("new"))) == set()
    assert [path.name for path in (tmp_path / OTHER).iterdir()] == [MANIFEST]


def test_a_freeze_of_another_commit_takes_nothing_over(tmp_path: Path) -> None:
    """Equal bytes of another commit are not of this one: the names of artifacts may hold another version."""
    made(run_of(tmp_path), OTHER, stage("same", "tar.gz"))
    manifest = made(run_of(tmp_path, "b" * 40), OTHER, stage("same"))
    assert names(manifest) == set()
    assert manifest.source.commit == "b" * 40


def test_a_stage_that_fails_leaves_the_record_as_it_was(tmp_path: Path) -> None:
    run = run_of(tmp_path)
    before = made(run, OTHER, stage("old", "tar.gz"))

    def fails(_run: Run, _target: PlannedTarget, _record: TargetRecord | None) -> TargetRecord:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        made(run, OTHER, stage("new"), fails)
    assert read(tmp_path / OTHER / MANIFEST, Manifest).targets == before.targets


def test_nothing_is_reached_outside_of_the_targets_folder(tmp_path: Path) -> None:
    run = run_of(tmp_path)
    (tmp_path / "mine").write_text("precious")
    manifest = made(run, OTHER, stage("old", "tar.gz"))
    record = manifest.targets[0]
    text = canonical(replace(manifest, targets=(record,))).replace(record.artifacts[0].name.encode(), b"../mine", 1)
    (tmp_path / OTHER / MANIFEST).write_bytes(text)
    made(run, OTHER, stage("new"))
    assert (tmp_path / "mine").is_file()


@pytest.mark.parametrize("recorded", [None, "another payload", "another commit"])
def test_a_payload_of_another_source_is_not_packaged(recorded: str | None, tmp_path: Path) -> None:
    plan, payload = payloads.make(tmp_path)
    run = Run(project=tmp_path, plan=plan, asked=frozenset(), targets=(payloads.TARGET,), out=tmp_path / "dist")
    path = tmp_path / "dist" / payloads.TARGET / MANIFEST
    if recorded is not None:
        record = recording.record_of(payload)
        source = replace(plan.source, commit="c" * 40) if recorded == "another commit" else plan.source
        record = replace(record, payload_digest="0" * 64) if recorded == "another payload" else record
        path.write_bytes(canonical(Manifest(coldforge="0", product="demo", version="1.2.0rc1", source=source, targets=(record,))))
    with pytest.raises(ConfigurationError, match="was not frozen from this source and version"):
        pipeline._run_target(run, plan.targets[0], pipeline.BUNDLE)
    record = recording.record_of(read(path.with_name("payload.json"), Payload))
    path.write_bytes(canonical(Manifest(coldforge="0", product="demo", version="1.2.0rc1", source=plan.source, targets=(record,))))
    pipeline._run_target(run, plan.targets[0], pipeline.BUNDLE)


@pytest.mark.parametrize("place", [lambda root: root, lambda root: root.parent], ids=["itself", "around it"])
def test_nothing_is_made_over_the_project(place: Callable[[Path], Path], tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    with pytest.raises(ConfigurationError, match="holds the project itself"):
        pipeline._check_out(project, place(project))


@pytest.mark.parametrize("stages", [pipeline.BUNDLE, pipeline.SMOKE], ids=["bundle", "smoke"])
def test_what_goes_on_with_a_folder_makes_none(stages: tuple[Stage, ...], tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="absent does not exist"):
        pipeline.run(tmp_path, stages, out=tmp_path / "absent")
    assert not (tmp_path / "absent").exists()


def test_what_a_format_is_made_with_is_missed_before_anything_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coldforge.host.programs.find", lambda _: None)
    monkeypatch.setattr(pipeline, "bundle", stage("a", "tar.gz"))
    matrix = Matrix(targets={TARGETS[0]: TargetConfig(formats=("tar.gz", "snap"))})
    plan = make_plan(product=payloads.PRODUCT, config=Config(), source=SourceRecord(epoch=0), matrix=matrix, coldforge="0")
    whole = frozenset(artifact.name for artifact in plan.targets[0].artifacts)
    this = dataclasses.replace(run_of(tmp_path), plan=plan, asked=whole)
    with pytest.raises(Missing, match="lacks what some formats are made with") as caught:
        pipeline.carry_out(this, plan.targets, (pipeline.bundle,), shown=plan)
    assert [str(problem) for problem in caught.value.problems] == [
        "mksquashfs, for snap (`apt-get install squashfs-tools` on Debian and Ubuntu gets it)"
    ]
    assert not list(tmp_path.iterdir()), "not even a folder was made"
    others = frozenset(name for name in whole if not name.endswith(".snap"))
    assert made(dataclasses.replace(this, asked=others), TARGETS[0], pipeline.bundle).targets[0].target == TARGETS[0]


def test_only_an_optional_target_may_be_missing_of_those_that_are_frozen(tmp_path: Path) -> None:
    required, optional = (target_of(run_of(tmp_path), name) for name in TARGETS)
    optional = replace(optional, required=False)
    assert pipeline._not_absent([required, optional], tmp_path) == (required,)
    (tmp_path / optional.target).mkdir()
    (tmp_path / optional.target / INDEX).touch()
    assert pipeline._not_absent([required, optional], tmp_path) == (required,), "a tree without a record is one that failed later"
    (tmp_path / optional.target / MANIFEST).touch()
    assert pipeline._not_absent([required, optional], tmp_path) == (required, optional)


def test_an_optional_target_that_is_made_of_two_is_there_with_both(tmp_path: Path) -> None:
    halves = ("macos-x86_64", "macos-aarch64")
    matrix = Matrix(targets={name: TargetConfig(formats=("tar.gz",)) for name in (*halves, "macos-universal2")})
    plan = make_plan(product=payloads.PRODUCT, config=Config(), source=SourceRecord(epoch=0), matrix=matrix, coldforge="0")
    both = replace(next(target for target in plan.targets if target.target == "macos-universal2"), required=False)
    for half in halves:
        assert pipeline._not_absent([both], tmp_path) == ()
        (tmp_path / half).mkdir()
        (tmp_path / half / INDEX).touch()
        (tmp_path / half / MANIFEST).touch()
    assert pipeline._not_absent([both], tmp_path) == (both,)
    (tmp_path / both.target).mkdir()
    (tmp_path / both.target / INDEX).touch()
    assert pipeline._not_absent([both], tmp_path) == (), "united, and left out since"
    (tmp_path / both.target / MANIFEST).touch()
    assert pipeline._not_absent([both], tmp_path) == (both,)
    (tmp_path / halves[0] / MANIFEST).unlink()
    assert pipeline._not_absent([both], tmp_path) == (both,), "it is whole without the one that was left out since"


def lenient(out: Path, *, forgiving: bool = True) -> Run:
    """A run whose one target of the two is optional."""
    run = run_of(out)
    targets = tuple(replace(target, required=target.target != OTHER) for target in run.plan.targets)
    return dataclasses.replace(run, plan=replace(run.plan, targets=targets), forgiving=forgiving)


def failing(name: str) -> Stage:
    """A stage that fails for one target, and makes what `stage` makes for others."""

    def made(run: Run, target: PlannedTarget, record: TargetRecord | None) -> TargetRecord:
        if target.target == name:
            raise BuildFailed("no icon fits", hint="Draw one.")
        return stage("new", "tar.gz")(run, target, record)

    return made


def test_an_optional_target_that_fails_is_told_and_left_out_for_good(tmp_path: Path) -> None:
    """Every later step of the job goes by the records: no other may bring it back, and none must stumble over it."""
    run = lenient(tmp_path)
    pipeline.carry_out(run, run.plan.targets, (stage("old", "tar.gz", "deb"),), shown=run.plan)
    (tmp_path / OTHER / INDEX).write_bytes(b"the tree")
    with warnings() as told:
        manifest = pipeline.carry_out(run, run.plan.targets, (failing(OTHER),), shown=run.plan)
    assert names(manifest) == {(payloads.TARGET, "tar.gz")}
    (text,) = told
    assert OTHER in text
    assert "no icon fits" in text
    assert "Draw one." in text
    assert [path.name for path in (tmp_path / OTHER).iterdir()] == [INDEX], "what it had made is gone, the tree is not"
    assert pipeline._not_absent(run.plan.targets, tmp_path) == (target_of(run, payloads.TARGET),)
    assert recording.record_release(run.plan, tmp_path, run.targets) == manifest


def test_a_required_target_that_fails_ends_it_and_on_a_desk_every_one_does(tmp_path: Path) -> None:
    for run, name in ((lenient(tmp_path), payloads.TARGET), (lenient(tmp_path, forgiving=False), OTHER)):
        with pytest.raises(BuildFailed):
            pipeline.carry_out(run, run.plan.targets, (failing(name),), shown=run.plan)


def test_what_other_targets_made_is_told_where_one_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "page.md"))
    before, run = reporter(), run_of(tmp_path / "dist")
    use(ActionsReporter(now=lambda: 0.0, redact=str))
    try:
        with pytest.raises(BuildFailed), pipeline._telling(run):
            pipeline.carry_out(run, run.plan.targets, (failing(payloads.TARGET),), shown=run.plan)
    finally:
        use(before)
    page = (tmp_path / "page.md").read_text("utf-8")
    assert f"{OTHER}/payload" in page
    assert "### Gates" in page
    assert payloads.TARGET not in page


def test_what_an_optional_targets_formats_are_made_with_may_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coldforge.host.programs.find", lambda _: None)
    monkeypatch.setattr(pipeline, "bundle", stage("a", "tar.gz"))
    formats = {payloads.TARGET: ("tar.gz",), OTHER: ("tar.gz", "snap")}
    matrix = Matrix(targets={name: TargetConfig(formats=formats[name], optional=name == OTHER) for name in TARGETS})
    plan = make_plan(product=payloads.PRODUCT, config=Config(), source=SourceRecord(epoch=0), matrix=matrix, coldforge="0")
    whole = frozenset(artifact.name for target in plan.targets for artifact in target.artifacts)
    this = dataclasses.replace(run_of(tmp_path), plan=plan, asked=whole, forgiving=True)
    with warnings() as told:
        manifest = pipeline.carry_out(this, plan.targets, (pipeline.bundle,), shown=plan)
    assert [record.target for record in manifest.targets] == [payloads.TARGET]
    assert "mksquashfs, for snap" in told[0]
