"""Other engines than the usual one: podman, and those whose disk is full."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from coldforge.errors import Missing
from coldforge.freeze.workshop import open_workshop
from coldforge.host import engine
from coldforge.host.container import LABEL
from coldforge.host.owner import is_dead
from coldforge.project.images import Image
from coldforge.records import Payload, canonical, read
from coldforge.target import Target
from support import engines, images
from support.program import coldforge, interrupted
from support.repository import write

pytestmark = pytest.mark.integration

LINUX = Target.parse("linux-x86_64")


@pytest.fixture(scope="module")
def podman(build_image: str) -> Iterator[str]:
    """The address of a podman that has the build image, under the id that it has everywhere."""
    with engines.room() as folder, engines.podman(folder) as host:
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv("DOCKER_HOST", host)
            with images.client() as client:
                assert images.load(client, images.archive(images.FREEZE), images.FREEZE.tag) == build_image
        yield host


@pytest.fixture(scope="module")
def project(build_image: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("tiny") / "source", container=build_image)


@pytest.fixture(scope="module")
def usual(project: Path, container_env: dict[str, str]) -> bytes:
    """The record of what the usual engine makes."""
    coldforge("freeze", project, "--out", project.parent / "usual", env=container_env).succeeded()
    return record(project.parent / "usual")


def record(out: Path) -> bytes:
    return canonical(read(out / "linux-x86_64" / "payload.json", Payload))


def left() -> list[str]:
    """The containers on the engine that DOCKER_HOST names whose makers have ended."""
    with closing(engine.connect()) as client:
        made = client.containers.list(all=True, filters={"label": LABEL}, ignore_removed=True)
        return [str(one.id) for one in made if is_dead(one.labels[LABEL])]


def test_the_same_bytes_come_from_podman(
    podman: str, project: Path, usual: bytes, container_env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = {**container_env, "DOCKER_HOST": podman, "COLDFORGE_CACHE": str(tmp_path / "cache")}
    coldforge("freeze", project, "--out", tmp_path / "dist", env=env).succeeded()
    assert record(tmp_path / "dist") == usual
    monkeypatch.setenv("DOCKER_HOST", podman)
    assert left() == []


def test_podman_is_left_without_a_container_after_ctrl_c(
    podman: str, project: Path, container_env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = {**container_env, "DOCKER_HOST": podman, "COLDFORGE_CACHE": str(tmp_path / "cache")}
    outcome = interrupted("freeze", project, "--out", tmp_path / "dist", env=env, when=lambda line: "• environment" in line)
    assert (outcome.code, "Traceback" in outcome.err) == (130, False)
    monkeypatch.setenv("DOCKER_HOST", podman)
    assert left() == []


def refusal(host: str, image: str, monkeypatch: pytest.MonkeyPatch) -> Missing:
    """What is said when a workshop with this image is asked of the engine there."""
    monkeypatch.setenv("DOCKER_HOST", host)
    with pytest.raises(Missing) as caught, open_workshop(Image(base=image), LINUX):
        pytest.fail("there is no such workshop")
    return caught.value


def test_an_image_for_another_architecture_on_podman(podman: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "file").write_text("")
    images.write(tmp_path / "tree", tmp_path / "image.tar", tag="coldforge-test/arm64:1", architecture="arm64")
    monkeypatch.setenv("DOCKER_HOST", podman)
    with images.client() as client:
        number = images.load(client, tmp_path / "image.tar", "coldforge-test/arm64:1")
    assert "is for arm64, the target needs amd64" in refusal(podman, number, monkeypatch).what


@pytest.mark.parametrize("fill", ["copy", "program"])
@pytest.mark.parametrize("kind", ["dockerd", "podman"])
def test_a_full_disk_is_told_whoever_fills_it(kind: str, fill: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is copied in, or a program that writes."""
    images.write(engines.least_tree(tmp_path), tmp_path / "image.tar", tag="coldforge-test/least:1", architecture="amd64")
    (tmp_path / "large").write_bytes(bytes(60_000_000))
    with engines.room(megabytes=50) as place, getattr(engines, kind)(place) as host:
        monkeypatch.setenv("DOCKER_HOST", host)
        with images.client() as client:
            number = images.load(client, tmp_path / "image.tar", "coldforge-test/least:1")
        with pytest.raises(Missing) as caught, open_workshop(Image(base=number), LINUX) as workshop:
            if fill == "copy":
                workshop.put(tmp_path / "large", "large")
            words = ["/bin/dd", "if=/dev/zero", f"of={workshop.path('home')}/large", "bs=1M", "count=60"]
            workshop.run(words, env={}, network=True, log=tmp_path / "log")
        said = caught.value
        assert said.what == "the container engine has no disk space left" or (kind, fill) == ("podman", "copy"), said.why
        assert "space left" in f"{said.what} {said.hint}"
        assert left() == []
