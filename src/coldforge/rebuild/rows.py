"""The rows of a verdict: every artifact, and the tree that they are made of, as they are recorded, lie here, and were rebuilt."""

from __future__ import annotations

from pathlib import Path

import msgspec

from coldforge.errors import ConfigurationError
from coldforge.host import files
from coldforge.rebuild import tree
from coldforge.rebuild.compare import compare
from coldforge.rebuild.signatures import put_back, same_but_for_signatures
from coldforge.rebuild.verdict import Difference, Row
from coldforge.rebuild.views import view_of
from coldforge.records import INDEX, TREE, Artifact, Payload, TargetRecord, read

_CHANGED = "the file was changed after it was built: the rebuilt one is what the manifest records"
_NOT_HERE = "the released file is not here: lay it beside the manifest"
_OTHER_FILE = "the manifest is not about this file: it records another digest"


def artifact_row(recorded: Artifact, rebuilt: Artifact, *, dist: Path, out: Path) -> Row:
    """Compare the file that lies in `dist` with the rebuilt one in `out`; without it, the digests.

    A signature that is recorded is put back into the rebuilt file first, when that is the file that was signed.
    """
    path = released(dist, recorded)
    sha256 = recorded.sha256 if put_back(recorded, out / rebuilt.path) else rebuilt.sha256
    row = Row(
        name=recorded.name,
        target=recorded.target,
        word="identical",
        recorded=recorded.sha256,
        released=files.sha256(path) if path else "",
        rebuilt=sha256,
    )
    if (row.released or row.recorded) == row.rebuilt == row.recorded:
        return row
    again = out / rebuilt.path
    if path and row.recorded in (row.released, row.rebuilt) and same_but_for_signatures(view_of(path), view_of(again)):
        return msgspec.structs.replace(row, word="identical but for signatures")
    return msgspec.structs.replace(row, word="differs", difference=_difference(row, path, again))


def _difference(row: Row, path: Path | None, rebuilt: Path) -> Difference:
    found = compare(path, rebuilt) if path else None
    if found is None:
        cause = _OTHER_FILE if path else _NOT_HERE
        return Difference(where=(row.name,), what="content", released=row.recorded, rebuilt=row.rebuilt, cause=cause)
    return msgspec.structs.replace(found, cause=_CHANGED) if row.rebuilt == row.recorded else found


def released(dist: Path, artifact: Artifact) -> Path | None:
    """Where an artifact lies: as a build leaves it, or flat as a download; links are nobody's artifact."""
    places = (dist / artifact.path, dist / artifact.name)
    return next((path for path in places if path.is_file() and not path.is_symlink()), None)


def tree_row(recorded: TargetRecord, rebuilt: TargetRecord, *, dist: Path, out: Path) -> Row:
    """Compare the frozen trees by their digests, and by file when the index of the recorded one lies in `dist`."""
    row = Row(
        name=f"{recorded.target}/{TREE}",
        target=recorded.target,
        word="identical",
        recorded=recorded.payload_digest,
        rebuilt=rebuilt.payload_digest,
    )
    if row.recorded == row.rebuilt:
        return row
    return msgspec.structs.replace(row, word="differs", difference=_tree_difference(row, dist, out))


def _tree_difference(row: Row, dist: Path, out: Path) -> Difference:
    before = index(dist, row.target, row.recorded)
    if before is not None:
        now = read(out / row.target / INDEX, Payload)
        if found := tree.difference(before, now, here=dist / row.target, there=out / row.target):
            return msgspec.structs.replace(found, where=(row.target, *found.where))
    cause = "see the artifacts: the tree's own index is not beside the manifest"
    return Difference(where=(row.name,), what="content", released=row.recorded, rebuilt=row.rebuilt, cause=cause)


def index(dist: Path, target: str, digest: str) -> Payload | None:
    """The index of a target's tree; None when there is none to go by: a download has none.

    Nobody signed the file that lies there: it tells something only when it is the one whose digest is recorded.
    """
    path = dist / target / INDEX
    try:
        found = read(path, Payload) if path.is_file() else None
    except ConfigurationError:  # of another version
        return None
    return found if found and found.digest == digest else None
