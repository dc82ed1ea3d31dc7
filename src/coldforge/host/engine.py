"""Container engines: the only room that knows the Docker SDK (any engine with Docker's API does, also a remote one)."""

from __future__ import annotations

import os
import socket
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from coldforge.errors import BuildFailed, ColdforgeError, Missing
from coldforge.host.archive import extract, pack
from coldforge.host.files import scratch
from coldforge.host.run import NO_SPACE
from coldforge.report import reporter

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container as DockerContainer

LABEL: Final = "coldforge"
SOCKET: Final = Path("/var/run/docker.sock")
HOST_HINT: Final = "`--host` freezes on this machine, without a container."


def configured() -> bool:
    """Whether an engine seems to be there, without importing the SDK (it costs as much as fourteen interpreter starts)."""
    return bool(os.environ.get("DOCKER_HOST")) or SOCKET.exists()


def connect() -> DockerClient:
    """A client of the engine. Raises Missing: no engine, no rights, or it does not answer."""
    if not configured():
        raise Missing(
            "there is no container engine", why=f"DOCKER_HOST is not set and {SOCKET} does not exist", hint=f"Install one. {HOST_HINT}"
        )
    _check_socket()
    import docker
    from docker.errors import DockerException

    try:
        client = docker.from_env(timeout=600)
        client.ping()
    except (DockerException, OSError) as error:
        where = os.environ.get("DOCKER_HOST") or str(SOCKET)
        raise Missing(f"the container engine at {where} does not answer", why=_short(error), hint=f"Start it. {HOST_HINT}") from error
    return client


def _check_socket() -> None:
    """Rights are told apart from a dead engine before the SDK wraps both in one exception."""
    if os.environ.get("DOCKER_HOST"):
        return
    probe = socket.socket(socket.AF_UNIX)
    try:
        probe.connect(str(SOCKET))
    except PermissionError as error:
        hint = f"Add yourself to the group that owns it (usually `docker`) and log in again, or use a rootless engine. {HOST_HINT}"
        raise Missing(f"you have no rights on the container engine's socket {SOCKET}", hint=hint) from error
    except OSError:
        return  # the SDK's own message follows
    finally:
        probe.close()


def describe() -> str:
    """Name and version of the engine, for people. Raises Missing."""
    client = connect()
    try:
        version = client.version()
        return f"{version.get('Platform', {}).get('Name') or 'engine'} {version['Version']} ({version['Os']}/{version['Arch']})"
    finally:
        client.close()


def ensure_image(client: DockerClient, reference: str, architecture: str) -> str:
    """Make sure that an image is on the engine, pulling it by digest if it is not; returns its id.

    `architecture` is in the engine's words (amd64, arm64). Raises Missing.
    """
    from docker.errors import APIError, DockerException, ImageNotFound

    try:
        image = client.images.get(reference)
    except ImageNotFound:
        try:
            with reporter().step(f"pull {reference}"):
                image = client.images.pull(reference, platform=f"linux/{architecture}")
        except (APIError, DockerException) as error:
            message = f"the image {reference} is not on the engine and cannot be pulled"
            raise Missing(message, why=_short(error), hint=f"Is the registry reachable? {HOST_HINT}") from error
    found = image.attrs.get("Architecture", architecture)
    if found != architecture:
        raise Missing(f"the image {reference} is for {found}, the target needs {architecture}", hint=HOST_HINT)
    return str(image.id)


def _short(error: BaseException) -> str:
    return str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__


