"""Three words, never mixed up: the worst of the rows is that of the release, and only the first two are good."""

from __future__ import annotations

import pytest

from coldforge.rebuild.verdict import Difference, Rebuild, Row, Word, worst

SAME: Word = "identical"
SIGNED: Word = "identical but for signatures"
DIFFERS: Word = "differs"


def rebuild(*words: Word, left: tuple[str, ...] = ()) -> Rebuild:
    rows = tuple(Row(name=f"{number}.deb", target="linux-x86_64", word=word, recorded="0") for number, word in enumerate(words))
    return Rebuild(product="demo", version="1", commit="a" * 40, coldforge="0", word=worst(rows), rows=rows, left=left)


@pytest.mark.parametrize(
    ("words", "word", "code"),
    [
        ([SAME, SAME], SAME, 0),
        ([SAME, SIGNED], SIGNED, 0),
        ([SIGNED], SIGNED, 0),
        ([SAME, DIFFERS], DIFFERS, 1),
        ([SIGNED, DIFFERS, SAME], DIFFERS, 1),
        ([], DIFFERS, 1),
    ],
)
def test_the_worst_word_counts(words: list[Word], word: Word, code: int) -> None:
    found = rebuild(*words)
    assert (found.word, found.exit_code) == (word, code)
    assert found.line.startswith(word.upper())


def test_what_another_machine_must_rebuild_is_said() -> None:
    assert "windows-x86_64 must be rebuilt elsewhere" in rebuild(SAME, left=("windows-x86_64",)).line


def test_what_differs_stands_first() -> None:
    assert [row[1] for row in rebuild(SAME, DIFFERS, SAME).table().rows] == [DIFFERS, SAME, SAME]


def test_a_difference_says_where_and_what() -> None:
    where = ("it", "a", "line 1")
    assert str(Difference(where=where, what="content", released="1", rebuilt="2")) == "it > a > line 1: content was 1, is 2"
    assert str(Difference(where=where, what="missing")) == "it > a > line 1: not in the rebuilt file"
    assert str(Difference(where=where, what="added")) == "it > a > line 1: only in the rebuilt file"
