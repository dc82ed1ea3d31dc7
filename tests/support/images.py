"""Base images for tests, made here with debootstrap: no image registry, and nothing of this machine in them.

Trees become docker-archives with sorted entries and bounded times, kept in a folder outside of the checkout
(COLDFORGE_TEST_CACHE, else the user's cache) under the digest of their recipe, and loaded into the engine once.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from platformdirs import user_cache_path

from coldforge.host import engine
from coldforge.host.files import beside, scratch
from coldforge.host.lock import exclusive
from coldforge.records import digest_of
from support.require import need, tool

if TYPE_CHECKING:
    from docker import DockerClient

RECIPE: Final = 1  # raised when the same packages are to give another image
LATEST: Final = 1767225600  # 2026-01-01: no file is newer, so that the same packages give the same image on every day
# What debootstrap takes over from the machine that it runs on, what it downloaded, and what the engine makes itself.
LEFT_OUT: Final = (
    "etc/hostname", "etc/resolv.conf", "etc/machine-id", "etc/apt/sources.list", "var/log", "var/cache", "var/lib/apt/lists", "dev",
    "proc", "sys", "run", "tmp",
)  # fmt: skip
ARCHIVE: Final = "srv/archive"
_OFFER: Final = f"deb [trusted=yes] file:/{ARCHIVE} ./"
KEPT_FOLDERS: Final = (
    "dev", "proc", "run/lock", "sys", "tmp", "var/cache/apt/archives/partial", "var/lib/apt/lists/partial", "var/log",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """An image: a Debian release with a few packages."""

    name: str
    suite: str = "bookworm"
    packages: tuple[str, ...] = ()
    architecture: str = "amd64"
    archive: tuple[str, ...] = ()
    """Packages that are not installed, but in an archive that apt knows of: what a real system would get from the network."""

    @property
    def tag(self) -> str:
        """The name in the engine; another recipe is another tag."""
        recipe = [RECIPE, self.suite, self.packages, *([self.archive] if self.archive else [])]
        recipe += [self.architecture] if self.architecture != "amd64" else []
        return f"coldforge-test/{self.name}:{digest_of(recipe)[:16]}"


FREEZE: Final = Base(name="freeze", packages=("python3", "libpython3.11"))  # what docs/how-to/containers.md asks for, no more
COMPILE: Final = Base(name="compile", packages=("gcc", "libc6-dev"))
FREEZE_TK: Final = Base(name="freeze-tk", packages=("python3", "python3-tk", "libpython3.11"))
# What Qt's plugins for X11 and Wayland are linked with, and what they read where they are frozen: docs/how-to/windows.md names them.
FREEZE_QT: Final = Base(
    name="freeze-qt",
    packages=(
        "python3", "libpython3.11", "libbrotli1", "libdbus-1-3", "libdrm2", "libegl1", "libfontconfig1", "libgl1", "libglib2.0-0",
        "libgssapi-krb5-2", "libwayland-cursor0", "libwayland-egl1", "libxcb-cursor0", "libxcb-icccm4", "libxcb-keysyms1",
        "libxcb-shape0", "libxcb-xkb1", "libxkbcommon-x11-0",
    ),
)  # fmt: skip
# PyGObject and pycairo have no wheels for Linux: what compiles them, and what GTK is where it is frozen.
FREEZE_GTK: Final = Base(
    name="freeze-gtk",
    packages=(
        "python3", "python3-dev", "libpython3.11", "gcc", "pkg-config", "libcairo2-dev", "libgirepository1.0-dev", "libgtk-3-0",
        "gir1.2-gtk-3.0", "librsvg2-common", "dbus-x11",  # GTK's settings want a session bus, and debootstrap chooses none
    ),
)  # fmt: skip
FREEZE_3_14: Final = Base(name="freeze-3-14", suite="testing", packages=("python3.14", "libpython3.14"))  # no stable release has it
FREEZE_ARM: Final = Base(name="freeze-arm64", packages=FREEZE.packages, architecture="arm64")  # made by emulation: two minutes
BARE: Final = Base(name="bare")
BARE_WITH_SQUASHFS: Final = Base(name="bare-squashfs", packages=("squashfs-tools",))
BARE_WITH_SYSTEMD: Final = Base(name="bare-systemd", packages=("systemd",))
BARE_11: Final = Base(name="bare", suite="bullseye")
BARE_13: Final = Base(name="bare", suite="trixie")
# What desktops have: what windowed programs leave to their system, for apt to choose from.
BARE_WITH_ARCHIVE: Final = Base(
    name="bare-archive",
    archive=(
        "libdrm2", "libegl1", "libfontconfig1", "libgl1", "libwayland-cursor0", "libwayland-egl1", "libx11-6", "libxkbcommon0", "libxss1",
    ),
)  # fmt: skip
# Package managers of other families, and Python to serve them a repository on the loopback of the same container.
MANAGERS: Final = Base(
    name="managers", packages=("createrepo-c", "curl", "dnf", "gnupg", "makepkg", "pacman-package-manager", "python3", "rpm", "sudo")
)
# The same without Python: bare systems, as far as Debian can be one of another family.
ZYPPER: Final = Base(name="zypper", packages=("rpm", "zypper"))
PACMAN: Final = Base(name="pacman", packages=("pacman-package-manager",))
# What containers/toolbox.Dockerfile installs, for apt to install as that file says; and Python, for a whole coldforge.
TOOLBOX: Final = Base(
    name="toolbox", packages=("python3",), archive=("flatpak", "msitools", "nsis", "squashfs-tools", "wixl", "zsync")
)  # fmt: skip
# Wine 10: older ones cannot load what Rust's compiler makes. Python builds there what is frozen for Windows (containers/wine.Dockerfile).
WINE: Final = Base(name="wine", suite="trixie", packages=("python3", "wine64"))
DISPLAY_SERVER: Final = Base(name="display", packages=("x11-utils", "xvfb"))


@contextmanager
def client() -> Iterator[DockerClient]:
    """The engine; the test is skipped without one (or fails, where it is required)."""
    need("docker", available=engine.configured(), how="start a Docker engine")
    connected = engine.connect()
    try:
        yield connected
    finally:
        connected.close()


def image(base: Base) -> str:
    """The id of the image on the engine: there already, loaded from the cache, or made now."""
    cache().mkdir(parents=True, exist_ok=True)
    with client() as docker, exclusive(cache()):
        found = [made for made in docker.images.list() if base.tag in made.tags]
        return str(found[0].id) if found else load(docker, archive(base), base.tag)


def offline(recipe: str) -> str:
    """A Dockerfile of ours that takes what it installs from the archive inside its base, not from the snapshot of a day."""
    told, times = re.subn(r"deb \[[^]]*\] http\S+ \S+ main", _OFFER, recipe)
    assert times == 1, recipe
    return told


def wine_entry() -> str:
    """The entry of containers/images.toml by which the tests' Wine freezes, and tries, what is for Windows."""
    return f'[windows]\nbase = "{image(WINE)}"\nwine = "10.0"\n'


