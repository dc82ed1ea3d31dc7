"""The registry: one line a format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from coldforge.bundle import Bundler
from coldforge.bundle.archive import Archive
from coldforge.bundle.deb import Deb
from coldforge.bundle.onefile import OneFile
from coldforge.bundle.sbom import Sbom

BUNDLERS: Final[Mapping[str, Callable[[], Bundler]]] = {
    "tar.gz": Archive,
    "onefile": OneFile,
    "deb": Deb,
    "sbom": Sbom,
}
