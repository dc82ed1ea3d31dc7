"""One running container: programs in it, files in and out, and its end, whatever happens."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, TextIO

from coldforge.errors import BuildFailed, ColdforgeError, Missing
from coldforge.host.archive import extract, pack
from coldforge.host.engine import FIRST_ANSWER, HOST_HINT, Engine, attended, awaited, check_alive, no_space, talking
from coldforge.host.files import scratch
from coldforge.host.interrupt import held_back
from coldforge.host.owner import is_dead, this_process
from coldforge.host.run import NO_SPACE
from coldforge.host.secrets import redact
from coldforge.report import reporter

if TYPE_CHECKING:
    from docker import APIClient
    from docker.models.containers import Container as DockerContainer

LABEL: Final = "coldforge"
LIFETIME: Final = "86400"  # seconds: an upper bound, should nobody be left to end it
KILLED: Final = 137


class Container:
    """A running container that nothing is mounted into. Programs in it have no capabilities and cannot gain any."""

    def __init__(self, client: Engine, container: DockerContainer) -> None:
        self._client = client
        self._container = container

    @property
    def id(self) -> str:
        """What the engine calls it."""
        return str(self._container.id)

    def execute(self, argv: Sequence[str], *, env: Mapping[str, str], cwd: str, user: str, log: Path | None = None) -> str:
        """Run a program inside; its lines go to the reporter, and to the end of `log` if there is one.

        Raises BuildFailed, or Missing (disk full).
        """
        api = self._client.api
        lines: list[str] = []
        with _lines_of(log) as stream, talking("the container is gone; somebody or something ended it"):
            words: dict[str, Any] = {"environment": dict(env), "workdir": cwd, "user": user}
            number = awaited(self._client, lambda: api.exec_create(self._container.id, list(argv), **words))["Id"]
            stream.write(redact(f"$ {' '.join(argv)}\n"))
            for line in split_lines(attended(self._client, lambda: _output(api, number))):
                lines.append(line)
                stream.write(redact(line) + "\n")
                reporter().detail(line)
            code = awaited(self._client, lambda: api.exec_inspect(number))["ExitCode"]
        if code != 0:  # None when the container ended under it
            raise _failure(argv[0], code, lines, log)
        return "\n".join(lines)

    def works(self) -> bool:
        """Whether programs of the image run at all: those of another architecture take an emulator. Raises Missing: no engine any more."""
        try:
            with talking():
                code, _ = awaited(self._client, lambda: self._container.exec_run(["sleep", "0"]))
        except ColdforgeError:
            with talking():
                check_alive(self._client)
            return False
        return bool(code == 0)

    def put(self, source: Path, destination: str, owner: int) -> None:
        """Copy a file or folder to the path `destination`, with normalised modes, times and owner."""
        with scratch("put") as folder:
            archive = folder / "tree.tar"
            pack(source, archive, name=destination.lstrip("/"), owner=owner)
            with archive.open("rb") as stream, talking():
                awaited(self._client, lambda: self._container.put_archive("/", stream))

    def get(self, source: str, destination: Path) -> None:
        """Copy a file or folder out; the archive is not trusted. Raises BuildFailed when it is not there, Refused when it is not safe."""
        with scratch("get") as folder:
            self.save(source, folder / "tree.tar")
            with tarfile.open(folder / "tree.tar") as tar:
                extract(tar, destination, strip=1)

    def save(self, source: str, archive: Path) -> None:
        """Keep a folder as the engine's own tar, links and all; only for `restore`."""
        with archive.open("wb") as stream, talking(f"{source} was not made in the container"):
            awaited(self._client, lambda: stream.writelines(self._container.get_archive(source)[0]))

    def restore(self, archive: Path, destination: str) -> None:
        """Bring back what `save` kept, into the same place."""
        with archive.open("rb") as stream, talking():
            awaited(self._client, lambda: self._container.put_archive(destination.rpartition("/")[0] or "/", stream))

    def cut_network(self) -> None:
        """Take the container off every network, for good. Raises Missing when that leaves it any way out."""
        with talking():
            output = awaited(self._client, self._routes_when_cut)
        # Not every engine lists every network: rootless ones connect containers in ways of their own.
        ways = ways_out(output.decode(errors="replace"))
        if ways is None or ways:
            why = f"it still has routes through {', '.join(sorted(ways))}" if ways else "its routes cannot be read"
            raise Missing("the container cannot be cut off the network", why=why, hint=HOST_HINT)

    def _routes_when_cut(self) -> bytes:
        """What a program in it reads of its routes, once it is off all networks that the engine lists."""
        self._container.reload()
        for name in sorted(self._container.attrs["NetworkSettings"]["Networks"]):
            self._client.networks.get(name).disconnect(self._container, force=True)
        api, argv = self._client.api, ["cat", "/proc/net/route", "/proc/net/ipv6_route"]
        return b"".join(_output(api, api.exec_create(self._container.id, argv, stderr=False)["Id"]))


