"""Windowed applications, frozen with no word to PyInstaller: installed with what they need in a bare system, really shown, removed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from coldforge.project.images import IMAGES
from coldforge.records import Manifest, TargetRecord, read
from support import images
from support.bare import Bare, bare
from support.pictures import pixels
from support.program import ROOT, coldforge
from support.repository import copy
from support.windows import WINDOWED, Windowed

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module", params=WINDOWED, ids=lambda application: application.folder)
def application(request: pytest.FixtureRequest) -> Windowed:
    """One after the other, each with one build for all its tests."""
    assert isinstance(request.param, Windowed)
    return request.param


@pytest.fixture(scope="module")
def dist(application: Windowed, container_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The application's `dist/`: its deb, tried in a system that has an archive of packages and nothing of a desktop."""
    system, display = images.image(images.BARE_WITH_ARCHIVE), images.image(images.DISPLAY_SERVER)
    folder = tmp_path_factory.mktemp(application.folder)
    source = ROOT / "tests" / "projects" / application.folder
    project = copy(source, folder / "project", container=images.image(application.image))
    (project / IMAGES).parent.mkdir()
    (project / IMAGES).write_text(
        f'[bare]\nuse = "smoke"\nbase = "{system}"\nglibc = "2.36"\n\n[display]\nuse = "display"\nbase = "{display}"\n'
    )
    out = folder / "dist"
    coldforge("build", project, "--out", out, "--format", "deb", env=container_env).succeeded()
    return out


@pytest.fixture
def record(dist: Path) -> TargetRecord:
    """What the manifest says of the one target."""
    (found,) = read(dist / "manifest.json", Manifest).targets
    return found


@pytest.fixture
def system() -> Iterator[Bare]:
    """A fresh bare system with an archive of packages."""
    with bare(images.image(images.BARE_WITH_ARCHIVE)) as made:
        made.do("apt-get update")
        yield made


def test_its_window_is_shown_with_what_it_draws(application: Windowed, dist: Path, record: TargetRecord) -> None:
    assert record.smoke.unproven == ()
    (trial,) = record.smoke.trials
    assert trial.lacking == ()
    (window,) = trial.windows
    assert window.title == application.title
    counted = pixels((dist / record.target / window.screenshot).read_bytes())
    assert {colour: counted[colour] for colour, least in application.shown.items() if counted[colour] < least} == {}


def test_nothing_that_the_gates_look_for_was_found(record: TargetRecord) -> None:
    assert record.environment.network == "off"
    assert not [finding for finding in record.findings if finding.level != "warning"]


def test_it_installs_with_what_it_needs_and_leaves_nothing(application: Windowed, dist: Path, record: TargetRecord, system: Bare) -> None:
    (artifact,) = record.artifacts
    before = set(system.do("dpkg-query -W").splitlines())
    system.install(dist / artifact.path)
    brought = {line.partition(":")[0].partition("\t")[0] for line in set(system.do("dpkg-query -W").splitlines()) - before}
    assert {application.package, *application.brought} <= brought
    entry = system.do(f"cat /usr/share/applications/{application.package}.desktop")
    assert f"Exec={application.package}\n" in entry
    assert "Terminal=false\n" in entry
    assert system.do(f"dpkg -V {application.package}") == ""
    files = system.do(f"dpkg -L {application.package} | grep {application.package} | tee /srv/files").splitlines()
    assert f"/usr/bin/{application.package}" in files
    system.remove(application.package, purge=True)
    assert system.run("xargs -d '\\n' ls -d < /srv/files 2> /dev/null").text == ""
    system.do("DEBIAN_FRONTEND=noninteractive apt-get autoremove --purge -y")
    assert set(system.do("dpkg-query -W").splitlines()) == before