def cache() -> Path:
    """Where trees and archives are kept from run to run."""
    return Path(os.environ.get("COLDFORGE_TEST_CACHE") or user_cache_path("coldforge-tests", appauthor=False))


def load(docker: DockerClient, source: Path, tag: str) -> str:
    """Load a docker-archive; the image's id."""
    with source.open("rb") as stream:
        docker.images.load(stream)
    return str(docker.images.get(tag).id)


def archive(base: Base) -> Path:
    """The image as a docker-archive in the cache."""
    path = cache() / f"{base.tag.replace('/', '-').replace(':', '-')}.tar"
    if not path.is_file():
        debootstrap = tool("debootstrap", "apt-get install debootstrap")
        need("root", available=os.geteuid() == 0, how="debootstrap takes root")
        with scratch("debootstrap") as folder, beside(path) as temporary:
            _debootstrap(debootstrap, base, folder / "tree")
            _clean(folder / "tree")
            _offer(debootstrap, base, folder)
            write(folder / "tree", temporary, tag=base.tag, architecture=base.architecture)
    return path


def _debootstrap(program: str, base: Base, tree: Path, *options: str) -> None:
    downloads = cache() / "packages"
    downloads.mkdir(parents=True, exist_ok=True)
    words = [program, "--variant=minbase", f"--cache-dir={downloads}", f"--arch={base.architecture}"]
    words += [f"--include={','.join(base.packages)}"] if base.packages else []
    done = subprocess.run([*words, *options, base.suite, str(tree)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(f"debootstrap failed: {done.stdout[-2000:]}{done.stderr[-2000:]}")


def _offer(program: str, base: Base, folder: Path) -> None:
    """Put the packages of `base.archive`, with all that they need, into an archive inside of the tree."""
    if not base.archive:
        return
    _debootstrap(program, Base(name="", suite=base.suite, packages=base.archive), folder / "more", "--download-only")
    inside = folder / "tree" / ARCHIVE
    inside.mkdir()
    with (inside / "Packages").open("w") as index:
        for package in sorted((folder / "more/var/cache/apt/archives").glob("*.deb")):
            shutil.copy(package, inside)
            fields = subprocess.run(["dpkg-deb", "-f", package], capture_output=True, text=True, check=True).stdout
            with package.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
            index.write(f"{fields}Filename: ./{package.name}\nSize: {package.stat().st_size}\nSHA256: {digest}\n\n")
    (folder / "tree/etc/apt/sources.list").write_text(f"{_OFFER}\n")


def _clean(tree: Path) -> None:
    for name in LEFT_OUT:
        path = tree / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    for name in KEPT_FOLDERS:
        (tree / name).mkdir(parents=True, exist_ok=True)
    (tree / "tmp").chmod(0o1777)


def write(tree: Path, destination: Path, *, tag: str, architecture: str) -> None:
    """A docker-archive with one layer. `architecture` (amd64, arm64) is recorded in the image: `docker import` cannot do that."""
    with scratch("layer") as folder:
        layer = folder / "layer.tar"
        _layer(tree, layer)
        with layer.open("rb") as stream:
            diff = hashlib.file_digest(stream, "sha256").hexdigest()
        config = {
            "architecture": architecture,
            "os": "linux",
            "config": {"Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{diff}"]},
        }
        text = json.dumps(config, sort_keys=True).encode()
        name = f"{hashlib.sha256(text).hexdigest()}.json"
        manifest = json.dumps([{"Config": name, "RepoTags": [tag], "Layers": ["layer.tar"]}]).encode()
        with tarfile.open(destination, "w") as tar:
            _add(tar, name, io.BytesIO(text), len(text))
            with layer.open("rb") as stream:
                _add(tar, "layer.tar", stream, layer.stat().st_size)
            _add(tar, "manifest.json", io.BytesIO(manifest), len(manifest))


def _add(tar: tarfile.TarFile, name: str, stream: io.BufferedIOBase, size: int) -> None:
    info = tarfile.TarInfo(name)
    info.size = size
    tar.addfile(info, stream)


def _layer(tree: Path, destination: Path) -> None:
    with tarfile.open(destination, "w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(tree.rglob("*")):
            tar.add(path, path.relative_to(tree).as_posix(), recursive=False, filter=_bounded)


def _bounded(info: tarfile.TarInfo) -> tarfile.TarInfo:
    """Whole seconds, none newer than LATEST: byte code beside older sources stays valid."""
    info.mtime = min(int(info.mtime), LATEST)
    info.uname = info.gname = ""
    return info
