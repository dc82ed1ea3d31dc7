"""A tree as a list: normalised, complete, with origins."""

from __future__ import annotations

from pathlib import Path

import pytest

from coldforge.freeze import index as module
from coldforge.freeze.binaries import Elf, Priority
from coldforge.freeze.index import elfs_of, index, normalise
from coldforge.records import Origin

EPOCH = 1_700_000_000
ORIGINS = {"lib.so.1": {"kind": "system", "name": "libfoo1", "version": "1-2"}, "data/x.txt": {"kind": "distribution", "name": "d"}}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "_internal" / "data").mkdir(parents=True)
    (tmp_path / "_internal" / "empty").mkdir()
    for name, data, mode in (
        ("demo", b"\x7fELF..", 0o700),
        ("_internal/lib.so.1", b"\x7fELF", 0o600),
        ("_internal/data/x.txt", b"text", 0o666),
    ):
        (tmp_path / name).write_bytes(data)
        (tmp_path / name).chmod(mode)
    (tmp_path / "_internal" / "mod.cpython-312-x86_64-linux-gnu.so").write_bytes(b"\x7fELF")
    (tmp_path / "_internal" / "run.sh").write_bytes(b"#!/bin/sh\n")
    (tmp_path / "_internal" / "run.sh").chmod(0o755)
    (tmp_path / "_internal" / "lib.so").symlink_to("lib.so.1")
    normalise(tmp_path, EPOCH)
    return tmp_path


def test_every_entry_with_kind_and_mode_sorted_by_path(tree: Path) -> None:
    assert [(entry.path, entry.kind, entry.mode) for entry in index(tree, ORIGINS, "demo")] == [
        ("_internal/data/x.txt", "data", 0o644),
        ("_internal/empty", "directory", 0o755),
        ("_internal/lib.so", "link", 0o644),
        ("_internal/lib.so.1", "library", 0o644),
        ("_internal/mod.cpython-312-x86_64-linux-gnu.so", "extension", 0o644),
        ("_internal/run.sh", "executable", 0o755),
        ("demo", "executable", 0o755),
    ]


def test_origins_are_found_below_the_contents_folder_and_the_rest_is_the_applications(tree: Path) -> None:
    origins = {entry.path: entry.origin for entry in index(tree, ORIGINS, "demo")}
    assert origins["_internal/lib.so.1"] == Origin(kind="system", name="libfoo1", version="1-2")
    assert origins["_internal/data/x.txt"] == Origin(kind="distribution", name="d")
    assert origins["demo"] == Origin(kind="application", name="demo")


def test_everything_has_the_one_time_and_one_of_two_modes(tree: Path) -> None:
    for path in (tree, *tree.rglob("*")):
        assert path.lstat().st_mtime == EPOCH, path
        assert path.is_symlink() or path.stat().st_mode & 0o7777 in {0o755, 0o644}, path


def test_a_tree_for_windows_is_told_apart_by_names(tmp_path: Path) -> None:
    """Where it was made modes say nothing of it, and a program for Windows in another tree is data."""
    for name in ("demo.exe", "a.PYD", "b.dll", "c.txt"):
        (tmp_path / name).write_bytes(b"MZ")
        (tmp_path / name).chmod(0o700 if name == "c.txt" else 0o600)
    normalise(tmp_path, EPOCH, windows=True)
    assert [(entry.path, entry.kind, entry.mode) for entry in index(tmp_path, {}, "demo", windows=True)] == [
        ("a.PYD", "extension", 0o755), ("b.dll", "library", 0o755), ("c.txt", "data", 0o644), ("demo.exe", "executable", 0o755),
    ]  # fmt: skip
    normalise(tmp_path, EPOCH)
    (tmp_path / "b.dll").chmod(0o644)
    assert {entry.path: entry.kind for entry in index(tmp_path, {}, "demo")}["b.dll"] == "data"


def test_the_facts_of_a_file_are_read_once_whatever_it_is_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLDFORGE_CACHE", str(tmp_path / "cache"))
    optional: tuple[tuple[tuple[str, ...], Priority], ...] = ((("libone.so.1", "libone.so.2"), "recommended"),)
    read: list[Path] = []

    def read_elf(path: Path, name: str) -> Elf | None:
        read.append(path)
        if b"static" in path.read_bytes():
            return None
        return Elf(path=name, needed=("libc.so.6",), glibc=(2, 34), runpath="$ORIGIN", optional=optional, loader="/lib/ld.so")

    monkeypatch.setattr(module, "read_elf", read_elf)
    for name in ("liba.so", "libb.so"):
        (tmp_path / "tree").mkdir(exist_ok=True)
        (tmp_path / "tree" / name).write_bytes(b"\x7fELF one")
    (tmp_path / "tree" / "libstatic.so").write_bytes(b"\x7fELF static")
    for _ in range(2):
        found = list(elfs_of(tmp_path / "tree", index(tmp_path / "tree", {}, "demo")))
        assert [elf.path for elf in found] == ["liba.so", "libb.so"]
        assert {(elf.needed, elf.glibc, elf.optional, elf.loader) for elf in found} == {(("libc.so.6",), (2, 34), optional, "/lib/ld.so")}
        assert [path.name for path in read] == ["liba.so", "libstatic.so"]
