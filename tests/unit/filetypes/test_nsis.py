"""What 7z says of a setup is held against what it wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from coldforge.errors import Missing
from coldforge.filetypes.nsis import MARK, File, Unknown, _entries, begin, files, unpack
from coldforge.filetypes.spans import Span
from coldforge.host import programs

LISTED = """
Path = a b.txt
Size = 6
Modified = 2026-11-29 09:59:06.0000000

Path = sub/x = y
Size = 3

Path = uninstall.exe
Size =
Modified =
"""


def test_files_lie_one_after_the_other_and_one_may_be_of_any_size() -> None:
    assert files(list(_entries(LISTED)), 19) == [
        File(name="a b.txt", time="2026-11-29 09:59:06.0000000", span=Span(0, 6)),
        File(name="sub/x = y", time="", span=Span(6, 9)),
        File(name="uninstall.exe", time="", span=Span(9, 19)),
    ]
    assert files([], 0) == []


@pytest.mark.parametrize(
    ("sizes", "total", "error", "words"),
    [
        (("6", "", ""), 9, Unknown, "not packed as one block"),
        (("6", "3"), 8, ValueError, "not what its list says"),
        (("6", "3"), 10, ValueError, "not what its list says"),
        (("6", ""), 5, ValueError, "not what its list says"),
    ],
)
def test_sizes_that_do_not_add_up_are_refused(sizes: tuple[str, ...], total: int, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        files([{"Path": "x", "Size": size} for size in sizes], total)


def test_a_setup_is_known_by_its_mark_where_data_may_begin() -> None:
    assert begin(b"MZ" + bytes(510) + bytes(4) + MARK) == 512
    assert begin(b"MZ" + bytes(509) + bytes(4) + MARK) == 0
    assert begin(b"MZ" + bytes(510)) == 0


def test_without_the_tool_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "find", lambda _: None)
    with pytest.raises(Missing, match="7z is not installed") as told:
        unpack(tmp_path / "setup.exe", tmp_path / "all")
    assert "apt-get install p7zip-full" in told.value.hint
