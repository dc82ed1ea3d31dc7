"""Where a freeze runs: this host, or a container. Both have the same folders and the same two phases."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from coldforge.errors import BuildFailed
from coldforge.freeze import Workshop
from coldforge.freeze.images import Image, find_image
from coldforge.host import engine, files
from coldforge.host.run import run
from coldforge.host.secrets import hide
from coldforge.report import reporter
from coldforge.target import Target

# The clients' own configuration of registries, proxies and certificates: for the phase with network only.
_CLIENT_PREFIXES: Final = ("UV_", "PIP_")
_CLIENT_NAMES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "NETRC")
_CERTIFICATES: Final = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
# Where things are kept or how much is said is no business of a workshop.
_NOT_HANDED_ON: Final = frozenset(
    {"UV_CACHE_DIR", "UV_PYTHON", "UV_PROJECT_ENVIRONMENT", "UV_SYSTEM_PYTHON", "PIP_CACHE_DIR", "PIP_TARGET"}
)
USER: Final = 1000
ROOT: Final = "/coldforge"


def client_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that configure how registries are reached; whatever looks like a credential is hidden from outputs."""
    chosen = {
        name: value
        for name, value in environment.items()
        if (name.startswith(_CLIENT_PREFIXES) or name.upper() in _CLIENT_NAMES or name in _CERTIFICATES) and name not in _NOT_HANDED_ON
    }
    for value in chosen.values():
        if "@" in value and "://" in value:
            hide(value.partition("://")[2].rpartition("@")[0])
    return chosen


class HostWorkshop:
    """This machine: a private folder, and for the second phase a network namespace of its own where the system allows it."""

    identity = "host"
    uv_needed = False

    def __init__(self, root: Path) -> None:
        self._root = root
        self.network_off = _can_cut_network()
        (root / "home").mkdir()

    def path(self, name: str) -> str:
        return str(self._root / name)

    def put(self, source: Path, name: str) -> None:
        target = self._root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
        else:
            shutil.copyfile(source, target)
            target.chmod(0o755 if source.stat().st_mode & 0o100 else 0o644)

    def run(self, argv: Sequence[str], *, env: Mapping[str, str], network: bool, log: Path) -> str:
        cut = _CUT if self.network_off and not network else []
        client = client_environment(os.environ) if network else {}
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
        base = {"HOME": self.path("home"), "TMPDIR": self.path("home"), "PATH": path}
        if network and (cache := _uv_cache()):
            base["UV_CACHE_DIR"] = cache
        return run([*cut, *argv], cwd=self._root, env={**client, **base, **env}, log=log).output

    def get(self, name: str, destination: Path) -> None:
        source = self._root / name
        if not source.exists():
            raise BuildFailed(f"{name} was not made")
        _copy(source, destination)

    def save(self, name: str, destination: Path) -> None:
        _copy(self._root / name, destination)

    def restore(self, source: Path, name: str) -> None:
        self.put(source, name)


def _copy(source: Path, destination: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, destination, symlinks=True, dirs_exist_ok=True)
    else:
        shutil.copy2(source, destination)


_CUT: Final = ["unshare", "--net", *([] if os.name == "posix" and os.geteuid() == 0 else ["--map-root-user"])]


def _can_cut_network() -> bool:
    """Whether a process can be given a network namespace of its own; many systems forbid it to plain users."""
    if not sys.platform.startswith("linux") or shutil.which("unshare") is None:
        return False
    return run([*_CUT, "true"], check=False).code == 0


def _uv_cache() -> str:
    """uv's own cache of downloads is shared: files in it are checked against the lock's hashes like any other."""
    return os.environ.get("UV_CACHE_DIR") or str(Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "uv")


class ContainerWorkshop:
    """A container of a pinned image: fixed paths, a plain user, files copied in and out, and no network in the second phase."""

    network_off = True
    uv_needed = True

    def __init__(self, container: engine.Container, image: Image) -> None:
        self._container = container
        self.identity = image.identity
        self._connected = True
        self._client = self._put_client()

    def _put_client(self) -> dict[str, str]:
        """Copy in the files that the client's configuration names, and say where they are inside."""
        client = client_environment(os.environ)
        for name in (*_CERTIFICATES, "UV_CONFIG_FILE", "PIP_CONFIG_FILE", "NETRC"):
            path = Path(client.pop(name, ""))
            if path.is_file():
                inside = f"client/{name.lower()}"
                self.put(path, inside)
                client[name] = self.path(inside)
        client.pop("PIP_FIND_LINKS", None)  # a folder of this machine; indexes are reached, not copied
        return client

    def path(self, name: str) -> str:
        return f"{ROOT}/{name}"

    def put(self, source: Path, name: str) -> None:
        self._container.put(source, self.path(name), USER)

    def run(self, argv: Sequence[str], *, env: Mapping[str, str], network: bool, log: Path) -> str:
        if not network and self._connected:
            self._container.cut_network()
            self._connected = False
        client = self._client if network else {}
        base = {"HOME": self.path("home"), "PATH": "/usr/local/bin:/usr/bin:/bin"}
        return self._container.execute(argv, env={**client, **base, **env}, cwd=ROOT, user=f"{USER}:{USER}", log=log)

    def get(self, name: str, destination: Path) -> None:
        self._container.get(self.path(name), destination)

    def save(self, name: str, destination: Path) -> None:
        self._container.save(self.path(name), destination)

    def restore(self, source: Path, name: str) -> None:
        self._container.restore(source, self.path(name))


def choose_image(container: str, *, host: bool, project: Path) -> Image | None:
    """The image to freeze in; None for the host: asked for, nothing planned, or no engine on this machine."""
    if host or not container:
        return None
    image = find_image(container, project)
    if engine.configured():
        return image
    reporter().info(f"There is no container engine here: freezing on this machine, with {host_glibc()} as the floor of the result.")
    return None


def host_glibc() -> str:
    """This machine's glibc, like `glibc 2.36`."""
    try:
        return os.confstr("CS_GNU_LIBC_VERSION") or "its C library"
    except (ValueError, AttributeError):
        return "its C library"


@contextmanager
def open_workshop(image: Image | None, target: Target) -> Iterator[Workshop]:
    """A workshop that exists while the block runs. Raises Missing when the engine or the image cannot be had."""
    if image is None:
        reporter().info(f"Freezing on this machine ({host_glibc()}: the result needs that or newer).")
        with files.scratch("freeze") as folder:
            yield HostWorkshop(folder)
        return
    client = engine.connect()
    identity = engine.ensure_image(client, image.reference, target.debian_arch)
    needs = f", glibc {image.glibc}: the result needs that or newer" if image.glibc else ""
    reporter().info(f"Freezing in a container of {image.reference}{needs}.")
    with engine.container(client, identity) as container:
        workshop = ContainerWorkshop(container, image)
        with files.scratch("home") as empty:
            workshop.put(empty, "home")
        yield workshop
