"""Two frozen trees: a file, link or mode that differs is named, and where it comes from."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from coldforge.rebuild.tree import difference
from coldforge.rebuild.verdict import Difference
from coldforge.records import FileEntry, Origin, Payload
from support.payloads import make

CLICK = "_internal/click-8.1.0.dist-info/METADATA"


def changed(payload: Payload, path: str, **fields: object) -> Payload:
    """The index with one entry in another way."""
    return replace(payload, files=tuple(replace(entry, **fields) if entry.path == path else entry for entry in payload.files))


def compared(one: Payload, other: Payload, folder: Path) -> Difference:
    found = difference(one, other, here=folder / "here", there=folder / "there")
    assert found is not None
    return found


def test_the_same_tree_does_not_differ(tmp_path: Path) -> None:
    _, payload = make(tmp_path)
    assert difference(payload, payload, here=tmp_path, there=tmp_path) is None


@pytest.mark.parametrize(
    ("path", "fields", "what", "cause"),
    [
        ("demo", {"mode": 0o644}, "mode", "umask"),
        (CLICK, {"sha256": "0" * 64}, "content", "the distribution click 8.1.0"),
        ("_internal/all", {"link": "elsewhere"}, "link", "the application demo"),
        ("_internal/empty", {"kind": "data"}, "kind", "the application demo"),
        (
            CLICK,
            {"sha256": "0" * 64, "origin": Origin(kind="distribution", name="click", version="8.2.0")},
            "content",
            "another version of the distribution click: 8.1.0 and 8.2.0",
        ),
    ],
)
def test_what_differs_is_named(path: str, fields: dict[str, object], what: str, cause: str, tmp_path: Path) -> None:
    _, payload = make(tmp_path)
    found = compared(payload, changed(payload, path, **fields), tmp_path)
    assert (found.where, found.what) == ((f"payload/{path}",), what)
    assert cause in found.cause


def test_a_file_more_or_less_is_named(tmp_path: Path) -> None:
    _, payload = make(tmp_path)
    entry = FileEntry(path="_internal/new", kind="data", origin=Origin(kind="system", name="libc6", version="2.36"))
    more = replace(payload, files=(*payload.files, entry))
    assert compared(payload, more, tmp_path).what == "added"
    less = compared(more, payload, tmp_path)
    assert (less.where, less.what) == (("payload/_internal/new",), "missing")
    assert "the system libc6 2.36" in less.cause


def test_a_file_that_lies_in_both_trees_is_looked_into(tmp_path: Path) -> None:
    _, one = make(tmp_path / "one")
    _, two = make(tmp_path / "two")
    folders = [tmp_path / name / "dist" / "linux-x86_64" for name in ("one", "two")]
    (folders[1] / "payload" / CLICK).write_text("Metadata-Version: 2.4\nName: clack\n")
    found = difference(one, changed(two, CLICK, sha256="0" * 64), here=folders[0], there=folders[1])
    assert found is not None
    assert found.where == (f"payload/{CLICK}", "line 2")
    assert (found.released, found.rebuilt) == ("Name: click", "Name: clack")


def test_nothing_outside_of_the_trees_is_read(tmp_path: Path) -> None:
    """An index may come from anybody, and what differs is shown."""
    _, payload = make(tmp_path)
    path = "../../secret"
    indexes = [replace(payload, files=(replace(payload.files[0], path=path, sha256=digit * 64),)) for digit in "12"]
    folders = tmp_path / "here" / "target", tmp_path / "there" / "target"
    for folder in folders:
        (folder / "payload").mkdir(parents=True)
        (folder.parent / "secret").write_text(f"secret of {folder.parent}\n")
    found = difference(*indexes, here=folders[0], there=folders[1])
    assert found is not None
    assert found.where == (f"payload/{path}",)
    assert "secret" not in found.released + found.rebuilt
