"""Workshops for real: two phases with different rights, files in and out, and an end whatever happens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from coldforge.errors import BuildFailed, Refused
from coldforge.freeze import Workshop
from coldforge.freeze.workshop import HostWorkshop, open_workshop
from coldforge.host import container
from coldforge.project.images import Image
from coldforge.target import Target
from support import holding, images
from support.engines import made_by
from support.program import environment
from support.require import need

pytestmark = pytest.mark.integration

LINUX = Target.parse("linux-x86_64")
INTERFACES = ["cat", "/proc/net/dev"]
# From the documentation's own network: it leads nowhere, but only without any route the system says so at once.
CONNECT = ["python3", "-c", "import socket; socket.create_connection(('192.0.2.1', 80), timeout=5)"]


@pytest.fixture(params=["container", "host"])
def workshop(request: pytest.FixtureRequest) -> Iterator[Workshop]:
    """Both kinds, each in the way that the freeze opens it."""
    image = Image(base=request.getfixturevalue("build_image")) if request.param == "container" else None
    with open_workshop(image, LINUX) as opened:
        yield opened


@pytest.fixture
def inside(build_image: str) -> Iterator[Workshop]:
    """A container."""
    with open_workshop(Image(base=build_image), LINUX) as opened:
        yield opened


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "log"


def interfaces(text: str) -> set[str]:
    """The network interfaces in the kernel's table."""
    return {line.split(":")[0].strip() for line in text.splitlines() if ":" in line}


def test_the_second_phase_has_no_network(workshop: Workshop, log: Path) -> None:
    need("network namespaces", available=workshop.network_off, how="`unshare --net` is not allowed here")
    assert interfaces(workshop.run(INTERFACES, env={}, network=True, log=log)) - {"lo"}
    assert interfaces(workshop.run(INTERFACES, env={}, network=False, log=log)) == {"lo"}
    with pytest.raises(BuildFailed, match="exit code") as caught:
        workshop.run(CONNECT, env={}, network=False, log=log)
    assert "Network is unreachable" in caught.value.why


def test_a_container_does_not_get_its_network_back(inside: Workshop, log: Path) -> None:
    inside.run(["true"], env={}, network=False, log=log)
    with pytest.raises(BuildFailed, match="cut off"):
        inside.run(["true"], env={}, network=True, log=log)


def test_a_process_of_the_first_phase_loses_its_network_too(inside: Workshop, log: Path) -> None:
    said = inside.path("home/later")
    script = (
        f"(until [ -e {inside.path('go')} ]; do sleep 0.1; done; cat /proc/net/dev > {said}.part; mv {said}.part {said}) > /dev/null 2>&1 &"
    )
    inside.run(["sh", "-c", script], env={}, network=True, log=log)
    inside.run(["sh", "-c", f"touch {inside.path('go')}; until [ -e {said} ]; do sleep 0.1; done"], env={}, network=False, log=log)
    assert interfaces(inside.run(["cat", said], env={}, network=False, log=log)) == {"lo"}


