"""Which files of a distribution are data of the packages that were collected."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from freezing import installed
from freezing.package_files import package_files

FILES = (
    "pack/__init__.py", "pack/words.json", "pack/py.typed", "pack/fast.pyi", "pack/fast.pyx", "pack/module.py", "pack/data/deep/page.html",
    "pack/templates/env.py", "pack/tests/big.csv", "pack/sub/__init__.py", "pack/sub/part.txt", "pack/bare.so", "pack/libreal.so",
    "pack/_tagged.abi3.so", "pack/notes", "pack/__pycache__/x.bin", "beside.txt", "pack-1.0.dist-info/METADATA",
    "../../bin/pack",
)  # fmt: skip
TAKEN = {"pack/words.json", "pack/data/deep/page.html", "pack/templates/env.py", "pack/libreal.so", "pack/notes"}

Taken = Callable[..., set[str]]


@pytest.fixture
def taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Taken]:
    """What is taken of a distribution with these files."""
    root = tmp_path / "lib" / "site"
    for name in FILES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"\x7fELF PyInit_bare" if name == "pack/bare.so" else b"\x7fELF")
    info = root / "pack-1.0.dist-info"
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: Pack\nVersion: 1.0\n", encoding="utf-8")
    (info / "RECORD").write_text("".join(f"{name},,\n" for name in FILES), encoding="utf-8")
    monkeypatch.setattr(sys, "path", [str(root)])
    installed.recorded_files.cache_clear()

    def of(*collected: str, hooks: tuple[str, ...] = (), others: tuple[str, ...] = ()) -> set[str]:
        entries = package_files(set(collected), [str(root / name) for name in hooks], others)
        assert all((root / destination) == Path(source) and kind == "DATA" for destination, source, kind in entries)
        return {destination for destination, _, _ in entries}

    yield of
    installed.recorded_files.cache_clear()


def test_what_stands_in_a_collected_package_is_taken(taken: Taken) -> None:
    assert taken("pack") == TAKEN
    assert taken("pack", "pack.module", "pack.sub") == TAKEN | {"pack/sub/part.txt"}


def test_nothing_is_taken_of_a_package_that_was_not_collected(taken: Taken) -> None:
    assert taken("other") == set()


def test_a_distribution_that_a_hook_knows_is_left_to_it(taken: Taken) -> None:
    assert taken("pack", hooks=("pack/words.json",)) == set()
    assert taken("pack", hooks=("pack-1.0.dist-info/METADATA",)) == TAKEN
    assert taken("pack", others=("pack",)) == set()


def test_what_was_collected_as_a_module_is_none(taken: Taken) -> None:
    assert taken("pack", "pack.templates.env") == TAKEN - {"pack/templates/env.py"}
