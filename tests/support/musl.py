"""An image whose C library is musl, with a Python: built here from Debian's sources, because no registry is needed by any test.

It is laid out as Alpine's is, as far as a freeze notices: the loader also under the name that wheels ask for, `ldd`, libz, busybox.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from coldforge.host.files import beside, scratch
from coldforge.host.lock import exclusive
from support import images
from support.require import tool

if TYPE_CHECKING:
    from docker import DockerClient

TAG: Final = "coldforge-test/musl:1"  # raised when the recipe gives another image
SUITE: Final = "bookworm"
SIGNED: Final = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"
SOURCES: Final = ("python3.11", "zlib", "libffi")
# The wrapper says what it compiles for, and what configures itself by it finds no folder of the machine's own C library.
COMPILER: Final = """\
#!/bin/bash
words=()
for word; do case $word in
  --print-multiarch) echo x86_64-linux-musl; exit;;
  -I/usr/*|-L/usr/*) ;;
  *) words+=("$word");;
esac; done
exec musl-gcc "${words[@]}"
"""
BUILD: Final = """\
set -eu
for archive in *.orig.tar.*; do case $archive in *.asc) ;; *) tar xf "$archive";; esac; done
export CC="$PWD/cc" CFLAGS="-fPIC -O1"
(cd zlib-*/ && ./configure --prefix="$PWD/../made" && make -j2 install)
mkdir shared && mv made/lib/libz.so* shared/  # for the boot loader; the Python, which tries out what it built, has its own
(cd libffi-*/ && ./configure --prefix="$PWD/../made" --disable-shared --disable-docs --disable-exec-static-tramp && make -j2 install)
mkdir -p tree/bin tree/lib tree/usr/bin tree/etc tree/tmp tree/proc tree/sys tree/dev
export PKG_CONFIG_LIBDIR="$PWD/made/lib/pkgconfig" CPPFLAGS="-I$PWD/made/include" LDFLAGS="-L$PWD/made/lib" CFLAGS="-O1 -g0"
(cd Python-*/ && ./configure --prefix=/usr/local --enable-shared --without-ensurepip --with-system-ffi --disable-test-modules \\
  && make -j2 && make install DESTDIR="$PWD/../tree")
LD_LIBRARY_PATH=tree/usr/local/lib tree/usr/local/bin/python3 -B -c "import _ctypes, binascii, zlib"
find tree/usr -name __pycache__ -prune -exec rm -rf {} +
rm -rf tree/usr/local/lib/python3.11/test tree/usr/local/lib/python3.11/config-*
cp shared/libz.so.1 tree/lib/
cp --dereference /lib/ld-musl-x86_64.so.1 tree/lib/
ln -s ld-musl-x86_64.so.1 tree/lib/libc.musl-x86_64.so.1
printf '#!/bin/sh\\nexec /lib/ld-musl-x86_64.so.1 --list "$@"\\n' > tree/usr/bin/ldd
chmod 755 tree/usr/bin/ldd
dpkg-deb -x busybox-static_*.deb busybox
cp busybox/bin/busybox tree/bin/
for name in $(tree/bin/busybox --list); do [ "$name" = busybox ] || ln -s /bin/busybox "tree/bin/$name"; done
echo 'root:x:0:0:root:/:/bin/sh' > tree/etc/passwd
chmod 1777 tree/tmp
"""


def image() -> str:
    """The id of the image on the engine: from the cache, or built now, which takes two minutes."""
    images.cache().mkdir(parents=True, exist_ok=True)
    path = images.cache() / f"{TAG.replace('/', '-').replace(':', '-')}.tar"
    with images.client() as docker, exclusive(images.cache()):
        return _present(docker) or images.load(docker, path if path.is_file() else _built(path), TAG)


def _present(docker: DockerClient) -> str:
    return next((str(made.id) for made in docker.images.list() if TAG in made.tags), "")


def _built(path: Path) -> Path:
    tool("musl-gcc", "apt-get install musl-tools")
    with scratch("musl") as folder, beside(path) as temporary:
        _fetch(folder)
        (folder / "cc").write_text(COMPILER, encoding="utf-8")
        (folder / "cc").chmod(0o755)
        _run(["bash", "-c", BUILD], folder)
        images.write(folder / "tree", temporary, tag=TAG, architecture="amd64")
    return path


def _fetch(folder: Path) -> None:
    """The sources, and a busybox that needs no C library; the system's own lists of packages stay as they are."""
    (folder / "lists/partial").mkdir(parents=True)
    lines = "".join(f"{kind} {SIGNED} {_archive()} {SUITE} main\n" for kind in ("deb", "deb-src"))
    (folder / "sources.list").write_text(lines, encoding="utf-8")
    places = (f"Dir::State::Lists={folder / 'lists'}", f"Dir::Etc::SourceList={folder / 'sources.list'}", "Dir::Etc::SourceParts=-")
    options = [word for place in (*places, "APT::Sandbox::User=root") for word in ("-o", place)]
    for words in (["update"], ["source", "--download-only", *SOURCES], ["download", "busybox-static"]):
        _run(["apt-get", *options, "-qq", *words], folder)


def _archive() -> str:
    """The archive that apt is configured for on this machine, a Debian one."""
    form = ["--format", "$(REPO_URI)", "Created-By: Packages", "Origin: Debian"]
    found = subprocess.run(["apt-get", "indextargets", *form], check=True, capture_output=True, text=True).stdout.split()
    return next(address.rstrip("/") for address in found if not address.rstrip("/").endswith("-security"))


def _run(words: Sequence[str], folder: Path) -> None:
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8"}
    done = subprocess.run(words, cwd=folder, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(f"the image of musl could not be made: {done.stdout[-1500:]}{done.stderr[-1500:]}")
