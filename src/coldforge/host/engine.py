"""Container engines: the only room that knows the Docker SDK (any engine with Docker's API does, also a remote one)."""

from __future__ import annotations

import hashlib
import io
import os
import re
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

from coldforge.errors import BuildFailed, ColdforgeError, Missing
from coldforge.host.aside import fetched
from coldforge.host.run import NO_SPACE
from coldforge.report import reporter

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.errors import APIError
    from docker.models.images import Image

T = TypeVar("T")
Engine: TypeAlias = "DockerClient"
SOCKET: Final = Path("/var/run/docker.sock")
HOST_HINT: Final = "`--host` does it on this machine, without a container."
BUILT: Final = "coldforge/build"  # the name of images that are made here
NOT_FOUND: Final = 404
_NOT_RUNNING: Final = re.compile("is not running|can only create exec sessions on running containers")  # Docker's words, podman's
FIRST_ANSWER, LATER_ANSWERS = 20, 600  # seconds: an engine that is there says so soon, but may take long to unpack an archive
# Seconds after which an engine that says nothing is asked whether it is there, and within which a busy one answers that.
QUIET, SIGN_OF_LIFE = 15, 60


def configured() -> bool:
    """Whether an engine seems to be there, without importing the SDK (it costs as much as fourteen interpreter starts)."""
    return bool(os.environ.get("DOCKER_HOST")) or SOCKET.exists()


def connect() -> Engine:
    """A client of the engine, to be closed. Raises Missing: no engine, no rights, or it does not answer."""
    if not configured():
        why = f"DOCKER_HOST is not set and {SOCKET} does not exist"
        raise Missing("there is no container engine", why=why, hint=f"Install one. {HOST_HINT}")
    where = os.environ.get("DOCKER_HOST") or f"unix://{SOCKET}"
    if where.startswith("unix://"):
        _check_socket(Path(where.removeprefix("unix://")))
    import docker
    from docker.errors import DockerException

    try:
        client = docker.from_env(timeout=FIRST_ANSWER, use_ssh_client=True)
        client.ping()
    except (DockerException, OSError, ValueError) as error:
        raise _silent(where, _short(error)) from error
    client.api.timeout = LATER_ANSWERS
    return client


def _check_socket(path: Path) -> None:
    """Rights are told apart from a dead engine before the SDK wraps both in one exception."""
    with closing(socket.socket(socket.AF_UNIX)) as probe:
        try:
            probe.connect(str(path))
        except PermissionError as error:
            hint = f"Add yourself to the group that owns it (usually `docker`) and log in again, or use a rootless engine. {HOST_HINT}"
            raise Missing(f"you have no rights on the container engine's socket {path}", hint=hint) from error
        except OSError as error:
            raise _silent(str(path), error.strerror or str(error)) from error


def _silent(where: str, why: str) -> Missing:
    return Missing(f"the container engine at {where} does not answer", why=why, hint=f"Start it, or correct DOCKER_HOST. {HOST_HINT}")


def describe() -> str:
    """Name and version of the engine, for people. Raises Missing."""
    with closing(connect()) as client, talking():
        version = client.version()
    return f"{version.get('Platform', {}).get('Name') or 'engine'} {version['Version']} ({version['Os']}/{version['Arch']})"


def is_here() -> bool:
    """Whether the engine runs on this machine, as far as its address tells."""
    address = os.environ.get("DOCKER_HOST")
    return not address or address.startswith("unix://")


def architecture(client: Engine) -> str:
    """The engine's own, in its words (amd64, arm64)."""
    with talking():
        return str(client.version()["Arch"])


def ensure_image(client: Engine, reference: str, architecture: str) -> str:
    """Make sure that an image is on the engine, pulling it by digest if it is not; returns its id.

    `architecture` is in the engine's words (amd64, arm64). Raises Missing.
    """
    image = _present(client, reference)
    if image is None:
        with reporter().step(f"pull {reference}"):
            _pull(client, reference, architecture)
        image = _present(client, reference)
    if image is None:
        raise Missing(f"the image {reference} is not on the engine after it was pulled", hint=HOST_HINT)
    found = image.attrs.get("Architecture") or architecture
    if found != architecture:
        raise Missing(f"the image {reference} is for {found}, the target needs {architecture}", hint=HOST_HINT)
    return str(image.id)


