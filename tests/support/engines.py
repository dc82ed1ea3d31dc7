"""Container engines of a test's own: podman's service, a Docker daemon with little space."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from coldforge.host.container import LABEL
from coldforge.host.owner import this_process
from support.require import need, tool

if TYPE_CHECKING:
    from docker import DockerClient

# Without a service manager, and where control groups are of the first version: crun and systemd would be the defaults.
CONTAINERS = """\
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=30000:30000"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""


@contextmanager
def podman(folder: Path) -> Iterator[str]:
    """The address of a podman service that keeps everything in `folder`."""
    program = tool("podman", "apt-get install podman runc catatonit")
    need("root", available=os.geteuid() == 0, how="rootless podman needs more of a system than a test can ask for")
    (folder / "containers.conf").write_text(CONTAINERS, encoding="utf-8")
    path = folder / "podman.sock"
    places = [f"--{name}={folder / name}" for name in ("root", "runroot", "tmpdir")]
    env = {**os.environ, "CONTAINERS_CONF": str(folder / "containers.conf")}
    with _service([program, *places, "system", "service", "--time=0", f"unix://{path}"], path, folder, env):
        try:
            yield f"unix://{path}"
        finally:
            subprocess.run([program, *places, "umount", "--all"], env=env, capture_output=True, check=False)


@contextmanager
def dockerd(folder: Path) -> Iterator[str]:
    """The address of a Docker daemon that keeps everything in `folder` and gives its containers no network."""
    program = tool("dockerd", "apt-get install docker.io")
    need("root", available=os.geteuid() == 0, how="dockerd takes root")
    path = folder / "docker.sock"
    # in a network of its own: a daemon without a bridge removes the one that is there, which is the usual engine's
    words = [
        "unshare",
        "--net",
        program,
        "--bridge=none",
        "--iptables=false",
        "--ip6tables=false",
        f"--host=unix://{path}",
        f"--pidfile={folder / 'pid'}",
    ]
    words += [f"--data-root={folder / 'data'}", f"--exec-root={folder / 'exec'}"]
    with _service(words, path, folder, dict(os.environ)):
        yield f"unix://{path}"


@contextmanager
def _service(words: Sequence[str], path: Path, folder: Path, env: dict[str, str]) -> Iterator[None]:
    """A program that answers at a socket while the block runs."""
    with (folder / "log").open("wb") as log:
        service = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env)
    try:
        _wait(lambda: _answers(path), service, folder / "log")
        yield
    finally:
        service.terminate()
        with suppress(subprocess.TimeoutExpired):
            service.wait(30)
        service.kill()
        service.wait()
        _unmount(folder)


def _answers(path: Path) -> bool:
    with closing(socket.socket(socket.AF_UNIX)) as probe, suppress(OSError):
        probe.settimeout(5)
        probe.connect(str(path))
        probe.sendall(b"GET /_ping HTTP/1.0\r\nHost: engine\r\n\r\n")
        return b" 200 " in probe.recv(1000)
    return False


def _wait(ready: Callable[[], bool], service: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(300):
        if ready():
            return
        if service.poll() is not None:
            break
        time.sleep(0.2)
    pytest.fail(f"{service.args!r} does not answer: {log.read_text(errors='replace')[-3000:]}")


def _unmount(folder: Path) -> None:
    """What an engine leaves mounted below a folder, the deepest first."""
    points = [line.split()[1] for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines()]
    for point in sorted((point for point in points if point.startswith(f"{folder}/")), key=len, reverse=True):
        subprocess.run(["umount", "--lazy", point], capture_output=True, check=False)


@contextmanager
def room(megabytes: int = 0) -> Iterator[Path]:
    """A folder for an engine, with no more room than that if it is given. Its path is short: podman and sockets take no long ones."""
    with tempfile.TemporaryDirectory(prefix="e", dir="/tmp") as name:
        folder = Path(name)
        if megabytes:
            need("root", available=os.geteuid() == 0, how="mounting takes root")
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", name], check=True)
        try:
            yield folder
        finally:
            _unmount(folder)  # once more: podman's helpers clean up after it has ended, and mount for that
            if megabytes:
                subprocess.run(["umount", "--lazy", name], check=True)


def made_by(client: DockerClient, *processes: int) -> list[str]:
    """The containers on an engine that these processes of this system made: others may work with it at the same time."""
    place = this_process().rpartition(" ")[0]
    makers = tuple(f"{place} {number}." for number in processes)
    found = client.containers.list(all=True, filters={"label": LABEL}, ignore_removed=True)
    return [str(one.id) for one in found if one.labels[LABEL].startswith(makers)]


@contextmanager
def nobody() -> Iterator[None]:
    """As a user without any rights: only root can become one."""
    need("root", available=os.geteuid() == 0, how="becoming another user takes root")
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(65534)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


def least_tree(folder: Path) -> Path:
    """The least that a container can idle and write in: this machine's `sleep`, `dd` and `rm` with their libraries."""
    tree = folder / "tree"
    for name in ("sleep", "dd", "rm"):
        program = tool(name, "coreutils")
        listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
        for path in {f"/bin/{name}": program, **{word: word for word in listed.split() if word.startswith("/")}}.items():
            target = tree / path[0].lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path[1], target)
    return tree
