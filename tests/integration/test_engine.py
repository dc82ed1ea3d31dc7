"""Container engines as they are met: absent, dead, forbidden, without the image, with one of the wrong kind."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from coldforge.errors import Missing
from coldforge.freeze.workshop import open_workshop
from coldforge.host import engine
from coldforge.project.images import Image
from coldforge.target import Target
from support import images
from support.engines import nobody
from support.program import ROOT, coldforge
from support.repository import write
from support.require import need

pytestmark = pytest.mark.integration

LINUX = Target.parse("linux-x86_64")
NOWHERE = f"sha256:{'0' * 64}"


def refusal(image: str) -> Missing:
    """What is said when a workshop with this image is asked for."""
    with pytest.raises(Missing) as caught, open_workshop(Image(base=image), LINUX):
        pytest.fail("there is no such workshop")
    assert "--host" in caught.value.hint
    return caught.value


def test_looking_for_an_engine_does_not_load_its_client() -> None:
    code = "import sys; from coldforge.host import engine; engine.configured(); sys.exit('docker' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(ROOT / "src")}, check=True)


def test_the_engine_is_described() -> None:
    with images.client() as client:
        assert client.version()["Version"] in engine.describe()


def test_no_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setattr(engine, "SOCKET", tmp_path / "absent")
    assert "there is no container engine" in refusal(NOWHERE).what


def test_no_rights_on_the_socket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    for folder in (tmp_path, *tmp_path.parents[:3]):  # the last may be the system's own, beside which tests run
        folder.chmod(folder.stat().st_mode | 0o055)
    path = tmp_path / "engine.sock"
    with closing(socket.socket(socket.AF_UNIX)) as server:
        server.bind(str(path))
        server.listen()
        path.chmod(0o660)
        monkeypatch.setattr(engine, "SOCKET", path)
        with nobody():
            said = refusal(NOWHERE)
    assert said.what == f"you have no rights on the container engine's socket {path}"
    assert "`docker`" in said.hint


def test_no_rights_on_the_real_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    with images.client():
        monkeypatch.delenv("DOCKER_HOST", raising=False)
    need("docker", available=engine.SOCKET.exists(), how="start an engine on its usual socket")
    need("a guarded socket", available=not engine.SOCKET.stat().st_mode & 0o002, how="this engine lets everybody in")
    with nobody():
        assert "no rights" in refusal(NOWHERE).what


def test_a_socket_that_nobody_listens_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "dead.sock"
    with closing(socket.socket(socket.AF_UNIX)) as server:
        server.bind(str(path))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    said = refusal(NOWHERE)
    assert f"{path} does not answer" in said.what
    assert "refused" in said.why


@pytest.mark.parametrize(
    "host", ["tcp://127.0.0.1:1", "unix:///absent/engine.sock", "http+unix://", "nonsense://engine", "tcp://127.0.0.1:x"]
)
def test_an_address_that_leads_nowhere(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", host)
    said = refusal(NOWHERE)
    assert "does not answer" in said.what
    assert said.why


def test_something_else_at_the_address(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is told from an engine, and does not make coldforge hang."""
    path = tmp_path / "other.sock"
    with closing(socket.socket(socket.AF_UNIX)) as server:
        server.bind(str(path))
        server.listen()
        monkeypatch.setattr(engine, "FIRST_ANSWER", 1)
        monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
        assert "does not answer" in refusal(NOWHERE).what


def test_an_image_known_by_its_id_only_cannot_be_pulled() -> None:
    with images.client():
        said = refusal(NOWHERE)
    assert said.what == f"the image {NOWHERE} is not on the engine"
    assert "name@sha256" in said.hint


def test_an_image_that_cannot_be_pulled_says_why() -> None:
    with images.client():
        said = refusal(f"127.0.0.1:1/python:3.13@{NOWHERE}")
    assert "cannot be pulled" in said.what
    assert "127.0.0.1:1" in said.why
    assert "refused" in said.why


def test_an_image_for_another_architecture(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "file").write_text("")
    tag = "coldforge-test/arm64:1"
    images.write(tmp_path / "tree", tmp_path / "image.tar", tag=tag, architecture="arm64")
    with images.client() as client:
        number = images.load(client, tmp_path / "image.tar", tag)
        try:
            said = refusal(number)
        finally:
            client.images.remove(tag)
    assert "is for arm64, the target needs amd64" in said.what


def test_an_image_that_cannot_run_leaves_no_container(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "file").write_text("")
    tag = "coldforge-test/empty:1"
    images.write(tmp_path / "tree", tmp_path / "image.tar", tag=tag, architecture="amd64")
    with images.client() as client:
        number = images.load(client, tmp_path / "image.tar", tag)
        try:
            said = refusal(number)
            assert [made for made in client.containers.list(all=True) if made.image and made.image.id == number] == []
        finally:
            client.images.remove(tag)
    assert said.what == "the build image cannot run a program"
    assert "ends at once" in said.why


def test_the_program_says_the_same(host_env: dict[str, str], tmp_path: Path) -> None:
    project = write(tmp_path / "tiny", container=NOWHERE)
    env = {**host_env, "DOCKER_HOST": "tcp://127.0.0.1:1"}
    coldforge("build", project, "--out", tmp_path / "dist", env=env).failed(3, "container engine at tcp://127.0.0.1:1", "--host")
