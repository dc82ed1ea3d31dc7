"""A planted difference of every kind is named by where it is, what differs there, and its likely cause; nothing else is."""

from __future__ import annotations

import gzip
import io
import lzma
from pathlib import Path
from types import CodeType
from typing import Any

import msgspec
import pytest
import zstandard
from elftools.elf.elffile import ELFFile
from hypothesis import given, settings
from hypothesis import strategies as st

from coldforge.host import programs
from coldforge.rebuild.compare import compare, differs
from coldforge.rebuild.verdict import Difference
from coldforge.rebuild.views import Budget
from support import runtimes
from support.containers import ar, carchive, pyc, pyz, tar, zipped

FILES = {"a": b"first\n", "b": b"second\n", "c": b"third\n"}
OTHER = {**FILES, "b": b"2nd\n"}
TEXT = b"".join(b"%d and %d\n" % (n, n * n) for n in range(999))
SOURCE = "def main(x):\n    return [{}, x]\n"


def code(text: str, name: str = "/coldforge/source/demo.py") -> CodeType:
    return compile(text, name, "exec")


def function(value: object) -> CodeType:
    return code(SOURCE.format(repr(value)))


def found(released: bytes, rebuilt: bytes) -> Difference:
    difference = differs("it", memoryview(released), memoryview(rebuilt))
    assert difference is not None
    assert difference.where[0] == "it"
    return difference


