"""From source to payload: environments, workshops, freezers, gates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from coldforge.plan.model import Plan, PlannedTarget
from coldforge.records import Payload

if TYPE_CHECKING:
    from coldforge.project.images import Image


@dataclass(frozen=True, slots=True, kw_only=True)
class FreezeJob:
    """What one freeze works from. `project` is the source's root; `out` the target's folder in `dist/`.

    `image` is the build image (None: this host); `icon` is an icon file for Windows, or nothing; `clean` means that nothing
    kept from before is to be used.
    """

    project: Path
    plan: Plan
    target: PlannedTarget
    out: Path
    image: Image | None = None
    icon: bytes = b""
    clean: bool = False


class Workshop(Protocol):
    """A place with fixed paths where the phases of a freeze run: this host, or a container.

    Paths given to a workshop are names relative to its own root; `path` tells how a program that
    runs inside sees them. Files are copied in and out, never shared.
    """

    identity: str
    """`host`, or the image's digest; recorded in the manifest."""
    network_off: bool
    """Whether the phase without network is really cut off."""
    uv_needed: bool
    """Whether uv must be copied in."""
    windows: bool
    """Whether the Python that is frozen is one of Windows' that uv, a program of another system, installs into."""
    python: str
    """The frozen environment's Python, by its name in the workshop."""

    def path(self, name: str) -> str: ...

    def seen(self, name: str) -> str:
        """The path as that Python sees it."""

    def put(self, source: Path, name: str) -> None:
        """Copy a file or folder in, with normalised modes and times."""

    def run(self, argv: Sequence[str], *, env: Mapping[str, str], network: bool, log: Path, folder: str = "") -> str:
        """Run a program inside, in a folder of the workshop, and return its output. Raises BuildFailed."""

    def get(self, name: str, destination: Path) -> None:
        """Copy a file or folder out; archives are extracted safely."""

    def take(self, name: str, destination: Path) -> None:
        """As `get`, into an empty folder, for a folder that nothing more is done with: it may be gone from the workshop."""

    def save(self, name: str, destination: Path) -> None:
        """Keep a folder for `restore` in another workshop of the same kind, links and all."""

    def restore(self, source: Path, name: str) -> None:
        """Bring back what `save` kept. Its files may be the kept ones themselves: nothing may write to them, only replace them."""


class Freezer(Protocol):
    """Makes a payload: the tree in `job.out/payload`, its one-file executables in `job.out/onefile`.

    The registry is in freeze/freezers.py. Every freezer ends with finish.py: gates, first start, index.
    """

    name: str

    def inputs(self, job: FreezeJob) -> Mapping[str, Any]:
        """What decides the bytes besides source, product, target and workshop: part of the payload's key.

        Raises Missing when something that the freeze takes from this machine is not there.
        """

    def freeze(self, job: FreezeJob, workshop: Workshop) -> Payload:
        """Raises BuildFailed, and Refused when a gate says that the result would not work."""
