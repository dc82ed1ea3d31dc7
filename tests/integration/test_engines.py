"""Other engines than the usual one: podman, remote ones, and those whose disk is full."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from coldforge.errors import BuildFailed, Missing
from coldforge.freeze.workshop import open_workshop
from coldforge.host import container, engine
from coldforge.host.container import LABEL, sweep
from coldforge.host.owner import is_dead
from coldforge.project.images import Image
from coldforge.records import Payload, canonical, read
from coldforge.target import Target
from support import engines, images
from support.program import ROOT, coldforge, interrupted, watched
from support.remote import Remote, remote
from support.repository import write

pytestmark = pytest.mark.integration

LINUX = Target.parse("linux-x86_64")
NOWHERE = f"sha256:{'0' * 64}"


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


def test_a_remote_engine_gets_all_that_it_needs_sent(project: Path, usual: bytes, container_env: dict[str, str], tmp_path: Path) -> None:
    """The same bytes come from one that is reached over the network, and it is never told a path of this machine."""
    (tmp_path / "said").mkdir()
    with remote(tmp_path / "said") as there:
        env = {**container_env, "DOCKER_HOST": there.address, "COLDFORGE_CACHE": str(tmp_path / "cache"), "TMPDIR": str(tmp_path)}
        coldforge("freeze", project, "--out", tmp_path / "dist", env=env).succeeded()
    assert record(tmp_path / "dist") == usual
    said = [path.read_bytes() for path in (tmp_path / "said").iterdir()]
    assert any(b"/containers/create" in data for data in said)
    paths = [str(path).encode() for path in (tmp_path, project.parent, ROOT, Path(container_env["UV_CACHE_DIR"]))]
    assert [path for path in paths for data in said if path in data] == []


@pytest.mark.parametrize("moment", ["• environment", "• PyInstaller"])
def test_an_engine_that_dies_is_told_and_leaves_nothing_here(
    moment: str, project: Path, container_env: dict[str, str], tmp_path: Path
) -> None:
    for name in ("said", "temporary"):
        (tmp_path / name).mkdir()
    with remote(tmp_path / "said") as there:
        changes = {"DOCKER_HOST": there.address, "COLDFORGE_CACHE": str(tmp_path / "cache"), "TMPDIR": str(tmp_path / "temporary")}
        outcome = watched(
            "freeze",
            project,
            "--out",
            tmp_path / "dist",
            env={**container_env, **changes},
            when=lambda line: moment in line,
            act=lambda _: there.die(),
        )
    outcome.failed(3, "the connection to the container engine broke", "Run it again")
    assert list((tmp_path / "temporary").iterdir()) == []
    assert not list((tmp_path / "dist").rglob("payload*"))
    with closing(engine.connect()) as client:
        sweep(client)
        assert engines.made_by(client, outcome.process) == []


@pytest.fixture
def vanishing(build_image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Remote]:
    """An engine from afar that may vanish, and is soon missed; what it cannot remove then is removed here."""
    monkeypatch.setattr(engine, "QUIET", 1)
    monkeypatch.setattr(engine, "SIGN_OF_LIFE", 2)
    monkeypatch.setattr(container, "FIRST_ANSWER", 2)
    with images.client() as usual:
        (tmp_path / "said").mkdir()
        with remote(tmp_path / "said") as there:
            monkeypatch.setenv("DOCKER_HOST", there.address)
            yield there
        for number in engines.made_by(usual, os.getpid()):
            usual.containers.get(number).remove(force=True)


@pytest.mark.parametrize("moment", ["between", "while a program runs", "while a file is copied"])
def test_an_engine_that_vanishes_is_missed(moment: str, vanishing: Remote, build_image: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(1 << 20))
    with pytest.raises(Missing) as caught, open_workshop(Image(base=build_image), LINUX) as workshop:
        if moment == "while a program runs":
            vanishing.last = b"the last words"
            workshop.run(["sh", "-c", "echo the last words; sleep 600"], env={}, network=True, log=tmp_path / "log")
        vanishing.vanish()
        if moment == "between":
            workshop.run(["true"], env={}, network=True, log=tmp_path / "log")
        workshop.put(tmp_path / "file", "file")
    assert caught.value.what == "the container engine does not answer any more"
    assert "Run it again" in caught.value.hint


def test_ctrl_c_works_when_the_engine_has_vanished(project: Path, container_env: dict[str, str], tmp_path: Path) -> None:
    for name in ("said", "temporary"):
        (tmp_path / name).mkdir()

    def act(process: subprocess.Popen[str]) -> None:
        there.vanish()
        process.send_signal(signal.SIGINT)

    with remote(tmp_path / "said") as there:
        changes = {"DOCKER_HOST": there.address, "COLDFORGE_CACHE": str(tmp_path / "cache"), "TMPDIR": str(tmp_path / "temporary")}
        words = ("freeze", project, "--out", tmp_path / "dist")
        outcome = watched(*words, env={**container_env, **changes}, when=lambda line: "• environment" in line, act=act)
    assert outcome.code == 130, outcome.err
    assert "is left on the engine, which does not answer; the next run removes it" in outcome.err
    assert "Traceback" not in outcome.err
    assert list((tmp_path / "temporary").iterdir()) == []
    with closing(engine.connect()) as client:
        sweep(client)
        assert engines.made_by(client, outcome.process) == []


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


@pytest.mark.parametrize(
    ("image", "what", "more"),
    [
        (NOWHERE, "is not on the engine", "name@sha256"),
        (f"127.0.0.1:1/python:3.13@{NOWHERE}", "is not on the engine and cannot be pulled", "127.0.0.1:1: connect: connection refused"),
    ],
)
def test_podman_says_that_an_image_is_absent(image: str, what: str, more: str, podman: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said = refusal(podman, image, monkeypatch)
    assert said.what == f"the image {image} {what}"
    assert more in f"{said.why} {said.hint}"


def test_podman_without_rights_on_it(podman: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with engines.nobody():
        said = refusal(podman, NOWHERE, monkeypatch)
    assert said.what == f"you have no rights on the container engine's socket {podman.removeprefix('unix://')}"


def test_an_image_without_programs_on_podman(podman: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "file").write_text("")
    images.write(tmp_path / "tree", tmp_path / "image.tar", tag="coldforge-test/empty:1", architecture="amd64")
    monkeypatch.setenv("DOCKER_HOST", podman)
    with images.client() as client:
        number = images.load(client, tmp_path / "image.tar", "coldforge-test/empty:1")
    said = refusal(podman, number, monkeypatch)
    assert said.what == "the build image cannot run a program"
    assert left() == []


def test_a_program_or_a_container_that_is_gone_on_podman(
    podman: str, build_image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", podman)
    with images.client() as client, open_workshop(Image(base=build_image), LINUX) as workshop:
        with pytest.raises(BuildFailed, match="`program` ended") as caught:
            workshop.run(["/absent/program"], env={}, network=True, log=tmp_path / "log")
        assert "/absent/program" in caught.value.why
        (made,) = client.containers.list(filters={"label": LABEL})
        made.kill()
        with pytest.raises(BuildFailed, match="container is gone"):
            workshop.run(["true"], env={}, network=True, log=tmp_path / "log")
    assert left() == []


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
