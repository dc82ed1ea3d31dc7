"""What is made for Windows is installed, started and removed under Wine by `smoke`, and the manifest tells of it."""

from __future__ import annotations

import shutil
import zipfile
from contextlib import closing, nullcontext
from pathlib import Path

import pytest
from msgspec.structs import replace

from coldforge import pipeline, recording
from coldforge.errors import Missing, Refused
from coldforge.host import engine
from coldforge.host.container import container
from coldforge.plan.model import Plan
from coldforge.project.config import SmokeConfig
from coldforge.project.images import IMAGES
from coldforge.project.windows import WindowsConfig
from coldforge.records import MANIFEST, Smoke
from coldforge.smoke import windows
from support import exe, images

pytestmark = pytest.mark.integration
Made = tuple[Path, Plan]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, own_cache: None) -> Made:
    """A project with all packages for Windows that Wine installs, and its plan."""
    folder = tmp_path_factory.mktemp("project")
    plan, payload = exe.make(folder, config=WindowsConfig(shortcuts=()), formats=("zip", "nsis", "msi"))
    recording.write_records(folder / "dist", recording.manifest_of(plan, (recording.record_of(payload),)))
    shutil.copy(folder / "dist" / MANIFEST, folder / "dist" / exe.TARGET)
    (folder / IMAGES).parent.mkdir()
    (folder / IMAGES).write_text(images.wine_entry())
    run((folder, plan), pipeline.BUNDLE)
    return folder, plan


def run(made: Made, stages: tuple[pipeline.Stage, ...], *commands: str, container: str = "") -> Smoke:
    folder, plan = made
    targets = tuple(replace(target, container=container) for target in plan.targets)
    plan = replace(plan, config=replace(plan.config, smoke=SmokeConfig(run=commands)), targets=targets)
    names = frozenset(artifact.name for artifact in plan.targets[0].artifacts)
    this = pipeline.Run(project=folder, plan=plan, asked=names, targets=(exe.TARGET,), out=folder / "dist", jobs=2)
    (record,) = pipeline.carry_out(this, plan.targets, stages, shown=plan).targets
    return record.smoke


def test_all_that_wine_installs_is_tried_and_recorded(made: Made) -> None:
    proof = run(made, pipeline.SMOKE, "demo --version", "demo 'x y'")
    (trial,) = proof.trials
    assert set(trial.artifacts) == {artifact.name for artifact in made[1].targets[0].artifacts}
    assert trial.system.startswith("Wine 10.")
    assert (trial.image, trial.commands) == (images.image(images.WINE), ("demo --version", "demo 'x y'"))
    assert proof.unproven == ("no window was shown: Wine has no display here",)
    log = (made[0] / "dist" / exe.TARGET / "logs" / "smoke-windows.log").read_text()
    assert log.count('demo 1.2.0 "it runs\\n" ["x y"]') == 3, "from each of them"


def test_what_does_not_work_stops_it_with_the_artifact_and_the_command(made: Made) -> None:
    with pytest.raises(Refused, match=r"`demo --fail` does not work from demo-\S+ under Wine 10") as caught:
        run(made, pipeline.SMOKE, "demo --fail")
    assert caught.value.exit_code == 1
    assert "without any Python for Windows" in str(caught.value.hint)


def test_a_program_that_no_command_names_is_started_all_the_same(made: Made, tmp_path: Path) -> None:
    """What PyInstaller's programs say when something was not collected; one that waits for ever is a server."""
    folder, plan = made
    (artifact,) = (artifact for artifact in plan.targets[0].artifacts if artifact.format == "zip")
    job = windows.Job(plan=plan, artifacts=(artifact,), folder=tmp_path, reference="wine")
    with closing(engine.connect()) as client, container(client, images.image(images.WINE)) as one:
        machine = windows.Machine(one, tmp_path / "log")
        for source, why in ((exe.INCOMPLETE, "demo cannot be started from demo-"), (exe.SERVER, "")):
            with (
                zipfile.ZipFile(folder / "dist" / exe.TARGET / artifact.name) as old,
                zipfile.ZipFile(tmp_path / artifact.name, "w") as new,
            ):
                for member in old.infolist():
                    new.writestr(member, exe.compiled(source) if member.filename.endswith("/demo.exe") else old.read(member))
            with pytest.raises(Refused, match=why) if why else nullcontext():
                assert windows.attempt(job, machine).artifacts == (artifact.name,)


def test_an_image_without_wine_is_told_and_proves_nothing(made: Made, bare_image: str) -> None:
    file = made[0] / IMAGES
    whole = file.read_text()
    file.write_text(f'[windows]\nbase = "{bare_image}"\nwine = "10.0"\n')
    try:
        proof = run(made, pipeline.SMOKE, "demo")
    finally:
        file.write_text(whole)
    assert proof == Smoke(unproven=("windows: the image for Windows cannot run its programs",))


def test_an_image_that_the_matrix_names_must_have_wine(made: Made, bare_image: str) -> None:
    with (made[0] / IMAGES).open("a") as entries:
        entries.write(f'[mine]\nbase = "{bare_image}"\nwine = "10.0"\n\n[compiler]\nbase = "{bare_image}"\n')
    with pytest.raises(Missing, match="the image for Windows cannot run its programs") as caught:
        run(made, pipeline.SMOKE, "demo", container="mine")
    assert caught.value.exit_code == 3
    proof = run(made, pipeline.SMOKE, "demo --version", "demo 'x y'", container="compiler")
    assert proof.trials, "no Wine is claimed for that one: it is where commands run, and the usual image tries what they made"
