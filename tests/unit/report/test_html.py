"""The page: well-formed, static, and nobody's name is markup."""

from __future__ import annotations

from html.parser import HTMLParser

from coldforge.report.html import Area, Section, largest, page, shown
from coldforge.report.reporter import Table

NASTY = '<script>alert("1")</script>&\x1b[31m\udcff'
TABLE = Table(title=NASTY, columns=("name", "size"), rows=((NASTY, "1"),), numeric=frozenset({"size"}))
AREAS = (
    Area(name=NASTY, size=5000, kind="python", parts=(Area(name=f"{NASTY}/deep", size=3000), Area(name="b", size=2000))),
    Area(name="small", size=10, kind="system"),
    Area(name="empty", size=0, kind="freezer"),
)
VOID = {"meta"}


class Reader(HTMLParser):
    """The elements of a page; each that is opened must be closed in its turn."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of all elements of a kind."""
        return [attributes for name, attributes in self.elements if name == tag]


def read() -> Reader:
    """A page of everything that a page can hold, with names that want to be more."""
    return Reader(page(NASTY, [Section(title=NASTY, text=NASTY, areas=AREAS, tables=(TABLE,)), Section(title="two", text="")]))


def test_no_name_is_markup_and_none_commands_a_terminal() -> None:
    found = read()
    assert {tag for tag, _ in found.elements}.isdisjoint({"script", "link", "img", "iframe"})
    assert '<script>alert("1")</script>&\\x1b[31m\\udcff' in found.texts
    assert shown('"') == "&quot;"


def test_the_page_takes_nothing_from_elsewhere() -> None:
    found = read()
    policy = next(meta for meta in found.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    assert policy["content"] == "default-src 'none'; style-src 'unsafe-inline'"
    assert not [attributes for _, attributes in found.elements if attributes.keys() & {"src", "href", "onload", "onclick", "style"}]


def test_what_is_labelled_is_there() -> None:
    found = read()
    names = {attributes["id"] for _, attributes in found.elements if "id" in attributes}
    assert {attributes["aria-labelledby"] for _, attributes in found.elements if "aria-labelledby" in attributes} <= names
    assert len(found.all("svg")) == 1, "a chapter without sizes has no map"
    assert found.all("svg")[0]["role"] == "img"
    assert [cell["class"] for cell in found.all("td") if "class" in cell] == ["n"]


def test_areas_are_drawn_in_their_size_and_empty_ones_are_not() -> None:
    found = read()
    drawn = [float(rect["width"] or 0) * float(rect["height"] or 0) for rect in found.all("rect") if "class" in rect]
    assert [round(area / (1200 * 640), 3) for area in drawn] == [round(5000 / 5010, 3), round(10 / 5010, 3)]
    assert [span["class"] for span in found.all("span")] == ["application", "python", "system", "freezer"][1:]


def test_many_small_areas_are_one() -> None:
    found = largest([Area(name=str(number), size=number, kind="system") for number in range(1, 8)], most=3)
    assert [(area.name, area.size) for area in found] == [("4 smaller", 10), ("7", 7), ("6", 6), ("5", 5)]


def test_the_same_values_are_the_same_bytes_in_any_order() -> None:
    one, two = (page("x", [Section(title="y", text="", areas=areas)]) for areas in (AREAS, AREAS[::-1]))
    assert one == two