class Container:
    """A running container that nothing is mounted into."""

    def __init__(self, client: DockerClient, container: DockerContainer) -> None:
        self._client = client
        self._container = container

    def execute(self, argv: Sequence[str], *, env: Mapping[str, str], cwd: str, user: str, log: Path) -> str:
        """Run a program inside; its lines go to the reporter and to `log`. Raises BuildFailed."""
        api = self._client.api
        made = api.exec_create(self._container.id, list(argv), environment=dict(env), workdir=cwd, user=user)
        lines: list[str] = []
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8") as stream:
            stream.write(f"$ {' '.join(argv)}\n")
            for line in _lines(api.exec_start(made["Id"], stream=True)):
                lines.append(line)
                stream.write(line + "\n")
                reporter().detail(line)
        code = api.exec_inspect(made["Id"])["ExitCode"]
        if code and any(NO_SPACE in line for line in lines[-20:]):
            raise Missing(
                "the container engine has no disk space left", why="\n".join(lines[-5:]), hint="`docker system prune` frees some."
            )
        if code:
            why = "\n".join(lines[-20:])
            raise BuildFailed(
                f"`{Path(argv[0]).name}` ended with exit code {code} in the container", why=why, hint=f"The whole log: {log}."
            )
        return "\n".join(lines)

    def put(self, source: Path, destination: str, owner: int) -> None:
        """Copy a file or folder to the path `destination`, with normalised modes, times and owner."""
        with scratch("put") as folder:
            archive = folder / "tree.tar"
            pack(source, archive, name=destination.lstrip("/"), owner=owner)
            with archive.open("rb") as stream:
                self._container.put_archive("/", stream)

    def get(self, source: str, destination: Path) -> None:
        """Copy a file or folder out; the archive is not trusted."""
        from docker.errors import NotFound

        with scratch("get") as folder:
            archive = folder / "tree.tar"
            try:
                chunks, _ = self._container.get_archive(source)
            except NotFound as error:
                raise BuildFailed(f"{source} was not made in the container") from error
            with archive.open("wb") as stream:
                stream.writelines(chunks)
            with tarfile.open(archive) as tar:
                extract(tar, destination, strip=1)

    def save(self, source: str, archive: Path) -> None:
        """Keep a folder as the engine's own tar, links and all; only for `restore`."""
        chunks, _ = self._container.get_archive(source)
        with archive.open("wb") as stream:
            stream.writelines(chunks)

    def restore(self, archive: Path, destination: str) -> None:
        """Bring back what `save` kept, into the same place."""
        with archive.open("rb") as stream:
            self._container.put_archive(destination.rpartition("/")[0], stream)

    def cut_network(self) -> None:
        """Take the container off every network: from now on only its loopback is left."""
        self._container.reload()
        for name in sorted(self._container.attrs["NetworkSettings"]["Networks"]):
            self._client.networks.get(name).disconnect(self._container, force=True)


def _lines(chunks: Iterator[bytes]) -> Iterator[str]:
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line.decode(errors="replace").rstrip("\r") for line in whole)
    if rest:
        yield rest.decode(errors="replace")


@contextmanager
def container(client: DockerClient, image: str) -> Iterator[Container]:
    """A container of `image` that idles while the block runs, and is gone afterwards whatever happens."""
    from docker.errors import APIError, DockerException

    started: Any = None
    try:
        started = client.containers.create(
            image,
            ["sleep", "86400"],  # an upper bound: should this process die without a trace, the container ends itself
            entrypoint="",
            labels={LABEL: str(os.getpid())},
            init=True,
            auto_remove=True,
            security_opt=["no-new-privileges"],
        )
        started.start()
        yield Container(client, started)
    except APIError as error:
        raise _explained(error) from error
    except (DockerException, OSError) as error:
        if isinstance(error, ColdforgeError):
            raise
        raise Missing("the container engine failed", why=_short(error), hint=HOST_HINT) from error
    finally:
        if started is not None:
            with suppress(DockerException, OSError):
                started.remove(force=True)
            with suppress(DockerException, OSError):
                client.close()


def _explained(error: Any) -> ColdforgeError:
    text = str(error.explanation or error)
    if "no space left" in text.lower():
        return Missing("the container engine has no disk space left", why=text, hint="`docker system prune` frees some.")
    return Missing("the container engine refused", why=text, hint=HOST_HINT)
