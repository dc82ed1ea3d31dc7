"""A system for what is made for Windows: Wine in a container without network, whose files and registry are compared before and after."""

from __future__ import annotations

import hashlib
import io
import re
import shlex
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from coldforge.host import wine
from support import images

LABEL: Final = "coldforge-test"
HOME: Final = "/home/person"
DRIVE: Final = f"{HOME}/prefix/drive_c"
PROFILE: Final = "users/person"
HIVES: Final = {"HKCU": "user.reg", "HKLM": "system.reg"}
_ENVIRONMENT: Final = {
    **wine.QUIET, "HOME": HOME, "WINEPREFIX": f"{HOME}/prefix", "XDG_RUNTIME_DIR": "/tmp", "LC_ALL": "C.UTF-8", "USER": "person",
}  # fmt: skip
# What Wine writes itself: the machine's hardware and services, and how terminals look.
_VOLATILE: Final = re.compile(
    r"HKCU\\Console|.*\\NetworkCards|HKLM\\System\\(?!CurrentControlSet\\Control\\Session Manager\\Environment)", re.IGNORECASE
)

_LISTED: Final = r"Software\Microsoft\Windows\CurrentVersion\Uninstall"

Registry = Mapping[str, Mapping[str, str]]
"""Keys with their values as regedit writes them; the default value is called `@`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a program ended, and what it printed."""

    code: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Files of drive C by path with the sum of their content (folders: empty), and the registry."""

    files: Mapping[str, str] = field(default_factory=dict)
    registry: Registry = field(default_factory=dict)

    def new(self, before: State) -> set[str]:
        """The paths and keys that were not there, or are not what they were."""
        values = {f"{key}: {name}": data for key, found in self.registry.items() for name, data in found.items()}
        old = {f"{key}: {name}": data for key, found in before.registry.items() for name, data in found.items()}
        changed = {path for path, what in self.files.items() if before.files.get(path) != what}
        changed |= {name for name, data in values.items() if old.get(name) != data}
        return changed | (self.registry.keys() - before.registry.keys())


@dataclass(frozen=True, slots=True)
class Windows:
    """A running system."""

    container: Any

    def sh(self, script: str) -> Ended:
        """Run a shell script outside of Wine."""
        code, output = self.container.exec_run(["/bin/sh", "-c", script], user="1000", environment=_ENVIRONMENT, workdir=HOME)
        return Ended(code=code, text=output.decode(errors="replace"))

    def run(self, *words: str, background: bool = False) -> Ended:
        """Run a program by its path on drive C, with these words."""
        line = f"{shlex.join([wine.LOADER, *words])}{' > /tmp/said 2>&1 &' if background else ''}"
        return self.sh(line)

    def line(self, line: str) -> Ended:
        """Run a command line as it is, without quotation marks but those in it."""
        return self.run("cmd", "/c", line)

    def put(self, path: str, data: bytes) -> None:
        """Write a file onto drive C."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            info = tarfile.TarInfo(path)
            info.size, info.uid, info.gid, info.mode = len(data), 1000, 1000, 0o755
            archive.addfile(info, io.BytesIO(data))
        assert self.container.put_archive(DRIVE, buffer.getvalue())

    def put_tree(self, source: Path, name: str) -> None:
        """Copy a folder onto drive C, as the user's own."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            archive.add(source, name, filter=lambda info: info.replace(uid=1000, gid=1000, uname="", gname="", deep=False))
        assert self.container.put_archive(DRIVE, buffer.getvalue())

    def files(self, folder: str = "") -> dict[str, str]:
        """What is below a folder of drive C, with the sums of files."""
        stream, _ = self.container.get_archive(f"{DRIVE}/{folder}".rstrip("/"))
        found: dict[str, str] = {}
        with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as archive:
            for member in archive:
                path = member.name.partition("/")[2]
                content = archive.extractfile(member) if member.isfile() else None
                found[path] = hashlib.sha256(content.read()).hexdigest() if content else ""
        found.pop("", None)  # the folder itself
        return found

    def exists(self, path: str) -> bool:
        """Whether something is there on drive C."""
        return self.sh(f"test -e {shlex.quote(f'{DRIVE}/{path}')}").code == 0

    def awaits(self, condition: str) -> None:
        """Wait, ten seconds at most, until a condition of the shell's is true on drive C."""
        done = self.sh(f"cd {DRIVE} && for i in $(seq 100); do test {condition} && exit 0; sleep 0.1; done; exit 1")
        assert done.code == 0, condition

    def read(self, path: str) -> bytes:
        """A file of drive C."""
        return self._file(f"{DRIVE}/{path}")

    def _file(self, path: str) -> bytes:
        stream, _ = self.container.get_archive(path)
        with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as archive:
            content = archive.extractfile(archive.next() or tarfile.TarInfo())
            return content.read() if content else b""

    def registry(self) -> Registry:
        """The user's and the machine's part of it. Nothing may run: Wine writes them when all programs have ended."""
        assert self.sh(f"{wine.SERVER} -k; {wine.SERVER} -w").code == 0
        found: dict[str, dict[str, str]] = {}
        for hive, name in HIVES.items():
            found |= parsed(hive, self._file(f"{HOME}/prefix/{name}").decode(errors="replace"))
        return {key: values for key, values in found.items() if not _VOLATILE.match(key)}

    def state(self) -> State:
        """Everything that an installation could change: what is below `windows` is Wine's own."""
        registry = self.registry()
        script = (
            f"cd {DRIVE} && find . -path ./windows -prune -o -path './users/*/Temp' -prune -o -mindepth 1 -type d -print"
            " && find . -path ./windows -prune -o -path './users/*/Temp' -prune -o -type f -print0 | xargs -0r sha256sum"
        )
        done = self.sh(script)
        assert done.code == 0, done.text
        lines = [re.fullmatch(r"(?:([0-9a-f]{64})  )?\./(.*)", line) for line in done.text.splitlines()]
        return State(files={line[2]: line[1] or "" for line in lines if line}, registry=registry)


