"""Mach-O files: what they say of themselves, and that no number in them leads out of the file."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest

from coldforge.filetypes.macho import Slice, is_macho, slices, starts
from coldforge.host.links import followed
from support.machos import fat, thin


def read(data: bytes) -> tuple[Slice, ...]:
    return slices(io.BytesIO(data))


def test_what_a_library_says_of_itself() -> None:
    data = thin(
        kind="library",
        since=(12, 3, 1),
        name="@rpath/libgröße.1.dylib",
        needed=("/usr/lib/libSystem.B.dylib", "@rpath/liba.dylib"),
        weak=("@loader_path/libb.dylib",),
        rpaths=("@loader_path/../lib", "/opt/homebrew/lib"),
        signature=b"123456",
    )
    assert read(data) == (
        Slice(
            offset=0,
            size=len(data),
            machine="aarch64",
            kind="library",
            platform=1,
            since=(12, 3, 1),
            name="@rpath/libgröße.1.dylib",
            needed=("/usr/lib/libSystem.B.dylib", "@rpath/liba.dylib"),
            weak=("@loader_path/libb.dylib",),
            rpaths=("@loader_path/../lib", "/opt/homebrew/lib"),
            signature=(len(data) - 6, 6),
        ),
    )


@pytest.mark.parametrize(
    ("machine", "kind", "told"),
    [("x86_64", "bundle", "bundle"), ("i386", "executable", "executable"), ("arm64e", "object", "other")],
)
def test_architectures_and_kinds(machine: str, kind: str, told: str) -> None:
    (found,) = read(thin(machine, kind))
    assert (found.machine, found.kind) == (machine, told)


def test_an_old_program_tells_its_system_in_another_way() -> None:
    (found,) = read(thin("x86_64", since=(10, 9), old=True, signature=None))
    assert (found.since, found.platform, found.signature) == ((10, 9), 1, None)
    (phone,) = read(thin(platform=2))
    assert phone.platform == 2
    (silent,) = read(thin(since=()))
    assert silent.since == ()


@pytest.mark.parametrize("wide", [False, True])
def test_several_architectures_in_one_file(wide: bool) -> None:
    data = fat(thin("x86_64", since=(10, 13), signature=None), thin("aarch64", signature=b"sig"), wide=wide)
    first, second = read(data)
    assert [(part.machine, part.since) for part in (first, second)] == [("x86_64", (10, 13)), ("aarch64", (11, 0))]
    assert data[first.offset : first.offset + first.size] == thin("x86_64", since=(10, 13), signature=None)
    assert second.signature is not None
    assert data[second.signature[0] :][: second.signature[1]] == b"sig"


def test_a_class_of_java_is_no_program_though_it_begins_like_one(tmp_path: Path) -> None:
    (tmp_path / "A.class").write_bytes(b"\xca\xfe\xba\xbe\x00\x00\x00\x41" + bytes(99))
    assert not is_macho(tmp_path / "A.class")
    assert not starts(b"\xca\xfe\xba")
    (tmp_path / "a").write_bytes(fat(thin()))
    assert is_macho(tmp_path / "a")


def changed(data: bytes, place: int, form: str, number: int) -> bytes:
    return data[:place] + struct.pack(form, number) + data[place + struct.calcsize(form) :]


THIN = thin()
FAT = fat(thin("x86_64"), THIN)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no Mach-O file"),
        (b"MZ" + bytes(99), "no Mach-O file"),
        (THIN[:20], "ends in its header"),
        (changed(THIN, 20, "<I", 1 << 20), "longer than it is"),
        (changed(THIN, 16, "<I", 1000), "fewer load commands than it says"),
        (changed(THIN, 36, "<I", 4), "longer than the room"),
        (changed(THIN, 36, "<I", 1 << 20), "longer than the room"),
        (changed(THIN, 40, "<I", 1 << 20), "outside of its command"),
        (changed(THIN, 40, "<I", 8), "outside of its command"),
        (thin(signature=b"x" * 9)[:-1], "its signature lies behind its end"),
        (changed(FAT, 16, ">I", 12), "over the table"),
        (changed(FAT, 16, ">I", 1 << 30), "behind its end"),
        (changed(FAT, 20, ">I", 1 << 14), "over each other"),
        (changed(FAT, 4, ">I", 5), "no Mach-O file|over|behind"),
        (FAT[:40], "in the middle"),
        (changed(FAT, 16, ">I", 100), "no Mach-O file"),
    ],
)
def test_what_no_file_can_say_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read(data)


def test_no_cut_of_a_file_leads_anywhere_but_to_an_error() -> None:
    for size in range(len(FAT)):
        with pytest.raises(ValueError, match=r"^(it|its|one|what) "):
            read(FAT[:size])


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("a/b", "a/b"),
        ("now/x", "old/x"),
        ("deep/way/x", "old/x"),
        ("round", ""),
        ("out", ""),
        ("up/../../x", ""),
        ("root", ""),
        ("a/../b", "b"),
    ],
)
def test_where_links_lead(path: str, told: str) -> None:
    links = {"now": "old", "deep/way": "../now", "round": "round", "out": "../x", "root": "/etc"}
    assert followed(path, links) == told
