"""The list of what is in an image is read as unsquashfs writes it, and is not believed."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from coldforge.errors import Missing
from coldforge.filetypes.spans import Span
from coldforge.filetypes.squashfs import Entry, entries, unpack
from coldforge.host import programs

END = b"#\n# START OF DATA - DO NOT MODIFY\n#\n"


def test_entries_are_what_they_are() -> None:
    files = b'/ D 5 755 0 0\na\\ b/c\\"\\\\n R 6 4755 0 7 2 0\nd R 6 644 0 0 3 2 0\n'
    others = b"e S 7 777 0 0 ../a b\nf L a\\ b/c\nx C 7 644 0 0 1 3\n"
    head = files + others + END
    found = {entry.path: entry for entry in entries(io.BytesIO(head + b"hello"))}
    assert found["/"] == Entry(path="/", kind="D", mode="755", owner="0:0", time="5")
    start = len(head)
    assert found['a b/c"\\n'] == Entry(path='a b/c"\\n', kind="R", mode="4755", owner="0:7", time="6", span=Span(start, start + 2))
    assert found["d"].span == Span(start + 2, start + 5)
    assert (found["e"].link, found["f"].kind, found["f"].link, found["x"].link) == ("../a b", "L", "a b/c", "1 3")


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        (b"a R 5 644 0 0 1 0\n" + END, EOFError, "not what its list says"),
        (b"a R 5 644 0 0 1 0\n" + END + b"ab", EOFError, "not what its list says"),
        (b"a R 5 644 0 0 1 0\nb R 5 644 0 0 1 0\n" + END + b"ab", ValueError, "one after the other"),
        (b"a\nb R 5 644 0 0 1 0\n" + END + b"a", ValueError, "a line break in a name"),
        (b"a R five 644 0 0 1 0\n" + END + b"a", ValueError, "an entry of its list"),
        (b"a R 5 644 0 0 1 0\n", ValueError, "makes no sense"),
        (b"/ D 5 755 0 0\n#\n#\n#\n", ValueError, "has no end"),
    ],
)
def test_a_list_that_makes_no_sense_is_refused(data: bytes, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        list(entries(io.BytesIO(data)))


def test_without_the_tool_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "find", lambda _: None)
    with pytest.raises(Missing, match="unsquashfs is not installed") as told:
        unpack(tmp_path / "image", tmp_path / "all")
    assert "apt-get install squashfs-tools" in told.value.hint
