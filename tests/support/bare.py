"""A bare system: a container without Python and without network, in which a package is installed, used and removed."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LABEL = "coldforge-test"
USER = "person"
# Every path with what it is: type, owner, mode, size, link, and the sum of regular files. Left out is what the package
# manager writes about itself, what the kernel shows, and the user's own home.
SNAPSHOT = r"""
find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /home -o -path /var/log \
  -o -path /var/cache -o -path '/var/lib/dpkg/status*' -o -path '/var/lib/dpkg/lock*' -o -path /var/lib/dpkg/triggers \
  -o -path /var/lib/apt \
  -o -path /.rpmdb -o -path /var/lib/rpm -o -path /var/lib/dnf -o -path /var/lib/pacman -o -path /etc/pki \
  \) -prune -o -printf '%p %y %U:%G %m %l\n' | sort > /tmp/listing
sed -n 's/ f [0-9].*//p' /tmp/listing | tr '\n' '\0' | xargs -0 sha256sum > /tmp/sums
cat /tmp/listing /tmp/sums
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """How a command inside ended, and what it printed on both streams."""

    code: int
    text: str


@dataclass(frozen=True, slots=True)
class Bare:
    """A running bare system."""

    container: Any

    def run(self, script: str, *, user: str = "root", env: dict[str, str] | None = None) -> Said:
        """Run a shell script inside."""
        folder = "/" if user == "root" else f"/home/{user}"
        code, output = self.container.exec_run(
            ["/bin/sh", "-c", script], user=user, workdir=folder, environment={"HOME": folder, "LC_ALL": "C.UTF-8", **(env or {})}
        )
        return Said(code=code, text=output.decode(errors="replace"))

    def do(self, script: str, *, user: str = "root", env: dict[str, str] | None = None) -> str:
        """Run a shell script that must succeed; what it printed."""
        said = self.run(script, user=user, env=env)
        assert said.code == 0, f"exit code {said.code} of: {script}\n{said.text}"
        return said.text

    def put(self, name: str, data: bytes, folder: str = f"/home/{USER}") -> None:
        """Write a file inside, owned by the plain user."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            info = tarfile.TarInfo(name)
            info.size, info.uid, info.gid = len(data), 1000, 1000
            archive.addfile(info, io.BytesIO(data))
        assert self.container.put_archive(folder, buffer.getvalue())

    def put_tree(self, tree: Path, folder: str) -> None:
        """Copy a folder as it is, owned by root as an installed one is."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            archive.add(tree, tree.name, filter=lambda info: info.replace(uid=0, gid=0, uname="", gname="", deep=False))
        assert self.container.put_archive(folder, buffer.getvalue())

    def snapshot(self) -> list[str]:
        """Everything on the file system, line by line."""
        return self.do(SNAPSHOT).splitlines()

    def install(self, package: Path) -> None:
        """Install a package with apt-get, which must need nothing else."""
        self.put(package.name, package.read_bytes(), "/tmp")
        self.do(f"DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends /tmp/{package.name}")

    def remove(self, name: str, *, purge: bool = False) -> None:
        """Remove an installed package, or purge it."""
        self.do(f"DEBIAN_FRONTEND=noninteractive apt-get {'purge' if purge else 'remove'} -y {name}")
        assert self.run(f"dpkg-query -W {name}").code != 0, "configuration files are left, of a package that has none"


@contextmanager
def bare(image: str) -> Iterator[Bare]:
    """A system made of `image`, with one plain user; gone afterwards."""
    import docker

    client = docker.from_env(timeout=600)
    container = client.containers.run(
        image, ["/bin/sleep", "3600"], detach=True, network_mode="none", labels={LABEL: "bare"}, init=True, hostname="bare"
    )
    try:
        system = Bare(container)
        system.do(f"useradd --create-home --uid 1000 {USER}")
        yield system
    finally:
        container.remove(force=True)
        client.close()
