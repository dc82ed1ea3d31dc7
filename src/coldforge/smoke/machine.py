"""A bare system: what is installed in it as root, and started in it as a plain user with a home that cannot be written."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from coldforge.errors import BuildFailed, ConfigurationError
from coldforge.host.container import Container
from coldforge.smoke.diagnosis import missing
from coldforge.smoke.managers import Manager

USER: Final = 1234  # no image has somebody with this number
HOME: Final = "/home/person"
PATH: Final = "/usr/local/bin:/usr/bin:/bin"
INBOX: Final = "/opt/coldforge"  # where artifacts are put
_ROOT: Final = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "DEBIAN_FRONTEND": "noninteractive",
    "LC_ALL": "C.UTF-8",
}
_PREPARE: Final = f"""
mkdir -p {HOME} {INBOX}
echo 'person:x:{USER}:{USER}:person:{HOME}:/bin/sh' >> /etc/passwd
echo 'person:x:{USER}:' >> /etc/group
command -v python3 python || true
"""
_UNRESOLVED: Final = 'find "$0" -type f \\( -name "*.so*" -o -perm -1 \\) -exec ldd {} + 2> /dev/null || true'


class Machine:
    """One bare system, in which everything that was made is tried, one after the other."""

    def __init__(self, container: Container, manager: Manager, client: Mapping[str, str], log: Path) -> None:
        """`manager` installs packages; `client` says how their archives are reached, for root alone; `log` gets what is printed.

        Raises ConfigurationError when the image has a Python, which would prove nothing.
        """
        self._container = container
        self._manager = manager
        self._root = {**_ROOT, **client}
        self._log = log
        if found := self.root(["/bin/sh", "-c", _PREPARE]).strip():
            raise ConfigurationError(f"the image is not bare: it has {found.splitlines()[0]}", hint="Choose one without Python.")

    @property
    def system(self) -> str:
        """What the system calls itself, such as `Debian GNU/Linux 12 (bookworm)`."""
        found = re.search(r'^PRETTY_NAME="?([^"\n]*)', self.root(["cat", "/etc/os-release"]), re.MULTILINE)
        return found[1] if found else "unknown"

    def root(self, argv: Sequence[str]) -> str:
        """Run a program as root. Raises BuildFailed."""
        return self._container.execute(argv, env=self._root, cwd="/", user="0:0", log=self._log)

    def run(self, argv: Sequence[str], *, path: str = "", env: Mapping[str, str] | None = None) -> str:
        """Run a program as the plain user, with the folder `path` before the system's own. Raises BuildFailed."""
        words = {"HOME": HOME, "USER": "person", "LOGNAME": "person", "LC_ALL": "C.UTF-8", "PATH": f"{path}:{PATH}".lstrip(":")}
        return self._container.execute(argv, env={**words, **(env or {})}, cwd=HOME, user=f"{USER}:{USER}", log=self._log)

    def put(self, source: Path) -> str:
        """Copy a file in; its path there."""
        path = f"{INBOX}/{source.name}"
        self._container.put(source, path, 0)
        return path

    def unpack(self, source: Path) -> str:
        """Unpack a tar.gz with one folder in it, as root; that folder's path. Raises BuildFailed."""
        folder = f"{INBOX}/unpacked"
        self.root(["mkdir", "-p", folder])
        self.root(["tar", "-xzf", self.put(source), "-C", folder, "--strip-components=1", "--no-same-owner"])
        return folder

    def lay_out(self, tar: Path, folder: str, *, top: str = "") -> None:
        """Unpack a tar into a folder, as root; of one with a `top` what is below that. Raises BuildFailed."""
        inbox = self.put(tar)
        self.root(["mkdir", "-p", folder])
        parts = ["--strip-components=1", top] if top else []
        self.root(["tar", "-xf", inbox, "-C", folder, "--no-same-owner", *parts])
        self.root(["rm", inbox])

    def install(self, package: Path) -> None:
        """Install a package with what it depends on. Raises BuildFailed."""
        self._manage([*self._manager.install, self.put(package)])

    def satisfy(self, words: Sequence[str]) -> None:
        """Install what a package that asks for this would have brought. Raises BuildFailed."""
        if words:
            self._manage([*self._manager.satisfy, *words])

    def remove(self, package: str) -> None:
        """Remove an installed package; what it depends on stays. Raises BuildFailed."""
        self.root([*self._manager.remove, package])

    def _manage(self, words: Sequence[str]) -> None:
        """An image usually has no lists of packages, and needs none when it has all dependencies."""
        with suppress(BuildFailed):
            self.root(words)
            return
        with suppress(BuildFailed):  # the second try says what is wrong
            self.root(self._manager.refresh)
        self.root(words)

    def unresolved(self, folder: str, contents: str) -> tuple[str, ...]:
        """The libraries that the loader does not find for the files of a frozen tree, as its launcher lets it search: in `contents`."""
        return missing(self.run(["/bin/sh", "-c", _UNRESOLVED, folder], env={"LD_LIBRARY_PATH": f"{folder}/{contents}"}))
