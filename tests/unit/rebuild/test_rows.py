"""A row is about three digests: the manifest's, that of the file that lies here, and the rebuilt one's."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from coldforge.host import files
from coldforge.rebuild import rows
from coldforge.rebuild.verdict import Row
from coldforge.records import INDEX, Artifact, TargetRecord, canonical
from support import payloads
from support.releases import ENVIRONMENT, PAYLOAD

NAME = "demo.txt"
PATH = f"linux-x86_64/{NAME}"


def artifact(text: str) -> Artifact:
    """The record of an artifact with this text."""
    import hashlib

    return Artifact(
        name=NAME, path=PATH, target="linux-x86_64", format="deb", size=len(text), sha256=hashlib.sha256(text.encode()).hexdigest()
    )


def row(folder: Path, *, recorded: str, here: str | None, rebuilt: str, place: str = PATH) -> Row:
    if here is not None:
        files.write(folder / "dist" / place, here.encode())
    files.write(folder / "out" / PATH, rebuilt.encode())
    return rows.artifact_row(artifact(recorded), artifact(rebuilt), dist=folder / "dist", out=folder / "out")


@pytest.mark.parametrize(
    ("recorded", "here", "rebuilt", "word", "cause"),
    [
        ("a\n", "a\n", "a\n", "identical", ""),
        ("a\n", None, "a\n", "identical", ""),
        ("a\n", "a\n", "b\n", "differs", "another source"),
        ("a\n", None, "b\n", "differs", "the released file is not here"),
        ("a\n", "b\n", "a\n", "differs", "changed after it was built"),
        ("a\n", "b\n", "b\n", "differs", "the manifest is not about this file"),
        ("a\n", "b\n", "c\n", "differs", "another source"),
    ],
)
def test_every_case_has_its_word(recorded: str, here: str | None, rebuilt: str, word: str, cause: str, tmp_path: Path) -> None:
    found = row(tmp_path, recorded=recorded, here=here, rebuilt=rebuilt)
    assert found.word == word
    assert cause in (found.difference.cause if found.difference else "")
    assert (found.difference is None) == (word == "identical")


def test_a_download_is_flat(tmp_path: Path) -> None:
    assert row(tmp_path, recorded="a", here="b", rebuilt="a", place=NAME).word == "differs"


def test_a_link_is_nobodys_artifact(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("b")
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / NAME).symlink_to(tmp_path / "secret")
    assert row(tmp_path, recorded="a", here=None, rebuilt="a").released == ""


def test_a_tree_is_followed_into_its_files_where_it_lies_beside_the_manifest(tmp_path: Path) -> None:
    _, payload = payloads.make(tmp_path)
    dist, out = tmp_path / "dist", tmp_path / "out"
    other = replace(payload, files=tuple(replace(entry, mode=0o600) if entry.path == "demo" else entry for entry in payload.files))
    files.write(out / payloads.TARGET / INDEX, canonical(other))
    records = [
        TargetRecord(
            target=payloads.TARGET, freezer="pyinstaller", payload_digest=found.digest, payload_size=found.size, environment=ENVIRONMENT
        )
        for found in (payload, other)
    ]
    assert rows.tree_row(records[0], records[0], dist=dist, out=out).word == "identical"
    found = rows.tree_row(*records, dist=dist, out=out)
    assert found.difference
    assert (found.difference.where, found.difference.what) == (("linux-x86_64", "payload/demo"), "mode")
    (dist / payloads.TARGET / INDEX).unlink()
    alone = rows.tree_row(*records, dist=dist, out=out)
    assert alone.difference
    assert "see the artifacts" in alone.difference.cause


def test_an_index_that_nobody_recorded_tells_nothing(tmp_path: Path) -> None:
    """`payload.json` is signed by nobody: what it says is told only when the manifest has its digest."""
    files.write(tmp_path / "linux-x86_64" / INDEX, canonical(PAYLOAD))
    assert rows.index(tmp_path, "linux-x86_64", PAYLOAD.digest) == PAYLOAD
    files.write(tmp_path / "linux-x86_64" / INDEX, canonical(replace(PAYLOAD, files=())))
    assert rows.index(tmp_path, "linux-x86_64", PAYLOAD.digest) is None
    assert rows.index(tmp_path, "windows-x86_64", PAYLOAD.digest) is None
