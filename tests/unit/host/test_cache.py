"""The cache gives back what was put in, or nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coldforge.errors import ConfigurationError, Location
from coldforge.host import cache, files
from coldforge.report import use
from coldforge.report.reporter import Silent

KEY = "0123456789abcdef" * 4


class Warnings(Silent):
    """Keeps the warnings."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def warn(self, text: str, *, where: Location | None = None) -> None:
        self.said.append(text)


@pytest.fixture
def warnings() -> Iterator[Warnings]:
    reporter = Warnings()
    use(reporter)
    yield reporter
    use(Silent())


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COLDFORGE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small tree with all that a payload may have."""
    folder = tmp_path / "tree"
    (folder / "lib" / "empty").mkdir(parents=True)
    (folder / "lib" / "data").write_bytes(bytes(range(256)))
    (folder / "run").write_text("#!/bin/sh\n")
    (folder / "run").chmod(0o755)
    (folder / "link").symlink_to("lib/data")
    return folder


def test_what_is_stored_is_found_and_nothing_else(tree: Path, warnings: Warnings) -> None:
    assert cache.fetch("payload", KEY) is None
    stored = cache.store("payload", KEY, tree)
    found = cache.fetch("payload", KEY)
    assert found == stored
    assert cache.digest(stored) == cache.digest(tree)
    assert (stored / "link").readlink() == Path("lib/data")
    assert os.access(stored / "run", os.X_OK)
    assert cache.fetch("payload", "f" * 64) is None
    assert cache.fetch("artifact", KEY) is None
    assert warnings.said == []


def test_several_are_stored_as_one_folder(tree: Path) -> None:
    stored = cache.store("payload", KEY, {"tree": tree, "file": tree / "lib" / "data"})
    assert cache.fetch("payload", KEY) == stored
    assert cache.digest(stored / "tree") == cache.digest(tree)
    assert (stored / "file").read_bytes() == bytes(range(256))


def never() -> bytes:
    raise AssertionError("made again")


def test_what_was_made_is_recalled_until_it_is_damaged(root: Path, warnings: Warnings) -> None:
    assert cache.recalled("block", KEY, lambda: b"made") == b"made"
    assert cache.recalled("block", KEY, never) == b"made"
    with cache.forgetting(wanted=False):
        assert cache.recalled("block", KEY, never) == b"made"
    (root / "block" / KEY / "content").write_bytes(b"mode")
    assert cache.recalled("block", KEY, lambda: b"made") == b"made"
    assert len(warnings.said) == 1
    assert cache.recalled("block", KEY, never) == b"made"


def test_what_is_to_be_forgotten_is_made_again_and_kept() -> None:
    cache.recalled("block", KEY, lambda: b"before")
    with cache.forgetting(wanted=True):
        assert cache.recalled("block", KEY, lambda: b"now") == b"now"
    assert cache.recalled("block", KEY, never) == b"now"


def test_small_entries_stay_within_bounds(root: Path, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_SMALL", {"block": 2500, "elf": 5})
    cache.store("payload", KEY, tree)
    for number, key in enumerate("abc"):
        cache.recalled("block", key * 64, lambda: bytes(1000))
        os.utime(root / "block" / (key * 64) / "entry.json", (number, number))
    cache.trim(10**9)
    assert [entry.key[0] for entry in cache.entries() if entry.kind == "block"] == ["b", "c"]
    assert cache.fetch("payload", KEY) is not None


def test_small_entries_are_counted_and_not_listed(tree: Path) -> None:
    cache.store("payload", KEY, tree)
    for key in "ab":
        cache.recalled("block", key * 64, lambda: bytes(500_000))
    rows = cache.table(cache.entries()).rows
    assert rows == (("block", "2 entries", "1.0 MB"), ("payload", KEY[:12], "0.0 MB"))


def test_what_is_known_of_a_folder_is_believed_when_it_is_stored_and_checked_when_it_is_fetched(tree: Path, warnings: Warnings) -> None:
    right = {"tree/lib/data": files.sha256(tree / "lib" / "data")}
    stored = cache.store("payload", KEY, {"tree": tree}, known=right)
    assert cache.fetch("payload", KEY) == stored
    cache.store("payload", "b" * 64, {"tree": tree}, known={"tree/lib/data": "0" * 64})
    assert cache.fetch("payload", "b" * 64) is None
    assert len(warnings.said) == 1


def test_a_file_is_stored_as_a_file(tree: Path) -> None:
    stored = cache.store("artifact", KEY, tree / "run")
    assert stored.is_file()
    assert stored.read_text() == "#!/bin/sh\n"


def test_a_known_digest_is_taken_and_checked_as_any_other_is(tree: Path) -> None:
    known = files.sha256(tree / "run")
    stored = cache.store("artifact", KEY, tree / "run", sha256=known)
    assert cache.fetch("artifact", KEY) == stored
    cache.store("artifact", "b" * 64, tree / "run", sha256="0" * 64)
    assert cache.fetch("artifact", "b" * 64) is None, "it is of other bytes"


def damage_byte(entry: Path) -> None:
    path = entry / "content" / "lib" / "data"
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)


def damage_mode(entry: Path) -> None:
    (entry / "content" / "run").chmod(0o644)


def damage_link(entry: Path) -> None:
    (entry / "content" / "link").unlink()
    (entry / "content" / "link").symlink_to("run")


def damage_link_to_file(entry: Path) -> None:
    (entry / "content" / "link").unlink()
    (entry / "content" / "link").write_bytes(bytes(range(256)))


def lose_file(entry: Path) -> None:
    (entry / "content" / "run").unlink()


def lose_empty_folder(entry: Path) -> None:
    (entry / "content" / "lib" / "empty").rmdir()


def add_file(entry: Path) -> None:
    (entry / "content" / "more").write_text("")


def lose_content(entry: Path) -> None:
    (entry / "content").rename(entry / "elsewhere")


def empty_record(entry: Path) -> None:
    (entry / "entry.json").write_bytes(b"")


def other_record(entry: Path) -> None:
    (entry / "entry.json").write_text('["sha256"]')


@pytest.mark.parametrize(
    "damage",
    [
        damage_byte, damage_mode, damage_link, damage_link_to_file, lose_file, lose_empty_folder, add_file, lose_content, empty_record,
        other_record,
    ],
)  # fmt: skip
def test_a_damaged_entry_is_dropped_with_one_warning_and_can_be_stored_again(
    damage: object, tree: Path, root: Path, warnings: Warnings
) -> None:
    assert callable(damage)
    cache.store("payload", KEY, tree)
    damage(root / "payload" / KEY)
    assert cache.fetch("payload", KEY) is None
    assert len(warnings.said) == 1
    assert "damaged" in warnings.said[0]
    assert cache.fetch("payload", KEY) is None
    cache.store("payload", KEY, tree)
    assert cache.fetch("payload", KEY) is not None
    assert len(warnings.said) == 1


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.binary(min_size=1, max_size=300), place=st.integers(min_value=0), flip=st.integers(min_value=1, max_value=255))
def test_no_single_changed_byte_goes_unnoticed(data: bytes, place: int, flip: int, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(data)
    stored = cache.store("artifact", KEY, tmp_path / "file")
    assert cache.fetch("artifact", KEY) == stored
    changed = bytearray(data)
    changed[place % len(data)] ^= flip
    stored.write_bytes(changed)
    assert cache.fetch("artifact", KEY) is None


NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=20).filter(
    lambda name: name not in {".", ".."}
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(one=st.dictionaries(NAMES, st.binary(max_size=8), max_size=3), two=st.dictionaries(NAMES, st.binary(max_size=8), max_size=3))
def test_different_folders_have_different_digests(
    one: dict[str, bytes], two: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folders = []
    for content in (one, two):
        folders.append(tmp_path_factory.mktemp("tree"))
        for name, data in content.items():
            (folders[-1] / name).write_bytes(data)
    assert (cache.digest(folders[0]) == cache.digest(folders[1])) == (one == two)


def test_storing_the_same_again_keeps_what_somebody_may_be_reading(tree: Path) -> None:
    with (cache.store("payload", KEY, tree) / "run").open() as reading:
        before = os.fstat(reading.fileno()).st_ino
        stored = cache.store("payload", KEY, tree)
        assert (stored / "run").stat().st_ino == before


def test_storing_something_else_under_a_key_replaces_it(tree: Path, root: Path) -> None:
    cache.store("payload", KEY, tree)
    (tree / "run").write_text("#!/bin/false\n")
    cache.store("payload", KEY, tree)
    found = cache.fetch("payload", KEY)
    assert found is not None
    assert (found / "run").read_text() == "#!/bin/false\n"
    assert [path.name for path in (root / "payload").iterdir()] == [KEY]


def test_a_cache_that_cannot_be_written_is_no_reason_to_fail(tree: Path, root: Path, warnings: Warnings) -> None:
    root.write_text("a file where the folder should be")
    cache.store("payload", KEY, tree)
    assert cache.fetch("payload", KEY) is None
    assert cache.entries() == ()
    assert len(warnings.said) == 1
    assert cache.recalled("block", KEY, lambda: b"made") == b"made"
    assert len(warnings.said) == 1


def test_a_source_that_is_not_there_is_a_fault_and_leaves_nothing(tmp_path: Path, root: Path) -> None:
    with pytest.raises(FileNotFoundError):
        cache.store("payload", KEY, tmp_path / "absent")
    assert list((root / "payload").iterdir()) == []


def test_entries_are_listed_with_their_sizes(tree: Path) -> None:
    cache.store("payload", "b" * 64, tree)
    cache.store("artifact", "a" * 64, tree / "run")
    listed = [(entry.kind, entry.key[0], entry.size) for entry in cache.entries()]
    assert listed == [("artifact", "a", 10), ("payload", "b", 256 + 10 + len("lib/data"))]


def test_pruning_spares_what_was_used_last(tmp_path: Path, root: Path) -> None:
    for number, key in enumerate("abc"):
        (tmp_path / key).write_bytes(b"." * 1000)
        cache.store("artifact", key * 64, tmp_path / key)
        os.utime(root / "artifact" / (key * 64) / "entry.json", (number, number))
    assert cache.fetch("artifact", "a" * 64) is not None  # now the last one used
    assert cache.prune(keep=2500) > 0
    assert [entry.key[0] for entry in cache.entries()] == ["a", "c"]
    cache.prune()
    assert cache.entries() == ()


def test_a_trimmed_cache_keeps_its_limit_but_nothing_of_the_last_hour_goes(tmp_path: Path, root: Path) -> None:
    (tmp_path / "file").write_bytes(b"." * 1000)
    hours = {"a": 1, "b": 2, "c": 3, "d": 3.5}
    for key, hour in hours.items():
        cache.store("artifact", key * 64, tmp_path / "file")
        os.utime(root / "artifact" / (key * 64) / "entry.json", (hour * 3600, hour * 3600))
    old, making = (root / "payload" / f".{key * 64}.{'0' * 32}" for key in "ef")
    for folder, hour in ((old, 1), (making, 3.4)):  # what a killed process left, and what another is at
        folder.mkdir(parents=True)
        os.utime(folder, (hour * 3600, hour * 3600))
    cache.trim(3500)
    assert [entry.key[0] for entry in cache.entries()] == ["b", "c", "d"]
    assert (old.is_dir(), making.is_dir()) == (False, True)
    cache.trim(1)
    assert [entry.key[0] for entry in cache.entries()] == ["c", "d"]


def test_the_limit_is_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLDFORGE_CACHE_LIMIT", raising=False)
    assert cache.limit() == 10 * 10**9
    monkeypatch.setenv("COLDFORGE_CACHE_LIMIT", "2.5 MB")
    assert cache.limit() == 2_500_000
    for wrong in ("many", "10", "-1 GB", "1 TB"):
        monkeypatch.setenv("COLDFORGE_CACHE_LIMIT", wrong)
        with pytest.raises(ConfigurationError, match=f"COLDFORGE_CACHE_LIMIT is '{wrong}'"):
            cache.limit()


def test_pruning_removes_what_killed_processes_left(tree: Path, root: Path) -> None:
    (root / "payload" / f".{KEY}.{'0' * 32}" / "content").mkdir(parents=True)
    assert cache.entries() == ()
    cache.prune(keep=10**9)
    assert list((root / "payload").iterdir()) == []


def test_nothing_else_in_the_folder_is_touched(tree: Path, root: Path) -> None:
    """Somebody may name a folder that holds more; and the program's own environments lie beside the default one."""
    cache.store("payload", KEY, tree)
    others = [
        root / "documents" / "letters" / "one.txt",
        root / "payload" / "notes" / "two.txt",
        root / "environments" / "run-1" / "complete",
    ]
    for path in others:
        path.parent.mkdir(parents=True)
        path.write_text("mine")
    assert len(cache.entries()) == 1
    cache.prune()
    assert cache.entries() == ()
    assert all(path.is_file() for path in others)


def test_the_default_folder_holds_nothing_but_the_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("COLDFORGE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.root() == tmp_path / "coldforge" / "cache"


@pytest.mark.parametrize("record", ['{"sha256": "00"}', '{"size": "many"}'])
def test_a_damaged_record_weighs_nothing(record: str, tree: Path, root: Path) -> None:
    cache.store("payload", KEY, tree)
    (root / "payload" / KEY / "entry.json").write_text(record)
    assert [entry.size for entry in cache.entries()] == [0]