PLANTED = [
    pytest.param(b"one\ntwo\n", b"one\n2\n", "line 2", "content", "another source", id="a line"),
    pytest.param(b"one\ntwo\n", b"one\n", "line 2", "content", "another source", id="a line that is no more"),
    pytest.param(b"one\ntwo\n", b"two\none\n", "line 1", "order", "listing", id="the order of lines"),
    pytest.param(b"one\n", b"one\r\n", "line 1", "content", "", id="the end of a line"),
    pytest.param(b"Built 2026-01-02\n", b"Built 2026-11-25\n", "line 1", "content", "a time", id="a date"),
    pytest.param(b"in /home/ann/app\n", b"in /builds/bob/app\n", "line 1", "content", "the path of the build", id="a path"),
    pytest.param(b"LANG=de_DE\n", b"LANG=C.UTF-8\n", "line 1", "content", "locale", id="a locale"),
    pytest.param(b"\0\1\2\3", b"\0\1\7\3", "byte 2", "content", "not known", id="bytes"),
    pytest.param(b"\0\1\2\3", b"\0\1\2", "byte 3", "content", "not known", id="an end"),
    pytest.param(tar(FILES), tar(OTHER), "b > line 1", "content", "another source", id="a member of a tar"),
    pytest.param(tar(FILES), tar({"a": b"first\n", "c": b"third\n"}), "b", "missing", "other distributions", id="a member less"),
    pytest.param(tar(FILES), tar({**FILES, "d": b""}), "d", "added", "other distributions", id="a member more"),
    pytest.param(tar(FILES), tar(dict(reversed(FILES.items()))), "member 0", "order", "listing", id="the order of members"),
    pytest.param(tar(FILES), tar(FILES, mode=0o600), "a", "mode", "umask", id="modes"),
    pytest.param(tar(FILES), tar(FILES, mtime=5), "a", "time", "SOURCE_DATE_EPOCH", id="times"),
    pytest.param(tar(FILES), tar(FILES, uid=1000), "a", "owner", "another user", id="owners"),
    pytest.param(tar(FILES), tar(FILES, uname="ann"), "a", "owner", "another user", id="names of owners"),
    pytest.param(zipped(FILES), zipped(OTHER), "b > line 1", "content", "another source", id="a member of a zip"),
    pytest.param(zipped(FILES), zipped(FILES, when=(2026, 1, 2, 3, 4, 6)), "a", "time", "a time", id="times in a zip"),
    pytest.param(
        zipped({"a": b"abcab" * 999}), zipped({"a": b"abcab" * 999}, level=1), "", "encoding", "compressor", id="a zip's compression"
    ),
    pytest.param(gzip.compress(tar(FILES), mtime=0), gzip.compress(tar(OTHER), mtime=0), "b > line 1", "content", "", id="gzip"),
    pytest.param(gzip.compress(b"a", mtime=0), gzip.compress(b"a", mtime=1), "", "time", "a time", id="a time in gzip's head"),
    pytest.param(gzip.compress(b"ab" * 999, 9, mtime=0), gzip.compress(b"ab" * 999, 0, mtime=0), "", "header", "settings", id="gzip's"),
    pytest.param(lzma.compress(tar(FILES)), lzma.compress(tar(OTHER)), "b > line 1", "content", "", id="xz"),
    pytest.param(zstandard.compress(tar(FILES)), zstandard.compress(tar(OTHER)), "b > line 1", "content", "", id="zstandard"),
    pytest.param(zstandard.compress(TEXT, 1), zstandard.compress(TEXT, 19), "", "encoding", "compressor", id="its level"),
    pytest.param(ar(FILES), ar(FILES, time=9), "a", "time", "a time", id="times in an ar"),
    pytest.param(
        ar({"control.tar": tar({"md5sums": b"1  x\n"}), "data.tar": tar(FILES)}),
        ar({"control.tar": tar({"md5sums": b"2  x\n"}), "data.tar": tar(OTHER)}),
        "data.tar > b > line 1", "content", "", id="what sums are made of comes before them",
    ),
    pytest.param(
        tar({"licenses/components.json": b"1\n", "x": b"1\n"}), tar({"licenses/components.json": b"2\n", "x": b"2\n"}),
        "x > line 1", "content", "", id="what the list of parts is about comes before it",
    ),
    pytest.param(
        tar({"x-1.dist-info/INSTALLER": b"pip\n"}), tar({"x-1.dist-info/INSTALLER": b"uv\n"}),
        "x-1.dist-info/INSTALLER > line 1", "content", "another installer", id="who installed",
    ),
    pytest.param(
        tar({"x-1.dist-info/WHEEL": b"Wheel-Version: 1.0\nGenerator: hatchling 1.27\n"}),
        tar({"x-1.dist-info/WHEEL": b"Wheel-Version: 1.0\nGenerator: hatchling 1.28\n"}),
        "x-1.dist-info/WHEEL > line 2", "content", "build backend", id="what built a wheel",
    ),
    pytest.param(
        tar({"x.dist-info/METADATA": b"Name: x\nVersion: 1\n"}), tar({"x.dist-info/METADATA": b"Name: x\nVersion: 2\n"}),
        "x.dist-info/METADATA > line 2", "content", "another version of a distribution", id="a version",
    ),
    pytest.param(pyc(function(1)), pyc(function(2)), "<module> > main > constant 1", "content", "another source", id="a constant"),
    pytest.param(pyc(function(1)), pyc(function(1), time=3), "source's time or hash", "time", "a time", id="a time in byte code"),
    pytest.param(
        pyc(code("x = 1\n", "/home/ann/x.py")), pyc(code("x = 1\n", "/tmp/y/x.py")),
        "<module> > filename", "content", "the path of the build", id="the path in byte code",
    ),
    pytest.param(
        pyc(code("import os\n")), pyc(code("import re\n")), "<module> > names > item 0", "content", "another source", id="a name"
    ),
    pytest.param(pyc(code("x + 1\n")), pyc(code("x - 1\n")), "<module> > code", "content", "another Python", id="byte code itself"),
    pytest.param(
        carchive({"PYZ.pyz": pyz({"demo": function(1)})}), carchive({"PYZ.pyz": pyz({"demo": function("two")})}),
        "PYZ.pyz > demo > <module> > main > constant 1", "content", "another source", id="a constant of a frozen module",
    ),
    pytest.param(
        pyz({"a": code(""), "b": code("")}), pyz({"b": code(""), "a": code("")}), "member 0", "order", "listing", id="frozen modules' order"
    ),
    pytest.param(carchive(FILES), carchive(FILES, boot=b"\x7fELF other"), "(boot loader) > byte 5", "content", "", id="the boot loader"),
]  # fmt: skip


@pytest.mark.parametrize(("released", "rebuilt", "where", "what", "cause"), PLANTED)
def test_a_planted_difference(released: bytes, rebuilt: bytes, where: str, what: str, cause: str) -> None:
    difference = found(released, rebuilt)
    assert (" > ".join(difference.where[1:]), difference.what) == (where, what)
    assert cause in difference.cause
    assert differs("it", memoryview(released), memoryview(released)) is None


