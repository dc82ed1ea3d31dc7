"""What a tree leaves to the system: what no file of it is, and glibc is not."""

from __future__ import annotations

from typing import Any

from coldforge.freeze.binaries import Elf
from coldforge.freeze.needs import needs
from coldforge.records import Need


def elf(path: str, *needed: str, **more: Any) -> Elf:
    return Elf(path=path, needed=needed, glibc=(), **{"runpath": "", **more})


def test_what_neither_the_tree_nor_glibc_has_is_required_once() -> None:
    found = [elf("a", "libGL.so.1", "libc.so.6", "libmvec.so.1"), elf("b", "liba.so", "libGL.so.1", "libz.so.1")]
    assert needs(found, ["_internal/liba.so", "b"]) == (Need(soname="libGL.so.1", by="a"), Need(soname="libz.so.1", by="b"))


def test_what_a_file_opens_by_itself_is_as_important_as_it_says() -> None:
    opens = elf(
        "x.so", optional=((("libone.so.1",), "recommended"), (("libtwo.so.2", "libtwo.so.1"), "suggested"), (("libz.so.1",), "required"))
    )
    assert [(need.soname, need.priority) for need in needs([opens], ["x.so"])] == [
        ("libone.so.1", "recommended"), ("libtwo.so.2", "suggested"), ("libz.so.1", "required"),
    ]  # fmt: skip


def test_any_of_the_libraries_that_would_do_is_enough() -> None:
    assert needs([elf("x.so", optional=((("libtwo.so.2", "libtwo.so.1"), "required"),))], ["_internal/libtwo.so.1"]) == ()


def test_the_most_important_reason_counts() -> None:
    one, two = elf("x.so", optional=((("libz.so.1",), "suggested"),)), elf("y.so", "libz.so.1")
    assert needs([one, two], ["x.so", "y.so"]) == needs([two, one], ["x.so", "y.so"]) == (Need(soname="libz.so.1", by="y.so"),)


def test_what_well_known_libraries_open_is_recommended() -> None:
    found = needs([elf("_internal/libQt6DBus.so.6")], ["_internal/libQt6DBus.so.6"])
    assert found == (Need(soname="libdbus-1.so.3", by="_internal/libQt6DBus.so.6", priority="recommended"),)


def test_a_library_in_the_tree_that_reads_files_of_the_system_is_asked_for_with_them() -> None:
    names = ["_internal/libfontconfig.so.1", "_internal/pillow.libs/libX11-2f1c.so.6.4", "_internal/libfreetype.so.6"]
    assert needs([elf(name) for name in names], names) == (
        Need(soname="libX11.so.6", by="_internal/pillow.libs/libX11-2f1c.so.6.4", priority="recommended"),
        Need(soname="libfontconfig.so.1", by="_internal/libfontconfig.so.1"),
    )


ALPINE, LOADER = "libc.musl-x86_64.so.1", "/lib/ld-musl-x86_64.so.1"


def test_musl_is_no_need_under_any_of_its_names() -> None:
    assert needs([elf("a", ALPINE), elf("b", "libc.so"), elf("c", "ld-musl-aarch64.so.1"), elf("d", "libc.so.7")], "abcd") == (
        Need(soname="libc.so.7", by="d"),
    )


def test_what_starts_on_musl_has_its_libraries_from_the_system() -> None:
    """PyInstaller's boot loader there needs libz before it can tell the loader to search the tree."""
    tree = ["demo", "_internal/libz.so.1", "_internal/x.so"]
    assert needs([elf("demo", "libz.so.1", ALPINE, loader=LOADER)], tree) == (Need(soname="libz.so.1", by="demo"),)
    assert needs([elf("_internal/x.so", "libz.so.1", ALPINE)], tree) == ()
    assert needs([elf("demo", "libz.so.1", ALPINE, loader=LOADER, runpath="$ORIGIN/_internal")], tree) == ()
    assert needs([elf("demo", "libz.so.1", "libc.so.6", loader="/lib64/ld-linux-x86-64.so.2")], tree) == ()
