"""Where a freeze runs: this host, or a container. Both have the same folders and the same two phases."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from coldforge.errors import DOCS, BuildFailed, Missing
from coldforge.freeze import Workshop
from coldforge.host import emulation, engine, files
from coldforge.host.archive import EPOCH, check_kinds, check_links, plain_mode
from coldforge.host.client import CLIENT, carry_in, client_environment
from coldforge.host.container import Container, container
from coldforge.host.run import run
from coldforge.project.images import WINE, Image, find_image
from coldforge.report import reporter
from coldforge.target import Target, glibc

USER: Final = 1000
ROOT: Final = "/coldforge"


class HostWorkshop:
    """This machine: a private folder, and for the second phase a network namespace of its own where the system allows it."""

    identity = "host"
    uv_needed = False
    windows = False
    python = "environment/Scripts/python.exe" if os.name == "nt" else "environment/bin/python"

    def __init__(self, root: Path) -> None:
        self._root = root
        self.network_off = _can_cut_network()
        (root / "home").mkdir()

    def path(self, name: str) -> str:
        return str(self._root / name)

    def seen(self, name: str) -> str:
        return self.path(name)

    def put(self, source: Path, name: str) -> None:
        target = self._root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        _copy(source, target)
        _normalise(target)

    def run(self, argv: Sequence[str], *, env: Mapping[str, str], network: bool, log: Path, folder: str = "") -> str:
        cut = _CUT if self.network_off and not network else []
        client = client_environment(os.environ) if network else {}
        base = {"HOME": self.path("home"), "TMPDIR": self.path("home"), "PATH": os.environ.get("PATH", os.defpath)}
        base |= _windows(self.path("home")) if os.name == "nt" else {}
        if network and (cache := _uv_cache()):
            base["UV_CACHE_DIR"] = cache
        return run([*cut, *argv], cwd=self._root / folder, env={**client, **base, **env}, log=log, called=argv[0]).output

    def get(self, name: str, destination: Path) -> None:
        _copy(self._made(name), destination)
        check_links(destination)

    def take(self, name: str, destination: Path) -> None:
        source = self._made(name)
        # what has further names would change there, too
        if any(path.lstat().st_nlink > 1 for path in source.rglob("*") if not path.is_dir()) or not _moved(source, destination):
            _copy(source, destination)
        check_links(destination)

    def _made(self, name: str) -> Path:
        source = self._root / name
        if not source.exists():
            raise BuildFailed(f"{name} was not made")
        check_kinds(source, within=self._root)
        return source

    def save(self, name: str, destination: Path) -> None:
        _normalise(self._root / name)  # here too: byte code knows the time of its source
        _copy(self._root / name, destination)

    def restore(self, source: Path, name: str) -> None:
        """Links to the kept files: thousands of them are not copied. Who writes to one damages the cache, which notices."""
        target = self._root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copytree(source, target, symlinks=True, copy_function=os.link)
        except (OSError, shutil.Error):  # on another disk, or a system that has no such links or forbids them
            shutil.rmtree(target, ignore_errors=True)
            _copy(source, target)
            _normalise(target)


def _normalise(root: Path) -> None:
    """Plain modes and one time for all that is there."""
    for path in (root, *root.rglob("*")) if root.is_dir() else (root,):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() else plain_mode(path.stat().st_mode))
        files.set_time(path, EPOCH)


def _windows(home: str) -> dict[str, str]:
    """What no program of Windows starts without, as this machine has it; and what `HOME` and `TMPDIR` are called there."""
    needed = ("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "PROCESSOR_ARCHITECTURE", "NUMBER_OF_PROCESSORS")
    homes = dict.fromkeys(("USERPROFILE", "APPDATA", "LOCALAPPDATA", "TMP", "TEMP"), home)
    return {**homes, **{name: os.environ[name] for name in needed if name in os.environ}}


def _moved(source: Path, destination: Path) -> bool:
    """Whether a folder could be moved over an empty one: not to another disk, nor by Windows."""
    try:
        source.rename(destination)
    except OSError:
        return False
    return True


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
    windows = False
    python = "environment/bin/python"

    def __init__(self, container: Container, image: Image) -> None:
        self._container = container
        self.identity = image.identity
        self._connected = True
        with files.scratch("home") as empty:
            self.put(empty, "home")
        self._client = carry_in(client_environment(os.environ), put=self.put, path=self.path)

    def path(self, name: str) -> str:
        return f"{ROOT}/{name}"

    def seen(self, name: str) -> str:
        return self.path(name)

    def put(self, source: Path, name: str) -> None:
        self._container.put(source, self.path(name), USER)

    def run(self, argv: Sequence[str], *, env: Mapping[str, str], network: bool, log: Path, folder: str = "") -> str:
        if not network and self._connected:
            self._disconnect(log)
        if network and not self._connected:
            raise BuildFailed(f"`{Path(argv[0]).name}` needs the network, which the container has been cut off for good")
        return self._execute(argv, {**(self._client if network else {}), **env}, log, folder)

    def _disconnect(self, log: Path) -> None:
        """No network from now on, and no trace of how its user reaches any."""
        self._container.cut_network()
        self._connected = False
        self._execute(["rm", "-rf", self.path(CLIENT)], {}, log)

    def _execute(self, argv: Sequence[str], env: Mapping[str, str], log: Path, folder: str = "") -> str:
        return self._container.execute(argv, env={"HOME": self.path("home"), **env}, cwd=self.path(folder), user=f"{USER}:{USER}", log=log)

    def get(self, name: str, destination: Path) -> None:
        self._container.get(self.path(name), destination)

    take = get

    def save(self, name: str, destination: Path) -> None:
        self._container.save(self.path(name), destination)

    def restore(self, source: Path, name: str) -> None:
        self._container.restore(source, self.path(name))


def choose_image(container: str, *, target: Target, host: bool, project: Path, commands: bool = False) -> Image | None:
    """The image to freeze in; None for the host: asked for, nothing planned, or no engine on this machine.

    For Windows it is one with Wine, unless `commands` make the tree, which compile for it anywhere; and on Windows itself none.
    """
    if target.os == "windows":
        container = "" if os.name == "nt" else container or ("" if commands else WINE)
    if target.os == "macos":  # which no container is
        return None
    if host or not container:
        return None
    image = find_image(container, project)
    if engine.configured():
        return image
    reporter().info(f"There is no container engine on this machine, so the build image {container!r} is not used.")
    return None


@contextmanager
def open_workshop(image: Image | None, target: Target) -> Iterator[Workshop]:
    """A workshop that exists while the block runs. Raises Missing when the engine or the image cannot be had."""
    if image is None:
        needs = f" ({glibc() or 'its C library'}: the result needs that at most)" if target.os == "linux" else ""
        reporter().info(f"Freezing on this machine{needs}.")
        with files.scratch("freeze") as folder:
            yield HostWorkshop(folder)
        return
    with closing(engine.connect()) as client:
        identity = engine.ensure_image(client, image.base, target.debian_arch)
        if image.recipe:
            identity = engine.build_image(client, base=identity, recipe=image.recipe, architecture=target.debian_arch)
        needs = f" (glibc {image.glibc}: the result needs that at most)" if image.glibc else f" (musl {image.musl})" if image.musl else ""
        needs = needs or (f" (Wine {image.wine})" if image.wine else "")
        reporter().info(f"Freezing in a container of {image.base}{needs}.")
        with _running(client, identity, target) as made:
            from coldforge.freeze.wine import WineWorkshop

            yield (WineWorkshop if image.wine else ContainerWorkshop)(made, image)


@contextmanager
def _running(client: engine.Engine, image: str, target: Target) -> Iterator[Container]:
    """A container that programs run in. Raises Missing where they are another machine's and nothing emulates it, or there are none."""
    native = engine.architecture(client) == target.debian_arch
    try:
        with container(client, image) as made:
            if made.works():
                yield made
                return
    except Missing as error:
        if native or "exec format error" not in error.why.lower():  # what a system says of another machine's program
            raise
    if native:
        why = "A container of it ends at once, or `sleep` cannot be started in it."
        hint = f"{DOCS}/how-to/containers.md tells what an image needs. {engine.HOST_HINT}"
        raise Missing("the build image cannot run a program", why=why, hint=hint)
    message = f"the container engine's machine cannot run programs for {target.arch}"
    raise Missing(message, why="It is another kind of machine, and has no emulator for them.", hint=emulation.how(target.arch))