def parsed(hive: str, text: str) -> dict[str, dict[str, str]]:
    """A file of Wine's registry as keys with values: texts as they are, others as Wine writes them, `str(2):` for those with variables."""
    found: dict[str, dict[str, str]] = {}
    key = ""
    for line in text.replace("\\\n  ", "").splitlines():
        if match := re.match(r"\[(.*?)\] \d+", line):
            key = f"{hive}\\{_plain(match[1])}"
            found[key] = {}
        elif match := re.fullmatch(r'(@|"(?:[^"\\]|\\.)*")=(.*)', line):
            name = match[1] if match[1] == "@" else _plain(match[1][1:-1])
            kind, _, value = match[2].partition('"')
            found[key][name] = f"{kind}{_plain(value[:-1])}" if kind in ("", "str(2):") else match[2]
    return found


def _plain(text: str) -> str:
    def one(found: re.Match[str]) -> str:
        return chr(int(found[1], 16)) if found[1] else {"0": "\0", "n": "\n", "r": "\r", "t": "\t"}.get(found[2], found[2])

    return re.sub(r"\\(?:x([0-9a-f]{1,4})|(.))", one, text)


@contextmanager
def started() -> Iterator[Windows]:
    """A container with a fresh system; gone afterwards."""
    import docker

    image = images.image(images.WINE)
    client = docker.from_env(timeout=600)
    container = client.containers.run(
        image, ["/bin/sleep", "10800"], detach=True, network_mode="none", labels={LABEL: "windows"}, init=True
    )
    try:
        container.exec_run(["/bin/sh", "-c", "useradd --create-home --uid 1000 person"])
        system = Windows(container)
        # windows without a display; and keys that every Windows has, and Wine makes with the first program that is installed
        added = (r"HKCU\Software\Wine\Drivers /v Graphics /d null", r"HKCU\Software\Classes", rf"HKCU\{_LISTED}")
        lines = [f"{wine.LOADER} wineboot -i", *(f"{wine.LOADER} reg add {key.replace(chr(92), chr(92) * 2)}" for key in added)]
        done = system.sh(" && ".join([*lines, f"{wine.SERVER} -w", "cp -a prefix fresh"]))
        assert done.code == 0, done.text
        yield system
    finally:
        container.remove(force=True)
        client.close()


def renew(system: Windows) -> None:
    """The system as it was when it was fresh."""
    system.sh(f"{wine.SERVER} -k; {wine.SERVER} -w; rm -rf prefix; cp -a fresh prefix")
