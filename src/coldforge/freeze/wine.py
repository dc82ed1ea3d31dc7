"""A container in which Windows' Python freezes by Wine, and Linux' uv installs for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PureWindowsPath
from typing import Final

from coldforge.errors import BuildFailed, Missing
from coldforge.freeze.workshop import ContainerWorkshop
from coldforge.host import wine
from coldforge.host.container import Container
from coldforge.project.images import Image

PREFIX: Final = "prefix"  # what Windows' programs take for their machine, in the workshop


class WineWorkshop(ContainerWorkshop):
    """Programs whose name ends in `.exe` run by Wine, which is started for the first of them."""

    windows = True
    python = "environment/python.exe"

    def __init__(self, container: Container, image: Image) -> None:
        super().__init__(container, image)
        self._wine = {**wine.QUIET, "WINEPREFIX": self.path(PREFIX), "USER": "coldforge"}
        self._started = False

    def seen(self, name: str) -> str:
        return str(PureWindowsPath(f"Z:{self.path(name)}"))

    def run(self, argv: Sequence[str], *, env: Mapping[str, str], network: bool, log: Path, folder: str = "") -> str:
        if not argv[0].endswith(".exe"):
            return super().run(argv, env=env, network=network, log=log, folder=folder)
        if not self._started:
            self._start(log)
        return super().run([wine.LOADER, *argv], env={**env, **self._wine}, network=network, log=log, folder=folder)

    def _start(self, log: Path) -> None:
        """Make the prefix, and wait until its processes are done with it. Raises Missing when there is no Wine."""
        try:
            for words in wine.START:
                super().run(words, env=self._wine, network=False, log=log)
        except BuildFailed as error:
            what = f"the build image {self.identity} cannot run programs of Windows"
            raise Missing(what, why=error.why or error.what, hint=wine.HINT) from error
        self._started = True
