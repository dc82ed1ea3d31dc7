"""The page about a rebuild: what differs first, the way to it step by step, and nothing of a file's as markup."""

from __future__ import annotations

from html.parser import HTMLParser

from coldforge.rebuild.report import html
from coldforge.rebuild.verdict import Difference, Rebuild, Row, Used

DIFFERENCE = Difference(where=("a.deb", "data.tar", "<b>x</b>"), what="mode", released="755", rebuilt="700", cause="another umask")
ROWS = (
    Row(name="b.tar.gz", target="linux-x86_64", word="identical", recorded="1" * 64, rebuilt="1" * 64),
    Row(name="a.deb", target="linux-x86_64", word="differs", recorded="2" * 64, released="2" * 64, rebuilt="3" * 64, difference=DIFFERENCE),
)
FOUND = Rebuild(
    product="demo",
    version="1",
    commit="c" * 40,
    coldforge="0.1.0",
    word="differs",
    rows=ROWS,
    inputs=("the lock was a, is b",),
    used=(Used(target="linux-x86_64", workshop=f"sha256:{'4' * 64}"),),
)


class Cells(HTMLParser):
    """The texts of a page, and its tags."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, _attrs: object) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.texts += [data.strip()] if data.strip() else []


def read(found: Rebuild) -> Cells:
    cells = Cells()
    cells.feed(html(found))
    return cells


def test_what_differs_comes_first_and_the_way_to_it_is_told() -> None:
    texts = read(FOUND).texts
    assert texts.index("a.deb") < texts.index("b.tar.gz")
    steps = texts[texts.index("Likely: another umask.") :]
    for text in ("a.deb", "data.tar", "<b>x</b>", "755", "700", "the lock was a, is b", f"sha256:{'4' * 64}"):
        assert text in steps
    assert {"1" * 64, "2" * 64, "3" * 64} <= set(texts)
    assert FOUND.line in texts


def test_names_of_strangers_are_no_markup() -> None:
    assert "b" not in read(FOUND).tags


def test_a_page_of_what_is_identical_names_no_difference() -> None:
    same = Rebuild(product="demo", version="1", commit="c" * 40, coldforge="0.1.0", word="identical", rows=ROWS[:1])
    assert not [text for text in read(same).texts if "differs" in text or "Likely" in text]