def test_programs_in_a_container_are_a_plain_user_without_any_rights(inside: Workshop, log: Path) -> None:
    status = inside.run(["cat", "/proc/self/status"], env={}, network=True, log=log)
    facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert facts["Uid"].split() == ["1000"] * 4
    assert {facts[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert facts["NoNewPrivs"] == "1"
    assert " /coldforge " not in inside.run(["cat", "/proc/self/mountinfo"], env={}, network=True, log=log)


@pytest.fixture
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables of whoever opens a workshop: two that are nobody's business, one that the first phase needs."""
    monkeypatch.setenv("GITHUB_TOKEN", "not-for-children")
    monkeypatch.setenv("PYTHONPATH", "/not-for-children")
    monkeypatch.setenv("UV_INDEX_URL", "https://index.example/simple")


@pytest.mark.usefixtures("surroundings")
def test_children_get_nothing_of_this_environment(workshop: Workshop, log: Path) -> None:
    first, second = (workshop.run(["env"], env={"GIVEN": "1"}, network=network, log=log) for network in (True, False))
    for said in (first, second):
        assert "GIVEN=1" in said.splitlines()
        assert f"HOME={workshop.path('home')}" in said.splitlines()
        assert "not-for-children" not in said
    assert "UV_INDEX_URL=https://index.example/simple" in first.splitlines()
    assert not [line for line in second.splitlines() if line.startswith(("UV_", "SSL_", "PIP_"))]


def test_certificates_are_there_in_the_first_phase_only(
    build_image: str, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "real.pem").write_text("a certificate")
    (tmp_path / "link.pem").symlink_to("real.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "link.pem"))
    monkeypatch.setenv("UV_INDEX_URL", "https://index.example/simple")
    with open_workshop(Image(base=build_image), LINUX) as inside:
        script = ["sh", "-c", 'cat "$SSL_CERT_FILE"; echo " $UV_INDEX_URL"']
        assert inside.run(script, env={}, network=True, log=log) == "a certificate https://index.example/simple"
        assert "client" not in inside.run(["ls", inside.path("")], env={}, network=False, log=log).split()


def test_files_go_in_normalised_and_come_out(workshop: Workshop, log: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "deep").mkdir(parents=True)
    (source / "tool").write_text("#!/bin/sh\necho it runs\n")
    (source / "tool").chmod(0o4700)
    (source / "deep" / "data").write_bytes(bytes(range(256)))
    (source / "deep" / "data").chmod(0o600)
    (source / "link").symlink_to("deep/data")
    workshop.put(source, "work/in")
    assert workshop.run([workshop.path("work/in/tool")], env={}, network=False, log=log) == "it runs"
    listed = workshop.run(["find", workshop.path("work/in"), "-printf", "%P %m %Ts\\n"], env={}, network=False, log=log)
    assert sorted(listed.splitlines())[1:] == [
        "deep 755 946684800", "deep/data 644 946684800", "link 777 946684800", "tool 755 946684800",
    ]  # fmt: skip
    workshop.get("work/in", tmp_path / "out")
    assert (tmp_path / "out" / "deep" / "data").read_bytes() == bytes(range(256))
    assert (tmp_path / "out" / "link").readlink() == Path("deep/data")
    assert {path.lstat().st_uid for path in (tmp_path / "out").rglob("*")} == {os.geteuid()}
    workshop.get("work/in/tool", tmp_path / "tool")
    assert (tmp_path / "tool").stat().st_mode & 0o7777 == 0o755


def test_a_tree_that_is_taken_is_the_tree_that_was_made(workshop: Workshop, log: Path, tmp_path: Path) -> None:
    made = "mkdir -p out/tree/empty out/linked shared; echo one > out/tree/file; ln -s file out/tree/link; echo two > shared/file"
    workshop.run(["sh", "-c", f"{made}; ln shared/file out/linked/file"], env={}, network=False, log=log)
    for name in ("tree", "linked"):
        (tmp_path / name).mkdir()
        workshop.take(f"out/{name}", tmp_path / name)
    assert (tmp_path / "tree/link").readlink() == Path("file")
    assert (tmp_path / "tree/link").read_text() == "one\n"
    assert (tmp_path / "tree/empty").is_dir()
    (tmp_path / "linked/file").write_text("changed")
    assert workshop.run(["cat", workshop.path("shared/file")], env={}, network=False, log=log) == "two"


def test_a_link_that_leads_out_of_a_result_is_refused(workshop: Workshop, log: Path, tmp_path: Path) -> None:
    workshop.run(
        ["sh", "-c", f"mkdir {workshop.path('out')}; ln -s /etc/passwd {workshop.path('out/users')}"], env={}, network=False, log=log
    )
    with pytest.raises(Refused, match="leads out"):
        workshop.get("out", tmp_path / "out")


def test_what_was_not_made_is_named(workshop: Workshop, tmp_path: Path) -> None:
    with pytest.raises(BuildFailed, match="was not made"):
        workshop.get("absent", tmp_path / "out")


def test_a_kept_folder_is_the_same_in_the_next_workshop(build_image: str, log: Path, tmp_path: Path) -> None:
    listing = ["sh", "-c", "cd /coldforge/kept && find . -printf '%p %m %U %l\\n' | sort && cat a/file && readlink /coldforge/kept/python"]
    with open_workshop(Image(base=build_image), LINUX) as first:
        script = "mkdir -p kept/a && cd kept && echo text > a/file && chmod 751 a/file && ln -s /usr/bin/python3 python && ln -s a/file b"
        first.run(["sh", "-c", script], env={}, network=True, log=log)
        before = first.run(listing, env={}, network=True, log=log)
        first.save("kept", tmp_path / "kept")
    with open_workshop(Image(base=build_image), LINUX) as second:
        second.restore(tmp_path / "kept", "kept")
        assert second.run(listing, env={}, network=True, log=log) == before
        second.run(["sh", "-c", "echo more >> kept/a/file"], env={}, network=True, log=log)


def test_a_failure_tells_the_last_lines_and_the_log_holds_them_all(workshop: Workshop, log: Path) -> None:
    workshop.run(["echo", "before"], env={}, network=True, log=log)
    with pytest.raises(BuildFailed, match="`sh` ended with exit code 7") as caught:
        workshop.run(["sh", "-c", "seq 100; echo no >&2; exit 7"], env={}, network=False, log=log)
    assert caught.value.why.splitlines()[-2:] == ["100", "no"]
    assert str(log) in caught.value.hint
    lines = log.read_text().splitlines()
    assert "before" in lines
    assert lines.count("1") == 1
    assert lines[-1] == "no"


def test_a_program_that_is_absent_is_a_failure(inside: Workshop, log: Path) -> None:
    with pytest.raises(BuildFailed, match="`program` ended") as caught:
        inside.run(["/absent/program"], env={}, network=True, log=log)
    assert "/absent/program" in caught.value.why


def test_a_container_that_is_ended_from_outside_is_no_success(build_image: str, inside: Workshop, log: Path) -> None:
    inside.run(["sh", "-c", "(sleep 1; kill -9 -1) > /dev/null 2>&1 &"], env={}, network=True, log=log)
    with images.client() as client:
        (number,) = made_by(client, os.getpid())
        inside.run(["true"], env={}, network=True, log=log)
        client.containers.get(number).remove(force=True)
    with pytest.raises(BuildFailed, match="container is gone"):
        inside.run(["true"], env={}, network=True, log=log)


def test_nothing_is_left(build_image: str, log: Path) -> None:
    with images.client() as client:
        with open_workshop(Image(base=build_image), LINUX) as inside:
            assert len(made_by(client, os.getpid())) == 1
            inside.run(["true"], env={}, network=False, log=log)
        assert made_by(client, os.getpid()) == []
        with pytest.raises(ValueError, match="mine"), open_workshop(Image(base=build_image), LINUX):
            raise ValueError("mine")
        assert made_by(client, os.getpid()) == []


def start(image: str) -> subprocess.Popen[str]:
    """A process with a workshop open, and a program running in it that takes its time."""
    env = {
        **environment(),
        "PYTHONPATH": os.pathsep.join(str(path) for path in (Path(container.__file__).parents[2], Path(holding.__file__).parents[1])),
    }
    process = subprocess.Popen(
        [sys.executable, holding.__file__, image, "600"], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_process_leaves_no_container(number: signal.Signals, build_image: str) -> None:
    with images.client() as client, start(build_image) as process:
        assert len(made_by(client, process.pid)) == 1
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
        assert process.returncode == 130
        assert "Traceback" not in said
        assert made_by(client, process.pid) == []


def test_what_a_killed_process_left_is_removed_by_the_next_and_nothing_else_is(build_image: str) -> None:
    with images.client() as client, start(build_image) as alive, start(build_image) as killed:
        (used,) = made_by(client, alive.pid)
        assert len(made_by(client, killed.pid)) == 1
        killed.kill()
        killed.wait(timeout=60)
        with open_workshop(Image(base=build_image), LINUX):
            assert made_by(client, killed.pid) == []
            assert made_by(client, alive.pid) == [used]
        alive.send_signal(signal.SIGINT)
        alive.communicate(timeout=60)
        assert made_by(client, alive.pid) == []


def test_a_system_that_forbids_it_is_recorded_as_not_isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "unshare").write_text("#!/bin/sh\necho 'unshare: unshare failed: Operation not permitted' >&2\nexit 1\n")
    (tmp_path / "unshare").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    (tmp_path / "root").mkdir()
    workshop = HostWorkshop(tmp_path / "root")
    assert not workshop.network_off
    assert workshop.run(["echo", "still runs"], env={}, network=False, log=tmp_path / "log") == "still runs"
