"""What one job hands to the next, as one file.

Artifact stores lose modes and links, and let every job of a run replace what another one stored: so a folder travels as a tar of
our own, and its digest by another way, as an output of the job that made it.
"""

from __future__ import annotations

import hashlib
import shutil
import tarfile
import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from coldforge.errors import ConfigurationError, Refused
from coldforge.host import archive, files
from coldforge.host.lock import exclusive
from coldforge.recording import write_records
from coldforge.records import CARRIED, MANIFEST, SINGLES, TREE, Manifest, TargetRecord, merge, read
from coldforge.report import reporter

_TOP: Final = "dist"
_TREES: Final = (TREE, SINGLES, CARRIED)  # what only packaging reads: large, and released in other forms


def pack(dist: Path, part: Path, *, targets: Collection[str] = (), trees: bool = True) -> str:
    """Write what `dist` holds (of `targets` only, if any are named) as a tar at `part`; its sha256 in hexadecimal.

    The same files give the same bytes. Without `trees` the frozen trees are left out.
    Raises ConfigurationError when `dist` has no record of what is asked for, or would hold the part itself.
    """
    for folder in [dist / name for name in targets] or [dist]:
        read(folder / MANIFEST, Manifest)
    if part.is_relative_to(dist):
        raise ConfigurationError(f"{part} lies in {dist}, which is to be packed", hint="Choose a file outside of it.")

    def left_out(path: Path) -> bool:
        if path.parent == dist:
            return path.name.startswith(".") or (bool(targets) and path.name not in targets)
        return not trees and path.parent.parent == dist and path.name in _TREES

    with exclusive(dist), files.beside(part) as temporary:
        archive.pack(dist, temporary, name=_TOP, left_out=left_out)
    digest = files.sha256(part)
    reporter().info(f"{part.name}: sha256 {digest}")
    reporter().output("part", str(part))
    reporter().output("part-sha256", digest)
    return digest


def unpack(part: Path, dist: Path, *, sha256: str, target: str = "", only_smoke: bool = False) -> None:
    """Put what a part holds into `dist`, beside what is there; a file of the same name is replaced.

    With a `target`, a part that holds anything but that one's folder, or tells of others in it, is refused: a job that runs the
    code of its target's dependencies must not speak for another's. With `only_smoke` nothing is taken but what was proven of the
    very artifacts that `dist` records: such a part comes from a job that ran the product.
    Raises Refused, too, when the part is not the one that `sha256` is of, or not safe to unpack.
    """
    if not part.is_file():
        raise ConfigurationError(f"there is no part {part}", hint="Download what the earlier job stored.")
    with files.disk_errors(dist):
        dist.mkdir(parents=True, exist_ok=True)
    with exclusive(dist), tempfile.TemporaryDirectory(prefix=files.TEMPORARY, dir=dist) as name, part.open("rb") as stream:
        if (found := hashlib.file_digest(stream, "sha256").hexdigest()) != sha256:
            why = f"Its sha256 is {found}, and {sha256} was handed over: another job has replaced it, or it was damaged."
            raise Refused(f"{part.name} is not what the earlier job made", why=why, hint="Run the jobs of this release again.")
        stream.seek(0)
        _extract(part, stream, Path(name))
        if target:
            _check_alone(part, Path(name), target)
        if only_smoke:
            _take_smoke(Path(name), dist)
        else:
            records = [read(path, Manifest) for path in sorted(Path(name).glob(f"*/{MANIFEST}"))]
            alone = not (Path(name) / MANIFEST).exists()
            _take(Path(name), dist)
            if alone:
                _join(dist, records)
    reporter().info(f"{part.name} is what the earlier job made.")


def _extract(part: Path, stream: BinaryIO, folder: Path) -> None:
    try:
        with tarfile.open(fileobj=stream, mode="r:", tarinfo=archive.Header) as tar:
            archive.extract(tar, folder, strip=1)
    except (tarfile.TarError, ValueError) as error:
        raise Refused(f"{part.name} is no part", why=str(error), hint="`coldforge pack` makes one.") from error


def _check_alone(part: Path, folder: Path, target: str) -> None:
    """Refuse a part, unpacked into `folder`, that speaks for anything but one target."""
    names = {path.name for path in folder.iterdir()}
    told = {record.target for record in read(folder / target / MANIFEST, Manifest).targets} if target in names else set()
    if others := sorted((names | told) - {target}):
        why = f"It speaks for {', '.join(map(repr, others))}, too."
        raise Refused(f"{part.name} is not of {target} alone", why=why, hint=f"`coldforge pack --target {target}` makes one.")


def _take(source: Path, destination: Path) -> None:
    """Move what is in a folder to its place, each file whole or not at all; a frozen tree replaces the one that is there."""
    for path in sorted(source.iterdir()):
        place = destination / path.name
        if path.is_dir() and path.name not in _TREES:
            place.mkdir(exist_ok=True)
            _take(path, place)
        else:
            if place.is_dir():
                shutil.rmtree(place)
            path.replace(place)


def _join(dist: Path, records: Sequence[Manifest]) -> None:
    """Let the record of the whole release tell of these targets too. Raises ConfigurationError when they are not of one release."""
    known = [read(dist / MANIFEST, Manifest)] if (dist / MANIFEST).is_file() else []
    write_records(dist, merge([*known, *records]))


def _take_smoke(source: Path, dist: Path) -> None:
    manifest = read(dist / MANIFEST, Manifest)
    proven = {record.target: record for path in source.glob(f"*/{MANIFEST}") for record in read(path, Manifest).targets}
    records = tuple(_proven(record, proven.get(record.target)) for record in manifest.targets)
    write_records(dist, msgspec.structs.replace(manifest, targets=records))


def _proven(record: TargetRecord, other: TargetRecord | None) -> TargetRecord:
    """The record with what was proven of its artifacts. Raises Refused when that is about other artifacts."""
    if other is None:
        return record
    if other.artifacts != record.artifacts or other.payload_digest != record.payload_digest:
        raise Refused(f"what was tried for {record.target} is not what was packaged", hint="Run `smoke` on these artifacts.")
    return msgspec.structs.replace(record, smoke=other.smoke)