def test_the_order_of_a_set_is_the_hash_seeds() -> None:
    """Two seeds write the items of one set in two orders; here the items are turned in the marshalled bytes."""
    one = pyc(code("x in {'aa', 'bb'}\n"))
    other = one.replace(b"aa", b"\xfe\xff").replace(b"bb", b"aa").replace(b"\xfe\xff", b"bb")
    difference = found(one, other)
    assert difference.what == "order"
    assert "PYTHONHASHSEED" in difference.cause


def test_a_long_line_is_shown_from_before_its_difference() -> None:
    difference = found(b"x" * 5000 + b"here\n", b"x" * 5000 + b"there\n")
    assert difference.released.startswith("xxx")
    assert "here" in difference.released
    assert len(difference.released) < 200


def test_what_is_shown_is_fit_for_a_terminal() -> None:
    difference = found(tar({"\x1b[31m": b"\x1b]0;title\x07\n"}), tar({"\x1b[31m": b"other\n"}))
    assert "\x1b" not in str(difference)
    assert "\\x1b[31m" in str(difference)


def test_of_an_appimage_the_image_comes_first_and_then_the_program_before_it() -> None:
    runtime = runtimes.by_hand()
    other = runtime[:11] + b"\1" + runtime[12:]
    assert found(runtime + b"one\n", other + b"two\n").where == ("it", "image", "line 1")
    assert found(runtime + b"one\n", other + b"one\n").where == ("it", "runtime", "byte 11")


def test_what_only_an_absent_tool_can_look_into_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "find", lambda _: None)
    difference = found(tar({"x.snap": b"hsqs one"}), tar({"x.snap": b"hsqs two"}))
    assert difference.where == ("it", "x.snap", "byte 5")
    assert "unsquashfs is not installed" in difference.cause
    assert "apt-get install squashfs-tools" in difference.cause


def test_it_unpacks_no_more_than_its_budget() -> None:
    pair = [memoryview(gzip.compress(bytes(10_000_000) + end, mtime=0)) for end in (b"a", b"b")]
    difference = differs("it", *pair, budget=Budget(1_000_000))
    assert difference is not None
    assert difference.where[1].startswith("byte ")  # of the compressed file


def test_it_follows_no_endless_nest() -> None:
    one, other = b"1", b"2"
    for _ in range(40):
        one, other = tar({"x": one}), tar({"x": other})
    assert found(one, other).what == "content"


@settings(max_examples=40)
@given(cut=st.integers(0, 2000), place=st.integers(0, 2000), byte=st.integers(1, 255))
@pytest.mark.parametrize(
    "whole",
    [
        tar(FILES),
        zipped(FILES),
        ar(FILES),
        pyc(function(1)),
        carchive({"PYZ.pyz": pyz({"a": function(1)})}),
        gzip.compress(b"abc", mtime=0),
    ],
)
def test_a_damaged_file_is_compared_all_the_same(whole: bytes, cut: int, place: int, byte: int) -> None:
    place %= len(whole)
    changed = whole[:place] + bytes([whole[place] ^ byte]) + whole[place + 1 :]
    for other in (changed, whole[: cut % len(whole)]):
        assert found(whole, other).where
        assert found(other, whole).where


def test_a_changed_text_of_a_library_is_shown_whole(tmp_path: Path) -> None:
    """A path of the build in the middle of a section of texts."""
    library = Path(msgspec._core.__file__).read_bytes()  # a real one that is here anyway
    comment: Any = ELFFile(io.BytesIO(library)).get_section_by_name(".comment")
    text = comment.data().partition(b"\0")[0]
    paths = tmp_path / "one.so", tmp_path / "other.so"
    for path, data in zip(paths, (library, library.replace(text, text[:-1] + b"!")), strict=True):
        path.write_bytes(data)
    difference = compare(*paths)
    assert difference is not None
    assert difference.where == ("one.so", ".comment")
    assert (difference.released, difference.rebuilt) == (text.decode(), text.decode()[:-1] + "!")
    assert difference.cause == "another compiler"
