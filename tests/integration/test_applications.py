"""Real applications, frozen in a container, installed as .deb in a bare system without Python, used there, and removed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from coldforge.records import Manifest, read
from support.applications import APPLICATIONS, Application
from support.bare import USER, Bare, bare
from support.program import ROOT, coldforge
from support.repository import copy

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module", params=APPLICATIONS, ids=lambda application: application.folder)
def application(request: pytest.FixtureRequest) -> Application:
    """One after the other, each with one build for all its tests."""
    assert isinstance(request.param, Application)
    return request.param


@pytest.fixture(scope="module")
def dist(application: Application, build_image: str, container_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The application's `dist/`, frozen in a container."""
    folder = tmp_path_factory.mktemp(application.folder)
    project = copy(ROOT / "tests" / "projects" / application.folder, folder / "project", container=build_image)
    out = folder / "dist"
    coldforge("build", project, "--out", out, "--format", "deb", env=container_env).succeeded()
    return out


@pytest.fixture
def system(bare_image: str) -> Iterator[Bare]:
    """A fresh bare system."""
    with bare(bare_image) as made:
        yield made


def package(dist: Path) -> Path:
    """The one package that the manifest names."""
    (artifact,) = read(dist / "manifest.json", Manifest).artifacts
    return dist / artifact.path


def test_it_installs_works_and_leaves_nothing(application: Application, dist: Path, system: Bare) -> None:
    assert system.run("command -v python3 || command -v python").code != 0
    before = system.snapshot()
    system.install(package(dist))
    assert application.version in system.do(f"dpkg-query -W -f '${{Version}}' {application.package}")
    application.use(system)
    assert system.do(f"dpkg -V {application.package}") == ""
    assert system.do("dpkg --audit") == ""
    system.remove(application.package)
    assert system.snapshot() == before
    system.install(package(dist))
    system.remove(application.package, purge=True)
    assert system.snapshot() == before


def test_it_was_frozen_in_the_container_without_network(dist: Path, build_image: str) -> None:
    (record,) = read(dist / "manifest.json", Manifest).targets
    assert record.environment.workshop not in {"", "host"}
    assert record.environment.network == "off"
    assert record.environment.lock == "requirements.txt"
    assert not [finding for finding in record.findings if finding.level == "error"]


def test_the_plain_user_cannot_change_what_is_installed(application: Application, dist: Path, system: Bare) -> None:
    system.install(package(dist))
    writable = system.do(
        f"dpkg -L {application.package} | xargs -d '\\n' sh -c 'for f; do [ -L \"$f\" ] || [ ! -w \"$f\" ] || echo $f; done' x", user=USER
    )
    assert writable == ""
