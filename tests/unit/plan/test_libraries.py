"""What packages ask their systems for: Debian's packages by a table, RPM's libraries by name."""

from __future__ import annotations

from pathlib import Path

import pytest
from libraries.debian import libraries as listed
from libraries.debian import table

from coldforge.plan import libraries
from coldforge.records import Need

CONTENTS = """\
usr/lib/x86_64-linux-gnu/libfoo.so.1 libs/libfoo1{t64}
usr/lib/x86_64-linux-gnu/libfoo.so.1.4.2 libs/libfoo1{t64}
usr/lib/x86_64-linux-gnu/libfoo.so libdevel/libfoo-dev
lib/x86_64-linux-gnu/libbar-2.0.so.0 universe/libs/libbar0,libs/libbar0-dev
usr/lib/x86_64-linux-gnu/private/libbaz.so.1 libs/libfoo1
lib/x86_64-linux-gnu/libfoo.so.1.0 libs/libfoo1{t64}
usr/lib/libtoy8.6.so libs/libtoy8.6
usr/share/libraries.so.1 libs/no
"""


def need(soname: str) -> Need:
    return Need(soname=soname, by="demo")


def test_a_contents_tells_the_package_of_every_soname_in_a_folder_that_is_searched() -> None:
    assert listed(CONTENTS.format(t64="")) == {
        "libfoo.so.1": {"libfoo1"}, "libfoo.so.1.0": {"libfoo1"}, "libbar-2.0.so.0": {"libbar0"}, "libtoy8.6.so": {"libtoy8.6"},
    }  # fmt: skip


def test_a_name_that_changed_gives_alternatives_and_what_only_one_release_has_gives_nothing() -> None:
    old, new = listed(CONTENTS.format(t64="")), listed(CONTENTS.format(t64="t64"))
    assert list(table([old | {"libonce.so.1": {"libonce1"}}, new])) == [
        "libbar-2.0.so.0 libbar0", "libfoo.so.1 libfoo1t64 | libfoo1", "libfoo.so.1.0 libfoo1t64 | libfoo1", "libtoy8.6.so libtoy8.6",
    ]  # fmt: skip


def test_of_several_packages_the_usual_one_comes_first() -> None:
    assert list(table([{"liba.so.1": {"liba1"}}, {"liba.so.1": {"a-new", "liba1"}}])) == ["liba.so.1 liba1 | a-new"]


@pytest.mark.parametrize(
    ("soname", "packages"),
    [
        ("libGL.so.1", "libgl1"),
        ("libxcb-cursor.so.0", "libxcb-cursor0"),
        ("libglib-2.0.so.0", "libglib2.0-0t64 | libglib2.0-0"),
        ("libasound.so.2", "libasound2t64 | liboss4-salsa-asound2 | libasound2"),
    ],
)
def test_the_table_that_is_shipped(soname: str, packages: str) -> None:
    assert libraries.known()[soname] == packages


def test_a_project_may_have_a_table_of_its_own(tmp_path: Path) -> None:
    (tmp_path / libraries.DEBIAN).parent.mkdir(parents=True)
    (tmp_path / libraries.DEBIAN).write_text("# ours\nlibours.so.1 ours1 | ours\n")
    assert libraries.known(tmp_path) == {"libours.so.1": "ours1 | ours"}


def test_a_library_without_a_known_package_is_told_unless_one_is_named() -> None:
    needs = (need("libz.so.1"), need("libmpv.so.2"), need("libodd.so.3"), Need(soname="libsome.so.1", by="demo", priority="recommended"))
    assert [left.soname for left in libraries.unknown(needs, {"libz.so.1": "zlib1g"}, [])] == ["libmpv.so.2", "libodd.so.3"]
    assert [left.soname for left in libraries.unknown(needs, {"libz.so.1": "", "libodd.so.3": ""}, ["libmpv2 (>= 0.35)"])] == []


def test_rpm_asks_for_the_libraries_themselves() -> None:
    needs = (need("libz.so.1"), need("libGL.so.1"), Need(soname="libpulse.so.0", by="demo", priority="recommended"))
    assert libraries.rpm(needs, "glibc-2.28") == ("libc.so.6(GLIBC_2.28)(64bit)", "libGL.so.1()(64bit)", "libz.so.1()(64bit)")
    assert libraries.rpm(needs, "glibc-2.28", "recommended") == ("libpulse.so.0()(64bit)",)
