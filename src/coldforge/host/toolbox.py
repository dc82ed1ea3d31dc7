"""Where programs of other projects make files: on this machine, or each time in a fresh container of one pinned image.

A toolbox's container has fixed paths, a plain user, no capabilities and no network; files are copied in and out, so nothing of this
machine is in it, and nothing that it leaves behind is root's.
"""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from coldforge.errors import Missing
from coldforge.host import cache, engine, files, programs
from coldforge.host.run import run

if TYPE_CHECKING:
    from coldforge.host.container import Container

USER: Final = 1000
PLACE: Final = "/coldforge/work"
# The program if it is there, whatever it ends with: some end with an error when they say which they are.
_ASK: Final = 'command -v "$1" > /dev/null || exit 0; "$@" 2>&1; exit 0'
_SAME: Final = {"LC_ALL": "C.UTF-8", "TZ": "UTC"}


class Bench(Protocol):
    """A folder in which programs run: names are relative to it, and no variable of this machine decides anything."""

    def run(self, program: str, *words: str) -> str:
        """Run a program to its end; what it said. Raises Missing when there is none of that name, BuildFailed with its last words."""

    def get(self, name: str) -> Path:
        """Where a file that was made lies on this machine. Raises BuildFailed when it was not made."""


class Tools(Protocol):
    """Programs of other projects. `identity` is the image that they are in, empty for this machine."""

    identity: str

    def version(self, name: str) -> str:
        """Name and version of a program; the name alone when it is not there: then `run` fails with better words."""

    def sha256(self, name: str) -> str:
        """The digest of its file; empty in an image, whose own says it, and when it is not there."""

    def has(self, name: str) -> bool:
        """Whether it is there."""

    def bench(self, folder: Path, **variables: str) -> AbstractContextManager[Bench]:
        """A bench that holds what is in `folder`, as it is there: modes, times and links. `variables` are what programs find besides
        `HOME`, which is the bench."""


@dataclass(frozen=True, slots=True)
class _HostBench:
    folder: Path
    variables: Mapping[str, str]

    def run(self, program: str, *words: str) -> str:
        place = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(self.folder)}
        return run([programs.needed(program), *words], cwd=self.folder, env={**place, **_SAME, **self.variables}).output

    def get(self, name: str) -> Path:
        return self.folder / name


class Host:
    """The programs of this machine."""

    identity = ""

    def version(self, name: str) -> str:
        return programs.version(name)

    def sha256(self, name: str) -> str:
        return programs.sha256(name)

    def has(self, name: str) -> bool:
        return programs.find(name) is not None

    @contextmanager
    def bench(self, folder: Path, **variables: str) -> Iterator[Bench]:
        yield _HostBench(folder, variables)


HOST: Final = Host()


@dataclass(frozen=True, slots=True)
class _ContainerBench:
    toolbox: Toolbox
    container: Container
    folder: Path
    variables: Mapping[str, str]

    def run(self, program: str, *words: str) -> str:
        self.toolbox.check(program)
        env = {"HOME": PLACE, **_SAME, **self.variables}
        return self.container.execute([program, *words], env=env, cwd=PLACE, user=f"{USER}:{USER}")

    def get(self, name: str) -> Path:
        (self.folder / name).unlink(missing_ok=True)
        self.container.get(f"{PLACE}/{name}", self.folder / name)
        return self.folder / name


class Toolbox:
    """The programs of an image: `base` by digest, or what the text `recipe` of a Dockerfile makes of it. It is `called` so in messages."""

    def __init__(self, base: str, recipe: str = "", *, identity: str, called: str) -> None:
        self.identity = identity
        self._base, self._recipe, self._called = base, recipe, called

    def version(self, name: str) -> str:
        return self._versions.get(name) or name

    def sha256(self, name: str) -> str:
        del name
        return ""

    def has(self, name: str) -> bool:
        return bool(self._versions.get(name))

    def check(self, name: str) -> None:
        """Raises Missing for a program that the image does not have."""
        if not self.has(name):
            hint = f"Add a line with `{programs.how(name)}` to its Dockerfile, or use this machine's tools: --host."
            raise Missing(f"the toolbox {self._called!r} has no {name}", hint=hint)

    @cached_property
    def _versions(self) -> dict[str, str]:
        """What each program says that it is, empty when it is not there. An image stays what it is, so it is asked once."""
        key = hashlib.sha256(f"1 {self.identity} {' '.join(programs.PACKAGES)}".encode()).hexdigest()
        found: dict[str, str] = json.loads(cache.recalled("tool", key, self._ask))
        return found

    def _ask(self) -> bytes:
        with self._container() as made:
            said = {name: made.execute(["sh", "-c", _ASK, "sh", *programs.question(name)], env=_SAME, cwd="/", user=f"{USER}:{USER}")
                    for name in programs.PACKAGES}  # fmt: skip
        return json.dumps({name: programs.told(name, text) if text else "" for name, text in said.items()}).encode()

    @contextmanager
    def bench(self, folder: Path, **variables: str) -> Iterator[Bench]:
        with files.scratch("bench") as scratch, self._container() as made:
            _pack(folder, scratch / "bench.tar")
            made.restore(scratch / "bench.tar", PLACE.rpartition("/")[0])
            yield _ContainerBench(self, made, folder, variables)

    @contextmanager
    def _container(self) -> Iterator[Container]:
        """A fresh one, off the network. Each has a connection of its own, since several formats are made at a time."""
        from coldforge.host.container import container

        with closing(engine.connect()) as client:
            architecture = engine.architecture(client)
            image = engine.ensure_image(client, self._base, architecture)
            if self._recipe:
                image = engine.build_image(client, base=image, recipe=self._recipe, architecture=architecture)
            with container(client, image) as made:
                made.cut_network()
                yield made


def _pack(folder: Path, archive: Path) -> None:
    """The folder as it is, but for its owner, as a tar of the whole path."""

    def owned(info: tarfile.TarInfo) -> tarfile.TarInfo:
        info.uid = info.gid = USER
        info.uname = info.gname = ""
        return info

    with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT) as tar:
        top = tarfile.TarInfo(Path(PLACE).parent.name)
        top.type, top.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(owned(top))
        tar.add(folder, PLACE.lstrip("/"), filter=owned)
