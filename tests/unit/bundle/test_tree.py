"""The tree is what the index says, or there is none; the index itself is not believed."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from coldforge.bundle.tree import Node, Tree, load
from coldforge.errors import Refused
from coldforge.records import FileEntry, Origin, Payload
from support import payloads

APPLICATION = Origin(kind="application")


@pytest.fixture
def made(tmp_path: Path) -> tuple[Payload, Path]:
    return payloads.make(tmp_path)[1], tmp_path / "dist" / payloads.TARGET / "payload"


def test_everything_survives(made: tuple[Payload, Path]) -> None:
    tree = load(made[0], made[1], 7, jobs=2)
    nodes = {node.path: node for node in tree}
    assert tree.epoch == 7
    assert {node.path for node in tree if node.source} == set(payloads.FILES)
    assert {path: node.link for path, node in nodes.items() if node.link} == payloads.LINKS
    assert nodes[payloads.EMPTY].is_directory
    assert {path: node.mode for path, node in nodes.items() if node.source} == {
        path: 0o755 if path in payloads.EXECUTABLE else 0o644 for path in payloads.FILES
    }
    assert all(node.mode == 0o755 for node in tree if node.is_directory)


def test_parents_come_before_children_and_all_is_sorted(made: tuple[Payload, Path]) -> None:
    paths = [node.path for node in load(*made, 0)]
    assert paths == sorted(paths, key=lambda path: path.split("/"))
    assert {path.rpartition("/")[0] for path in paths} - {""} <= set(paths)


def test_modes_on_the_disk_do_not_matter(made: tuple[Payload, Path]) -> None:
    before = load(*made, 0)
    for path in made[1].rglob("*"):
        if path.is_file() and not path.is_symlink():
            path.chmod(0o600)
    assert load(*made, 0) == before


@pytest.mark.parametrize("change", ["edit", "add", "add link", "remove", "link", "relink", "folder", "through a link"])
def test_a_payload_that_changed_is_refused(change: str, made: tuple[Payload, Path], tmp_path: Path) -> None:
    payload, root = made
    file, link = root / "_internal/data/a b/c", root / "_internal/libthing.so"
    if change == "add":
        (root / "new").write_text("x")
    elif change == "add link":
        (root / "new").symlink_to("demo")
    elif change == "relink":
        link.unlink()
        link.symlink_to("lib/other.so")
    elif change == "through a link":  # the same content, from outside of the tree
        (root / "_internal/data").rename(tmp_path / "data")
        (root / "_internal/data").symlink_to(tmp_path / "data")
    elif change == "edit":
        file.write_text("DEEP\n")
    else:
        file.unlink()
    if change == "link":
        file.symlink_to("../../lib/libthing.so.1")
    elif change == "folder":
        file.mkdir()
    with pytest.raises(Refused, match="has changed since it was frozen") as refused:
        load(payload, root, 0, jobs=2)
    expected = {"add": "new", "add link": "new", "relink": "_internal/libthing.so", "through a link": "_internal/data"}
    assert expected.get(change, "_internal/data/a b/c") in refused.value.why.splitlines()


def test_a_name_that_is_no_text_is_told(made: tuple[Payload, Path]) -> None:
    (made[1] / "caf\udce9").write_text("x")
    with pytest.raises(Refused) as refused:
        load(*made, 0)
    assert refused.value.why == "caf\\udce9"


def file(path: str, mode: int = 0o644) -> FileEntry:
    return FileEntry(path=path, kind="data", mode=mode, origin=APPLICATION)


def link(path: str, to: str) -> FileEntry:
    return FileEntry(path=path, kind="link", link=to, origin=APPLICATION)


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ([file("../secret")], "../secret is no path inside"),
        ([file("/etc/passwd")], "/etc/passwd is no path inside"),
        ([file("a/../../b")], "a/../../b is no path inside"),
        ([file("./a")], "./a is no path inside"),
        ([file("a//b")], "a//b is no path inside"),
        ([file("a/")], "a/ is no path inside"),
        ([file(".")], ". is no path inside"),
        ([file("")], " is no path inside"),
        ([file("a\nb")], "is no path inside"),
        ([file("a"), file("a")], "a is there 2 times"),
        ([file("a"), file("a/b")], "a/b lies below a, which is no folder"),
        ([link("a", "b"), file("b/c"), file("a/c")], "a/c lies below a, which is no folder"),
        ([link("a", "/etc/passwd")], "a links to /etc/passwd, which is not in the tree"),
        ([link("d/a", "../../x")], "d/a links to ../../x, which is not in the tree"),
        ([link("a", "")], "a links to nothing"),
        ([file("a", 0o4755)], "a has the mode 4755"),
        ([file("a", 0o666)], "a has the mode 666"),
    ],
)
def test_an_index_that_is_no_trees_is_refused(entries: list[FileEntry], said: str, made: tuple[Payload, Path]) -> None:
    with pytest.raises(Refused, match="is not that of a frozen tree") as refused:
        load(replace(made[0], files=tuple(entries)), made[1], 0)
    assert said in refused.value.why


def test_links_may_go_up_within_the_tree(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "l").symlink_to("../..")
    tree = load(payloads.payload_of(tmp_path), tmp_path, 0)
    assert [node.link for node in tree if node.link] == ["../.."]


def test_only_the_first_of_many_are_told(tmp_path: Path) -> None:
    payload = replace(payloads.make(tmp_path)[1], files=tuple(file(f"f{number:02}") for number in range(30)))
    with pytest.raises(Refused) as refused:
        load(payload, tmp_path / "nowhere", 0)
    assert refused.value.why.splitlines()[-1] == "and 20 more"


def test_files_are_added_where_nothing_is(tmp_path: Path) -> None:
    source = tmp_path / "text"
    source.write_text("abc")
    tree = Tree(nodes=(Node(path="b", mode=0o755),), epoch=3).adding({"b": source, "a": source, "c/d": source})
    assert [(node.path, node.mode, node.size) for node in tree] == [("a", 0o644, 3), ("b", 0o755, 0), ("c", 0o755, 0), ("c/d", 0o644, 3)]
    assert tree.epoch == 3
