"""What programs for macOS ask of it, where they look for libraries, and what it would not run."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from coldforge.filetypes.macho import slices
from coldforge.freeze.binaries import Elf
from coldforge.freeze.gates import Known
from coldforge.freeze.gates.macos import Code, from_machos
from coldforge.freeze.index import index
from coldforge.freeze.machos import Macho, machos_of, oldest
from coldforge.records import FileEntry, Finding, Origin
from coldforge.target import Target
from support.machos import fat, thin

KNOWN = Known(origins={"lib/a.so": Origin(kind="distribution", name="wheel", version="1.2")})
APPLE = Target("macos", "aarch64")
INTEL = Target("macos", "x86_64")


def judged(files: Mapping[str, bytes | str], *, target: Target = APPLE, floor: str = "", elfs: tuple[Elf, ...] = ()) -> list[Finding]:
    """What is found in a tree of these files, with links as texts, and a program that is called `demo`."""
    origin = Origin(kind="application", name="demo")
    entries = [
        FileEntry(path=path, kind="link" if isinstance(data, str) else "library", link=data if isinstance(data, str) else "", origin=origin)
        for path, data in files.items()
    ]
    machos = [Macho(path=path, slices=slices(io.BytesIO(data))) for path, data in files.items() if isinstance(data, bytes) and data]
    return list(from_machos(target, floor, Code(entries=entries, machos=machos, elfs=elfs, programs=["demo"]), KNOWN))


def messages(*args: Any, **given: Any) -> list[tuple[str, str, str]]:
    return [(finding.gate, finding.level, finding.message) for finding in judged(*args, **given)]


def test_what_is_made_for_it_and_has_all_that_it_loads_is_fine() -> None:
    found = judged(
        {
            "demo": "bin/demo",
            "bin/demo": thin(needed=("@executable_path/../lib/libb.dylib", "/usr/lib/libSystem.B.dylib"), rpaths=("@loader_path/../lib",)),
            "lib/a.so": thin(kind="bundle", needed=("@rpath/libb.dylib", "@loader_path/now/libc.dylib", "/System/Library/Frameworks/A")),
            "lib/libb.dylib": thin(kind="library", name="@rpath/libb.dylib"),
            "lib/now": "old",
            "lib/old/libc.dylib": thin(kind="library"),
        },
        floor="11.0",
    )
    assert found == []


def test_a_library_that_is_nowhere_is_an_error_and_a_warning_where_it_is_not_needed() -> None:
    first, second = messages({"lib/a.so": thin(needed=("@rpath/libx.dylib",), weak=("@loader_path/liby.dylib",))})[::-1]
    assert first[:2] == ("missing-library", "error")
    assert first[2] == "@rpath/libx.dylib is neither in the tree nor part of macOS, and is needed by lib/a.so (from wheel 1.2)"
    assert second[:2] == ("missing-library", "warning")


def test_a_library_that_lies_elsewhere_is_found_only_by_chance() -> None:
    ((gate, level, message),) = messages({"lib/a.so": thin(needed=("@loader_path/libx.dylib",)), "x/libx.dylib": thin(kind="library")})
    assert (gate, level) == ("missing-library", "warning")
    assert message.startswith("@loader_path/libx.dylib is not where it is looked for")


@pytest.mark.parametrize(
    ("data", "floor", "words"),
    [
        (thin(since=(12, 3)), "12.0", "lib/a.so (from wheel 1.2) needs macOS 12.3, 12.0 is promised"),
        (fat(thin("x86_64", since=(10, 15)), thin(since=(11, 0))), "10.13", "needs macOS 10.15, 10.13 is promised"),
        (fat(thin("x86_64", since=(10, 9)), thin(since=(12, 0))), "11.0", "needs macOS 12.0, 11.0 is promised"),
        (thin("x86_64"), "", "is made for x86_64, macos-aarch64 has aarch64"),
        (thin(platform=2), "", "is made for another system of Apple's than macOS"),
    ],
)
def test_what_the_promised_system_would_not_run(data: bytes, floor: str, words: str) -> None:
    target = INTEL if floor == "10.13" else APPLE
    ((gate, level, message),) = messages({"lib/a.so": data}, floor=floor, target=target)
    assert (gate, level) == ("floor", "error")
    assert words in message


def test_what_every_mac_with_apples_processor_has_is_no_newer_than_an_older_promise() -> None:
    assert judged({"a": fat(thin("x86_64", since=(10, 9), signature=None), thin(since=(11, 0)))}, target=INTEL, floor="10.9") == []
    assert judged({"a": thin(since=(14, 0))}, floor="") == [], "nothing is promised"


def test_code_without_a_signature_is_an_error_on_apples_processors_only() -> None:
    ((gate, level, message),) = messages({"lib/a.so": thin(signature=None)})
    assert (gate, level, message) == ("unsigned", "error", "lib/a.so (from wheel 1.2) has code for Apple's processors without a signature")
    assert judged({"lib/a.so": thin("x86_64", signature=None)}, target=INTEL) == []


@pytest.mark.parametrize("folder", ["/opt/homebrew/lib", "/usr/local/lib", "/Users/somebody/lib", "/Library/Frameworks"])
def test_libraries_of_the_machine_that_it_was_built_on(folder: str) -> None:
    ((gate, level, message),) = messages({"lib/a.so": thin(needed=(f"{folder}/libx.dylib",))})
    assert (gate, level) == ("runpath", "error")
    assert message == "lib/a.so loads libx.dylib from a folder of the machine that it was built on"
    searching = thin(needed=("@rpath/libb.dylib",), rpaths=(folder, "@loader_path"))
    ((gate, level, message),) = messages({"lib/a.so": searching, "lib/libb.dylib": thin(kind="library")})
    assert (gate, level, message.startswith("lib/a.so searches for libraries")) == ("runpath", "error", True)
    ((gate, level, message),) = messages({"lib/a.so": thin(rpaths=(folder,)), "lib/b.so": thin(rpaths=(folder,))})
    assert (gate, level, message.startswith("lib/a.so and 1 more name a folder")) == ("runpath", "warning", True)
    assert folder not in message


def test_what_is_damaged_or_for_linux_is_told() -> None:
    damaged = [Macho(path="a", slices=())]
    elf = Elf(path="b", needed=(), glibc=(), runpath="")
    found = list(from_machos(APPLE, "", Code(entries=(), machos=damaged, elfs=(elf,)), KNOWN))
    assert [finding.gate for finding in found] == ["floor", "floor"]
    assert [finding.message.partition(" ")[0] for finding in found] == ["b", "a"]


def test_the_index_tells_programs_libraries_and_modules_apart(tmp_path: Path) -> None:
    contents = {
        "demo": thin(),
        "liba.dylib": thin(kind="library"),
        "a.so": fat(thin("x86_64", "bundle"), thin(kind="bundle")),
        "damaged.so": thin()[:40],
        "notes.txt": b"text",
    }
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
        (tmp_path / name).chmod(0o644)
    (tmp_path / "run.sh").write_text("#!/bin/sh\n")
    (tmp_path / "run.sh").chmod(0o755)
    entries = index(tmp_path, {}, "demo")
    assert {entry.path: entry.kind for entry in entries} == {
        "a.so": "extension",
        "damaged.so": "library",
        "demo": "executable",
        "liba.dylib": "library",
        "notes.txt": "data",
        "run.sh": "executable",
    }
    assert [(macho.path, len(macho.slices)) for macho in machos_of(tmp_path, entries)] == [
        ("a.so", 2),
        ("damaged.so", 0),
        ("demo", 1),
        ("liba.dylib", 1),
    ]


def test_libraries_of_the_machine_are_no_part_of_what_a_lock_names() -> None:
    known = Known(origins={"libssl.3.dylib": Origin(kind="system", name="openssl@3", version="3.3.1")})
    machos = [Macho(path="libssl.3.dylib", slices=slices(io.BytesIO(thin(kind="library"))))]
    (finding,) = from_machos(APPLE, "", Code(entries=(), machos=machos), known)
    assert (finding.gate, finding.level) == ("system-library", "error")
    assert finding.message == "libssl.3.dylib (from openssl@3 3.3.1) is a library of the machine that it was frozen on"


def test_what_a_file_needs_on_other_processors_says_nothing_of_the_targets_own() -> None:
    both = Macho(path="demo", slices=slices(io.BytesIO(fat(thin("x86_64", since=(10, 13)), thin(since=(11, 0))))))
    assert [oldest([both], target) for target in (APPLE, INTEL)] == ["11.0", "10.13"]