def build_image(client: Engine, *, base: str, recipe: str, architecture: str) -> str:
    """Make an image from `base` (an image's id) with the text of a Dockerfile, unless it is there from before; returns its id.

    Nothing but the text is sent to the engine, so nothing else decides what is made. Raises BuildFailed.
    """
    number = hashlib.sha256(f"{base}\n{architecture}\n{recipe}".encode()).hexdigest()
    tag = f"{BUILT}:{number[:32]}"
    if made := _present(client, tag):
        return str(made.id)
    lines: list[str] = []
    with reporter().step("build the image"), talking(), io.BytesIO(recipe.encode()) as text:
        words: dict[str, Any] = {
            "tag": tag,
            "buildargs": {"BASE": base},
            "platform": f"linux/{architecture}",
            "rm": True,
            "forcerm": True,
            "decode": True,
        }
        for event in attended(client, lambda: client.api.build(fileobj=text, **words)):
            lines += str(event.get("stream") or event.get("error") or "").splitlines()
            reporter().detail(lines[-1] if lines else "")
            if "error" in event:
                why = "\n".join(line for line in lines[-20:] if line)
                raise no_space(why) if NO_SPACE.lower() in why.lower() else BuildFailed("the build image could not be made", why=why)
    if made := _present(client, tag):
        return str(made.id)
    raise Missing("the image that was made is not on the engine", hint=HOST_HINT)


def _present(client: Engine, reference: str) -> Image | None:
    from docker.errors import ImageNotFound

    with talking():
        try:
            return client.images.get(reference)
        except ImageNotFound:
            return None


def _pull(client: Engine, reference: str, architecture: str) -> None:
    """Pull by digest. The SDK's own `images.pull` drops the events that say why a pull that had begun then failed."""
    name, _, digest = reference.rpartition("@")
    if not name:
        hint = f"Load it (`docker load`), or write it as name@sha256:… in containers/images.toml. {HOST_HINT}"
        raise Missing(f"the image {reference} is not on the engine", why="An image's id alone does not say where to get it.", hint=hint)
    try:
        with talking():
            words: dict[str, Any] = {"tag": digest, "stream": True, "decode": True, "platform": f"linux/{architecture}"}
            for event in attended(client, lambda: client.api.pull(name, **words)):
                if "error" in event:
                    raise Missing(str(event["error"]))
                reporter().detail(" ".join(str(event[key]) for key in ("id", "status", "progress") if event.get(key)))
    except ColdforgeError as error:
        message = f"the image {reference} is not on the engine and cannot be pulled"
        raise Missing(message, why=error.why or error.what, hint=f"Is the registry reachable from the engine? {HOST_HINT}") from error


def attended(client: Engine, call: Callable[[], Iterable[T]]) -> Iterator[T]:
    """What a call of the engine's gives, piece by piece. Raises Missing when the engine is gone without having closed the connection:
    a machine that was switched off, a way that leads nowhere any more, a daemon that hangs."""
    return fetched(call, patience=QUIET, meanwhile=lambda: check_alive(client))


def awaited(client: Engine, call: Callable[[], T]) -> T:
    """The result of a call of the engine's. Raises what `attended` does."""
    (result,) = attended(client, lambda: [call()])
    return result


def check_alive(client: Engine, seconds: int = 0) -> None:
    """Raise Missing when the engine gives no sign of life within SIGN_OF_LIFE, or these seconds."""
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    usual, client.api.timeout = client.api.timeout, seconds or SIGN_OF_LIFE
    try:
        client.ping()
    except (DockerException, RequestException, OSError) as error:
        hint = f"Is it running, and the way to it open? Run it again. {HOST_HINT}"
        raise Missing("the container engine does not answer any more", why=_short(error), hint=hint) from error
    finally:
        client.api.timeout = usual


@contextmanager
def talking(absent: str = "") -> Iterator[None]:
    """Turn whatever the engine or the way to it says into words; `absent` is what it means that something is not there.

    Errors of this machine's own files and of the block's other work pass untouched.
    """
    from docker.errors import APIError, DockerException
    from requests.exceptions import RequestException

    try:
        yield
    except APIError as error:
        if absent and (error.status_code == NOT_FOUND or _NOT_RUNNING.search(str(error.explanation))):
            raise BuildFailed(absent) from error
        raise _explained(error) from error
    except (DockerException, RequestException, ConnectionError) as error:
        raise Missing("the connection to the container engine broke", why=_short(error), hint=f"Run it again. {HOST_HINT}") from error


def _explained(error: APIError) -> Missing:
    text = str(error.explanation or error)
    if NO_SPACE.lower() in text.lower():
        return no_space(text)
    # podman may lose the words of the program that unpacks what is copied in
    space = "Has its disk any space left? " if "exit status" in text else ""
    return Missing("the container engine refused", why=text, hint=f"{space}{HOST_HINT}")


def no_space(why: str) -> Missing:
    """The engine's disk is full."""
    return Missing("the container engine has no disk space left", why=why, hint="`docker system prune` (or podman's) frees some.")


def _short(error: BaseException) -> str:
    return str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__