def _lines_of(log: Path | None) -> AbstractContextManager[TextIO]:
    """Where lines are kept: the end of a file, or nowhere."""
    if log is None:
        return Path(os.devnull).open("w", encoding="utf-8")
    log.parent.mkdir(parents=True, exist_ok=True)
    return log.open("a", encoding="utf-8", errors="backslashreplace")


def _output(api: APIClient, number: str) -> Iterator[bytes]:
    """Start a prepared program; what it prints, as it comes.

    The library itself would read the connection below the buffer that the answer's head came through, and lose what came along
    with the head: now and then all that a short program says (docker-py#2042).
    """
    connection: Any = api.exec_start(number, socket=True)
    response = connection._response  # noqa: SLF001
    # A program may be silent for long; `attended` looks after the engine.
    api._disable_socket_timeout(connection)  # type: ignore[attr-defined]  # noqa: SLF001
    try:
        yield from unframed(response.raw._fp.fp)  # noqa: SLF001
    finally:
        response.close()


def unframed(stream: BinaryIO) -> Iterator[bytes]:
    """The pieces that a program printed, out of the engine's frames: before each one its stream, three zeros and its length."""
    while len(head := stream.read(8)) == 8:
        yield stream.read(int.from_bytes(head[4:]))


def ways_out(routes: str) -> frozenset[str] | None:
    """The interfaces but loopback that the kernel's route tables name (IPv4, then IPv6 if it has that); None if these are no tables."""
    lines = [line.split() for line in routes.splitlines() if line.strip()]
    if not lines or lines[0][0] != "Iface":
        return None
    return frozenset(words[0] if len(words) == 11 else words[-1] for words in lines[1:]) - {"lo"}


def _failure(program: str, code: int | None, lines: Sequence[str], log: Path | None) -> ColdforgeError:
    if any(NO_SPACE in line for line in lines[-20:]):
        return no_space("\n".join(lines[-5:]))
    how = "was ended with its container" if code is None else f"ended with exit code {code} in the container"
    hint = "It was killed, most likely for want of memory. " if code == KILLED else ""
    kept = f"The whole log: {log}." if log else ""
    return BuildFailed(f"`{Path(program).name}` {how}", why="\n".join(lines[-20:]), hint=f"{hint}{kept}".strip())


def split_lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """The lines of a stream that comes in pieces of any size, each as soon as it is whole."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line.decode(errors="replace").rstrip("\r") for line in whole)
    if rest:
        yield rest.decode(errors="replace")


@contextmanager
def container(client: Engine, image: str, *, installs: bool = False, beside: Container | None = None) -> Iterator[Container]:
    """A container of `image` that idles while the block runs, and is gone afterwards whatever happens.

    With `installs` its root may do what a package manager must. One `beside` another has the network of that one.
    """
    sweep(client)
    made: DockerContainer | None = None
    try:
        with held_back(), talking():
            made = awaited(client, lambda: _create(client, image, installs=installs, beside=beside))
        with talking():
            awaited(client, made.start)
        yield Container(client, made)
    finally:
        if made is not None:
            with held_back():
                _remove(client, made)


def _create(client: Engine, image: str, *, installs: bool, beside: Container | None) -> DockerContainer:
    # what programs write into their outputs is the same every time; with the network comes its name
    return client.containers.create(
        image,
        ["sleep", LIFETIME],
        entrypoint="",
        labels={LABEL: this_process()},
        init=True,
        auto_remove=True,
        cap_drop=[] if installs else ["ALL"],
        security_opt=["no-new-privileges"],
        hostname=None if beside else "coldforge",
        network_mode=f"container:{beside.id}" if beside else None,
    )


def _remove(client: Engine, container: DockerContainer) -> None:
    """Remove it, or wait for its end when the engine is already at it (it then answers 409)."""
    try:
        check_alive(client, FIRST_ANSWER)
    except Missing:
        reporter().warn(f"the container {container.short_id} is left on the engine, which does not answer; the next run removes it")
        return
    with suppress(ColdforgeError), talking():
        awaited(client, lambda: container.remove(force=True, v=True))
        return
    with suppress(ColdforgeError), talking():
        container.wait(condition="removed", timeout=60)


def sweep(client: Engine) -> None:
    """Remove the containers that earlier runs left behind because they were killed."""
    with talking():
        found = client.containers.list(all=True, filters={"label": LABEL}, ignore_removed=True)
    for left in found:
        if is_dead(left.labels.get(LABEL, "")):
            _remove(client, left)
