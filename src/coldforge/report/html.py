"""A report as one static page: no script, nothing from elsewhere, readable without the pictures; the same values give the same bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from coldforge.report.reporter import Table, megabytes, printable
from coldforge.report.treemap import Box, squarified

WIDTH: Final = 1200.0
HEIGHT: Final = 640.0
MOST: Final = 40  # of the areas within an area; the rest is drawn as one
_HEAD: Final = 16.0  # height of an area's name
_LETTER: Final = 6.4  # width of a letter of 11 units, on average
KINDS: Final = ("application", "distribution", "python", "system", "freezer")
_COLOURS: Final = {"application": (212, 190), "distribution": (152, 130), "python": (46, 40), "system": (275, 265), "freezer": (8, 0)}
_STYLE: Final = """
:root { color-scheme: light dark; --text: #1c1f24; --back: #fff; --line: #d5d9df; --light: 78%; --lighter: 86% }
@media (prefers-color-scheme: dark) { :root { --text: #e6e8eb; --back: #15181c; --line: #3a4048; --light: 27%; --lighter: 21% } }
body { max-width: 75rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif }
body { color: var(--text); background: var(--back) }
svg { width: 100%; height: auto; display: block } svg text { font: 11px system-ui, sans-serif; fill: var(--text) }
rect { stroke: var(--back) } figure { margin: 1rem 0 } figcaption span { padding: 0 .5rem; margin-right: .5rem }
.scroll { overflow-x: auto } table { border-collapse: collapse; width: 100%; margin: 1.5rem 0 }
caption { text-align: left; font-weight: 600 }
th, td { text-align: left; padding: .2rem .6rem .2rem 0; border-bottom: 1px solid var(--line); overflow-wrap: anywhere }
.n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """Something that has a size, in bytes, and what it is made of; `kind` is one of KINDS and gives the colour."""

    name: str
    size: int
    kind: str = ""
    parts: tuple[Area, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One chapter: a sentence, a map of sizes when there are any, and tables that say the same in words."""

    title: str
    text: str
    areas: tuple[Area, ...] = ()
    tables: tuple[Table, ...] = ()


def page(title: str, sections: Sequence[Section]) -> str:
    """The whole document."""
    body = "\n".join(line for number, section in enumerate(sections, 1) for line in _section(section, f"s{number}"))
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{shown(title)}</title>
<style>{_STYLE}{_kinds()}</style>
</head>
<body>
<h1>{shown(title)}</h1>
{body}
</body>
</html>
"""


def shown(text: str) -> str:
    """Text of anybody's as markup that shows it: nothing in it is a tag, and what has no shape is spelled out."""
    return escape(printable(text))


def _kinds() -> str:
    return "".join(
        f".{kind} {{ fill: hsl({hue} 55% var(--light)); background: hsl({hue} 55% var(--light)) }} "
        f".{kind} + g rect {{ fill: hsl({inner} 50% var(--lighter)) }}\n"
        for kind, (hue, inner) in _COLOURS.items()
    )


def _section(section: Section, name: str) -> Iterator[str]:
    yield f'<section aria-labelledby="{name}">\n<h2 id="{name}">{shown(section.title)}</h2>\n<p>{shown(section.text)}</p>'
    if section.areas:
        yield from _figure(section, name)
    for table in section.tables:
        yield from _table(table)
    yield "</section>"


def _figure(section: Section, name: str) -> Iterator[str]:
    yield f'<figure>\n<svg viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" role="img" aria-labelledby="{name}-map">'
    yield f'<title id="{name}-map">Sizes in {shown(section.title)} as areas; the table below has the numbers</title>'
    areas = largest(section.areas)
    for area, box in zip(areas, squarified([area.size for area in areas], Box(0, 0, WIDTH, HEIGHT)), strict=True):
        yield from _area(area, box)
    legend = (f'<span class="{kind}">{kind}</span>' for kind in KINDS if any(area.kind == kind for area in section.areas))
    yield f"</svg>\n<figcaption>{''.join(legend)}</figcaption>\n</figure>"


def largest(areas: Sequence[Area], most: int = MOST) -> tuple[Area, ...]:
    """The areas that are not empty, the largest first; the smallest of many as one, so that the sum stays."""
    found = sorted((area for area in areas if area.size > 0), key=lambda area: (-area.size, area.name))
    rest = found[most:]
    if not rest:
        return tuple(found)
    together = Area(name=f"{len(rest)} smaller", size=sum(area.size for area in rest), kind=rest[0].kind)
    return tuple(sorted([*found[:most], together], key=lambda area: -area.size))


def _area(area: Area, box: Box) -> Iterator[str]:
    yield f"<g><title>{shown(area.name)}: {megabytes(area.size)}</title>"
    yield _rectangle(box, f' class="{area.kind}"' if area.kind in KINDS else "") + "<g>"
    inner, parts = box.inner(2, _HEAD), largest(area.parts)
    if inner.width > 8 and inner.height > 8:
        for part, place in zip(parts, squarified([part.size for part in parts], inner), strict=True):
            yield f"<g><title>{shown(area.name)}, {shown(part.name)}: {megabytes(part.size)}</title>"
            yield f"{_rectangle(place)}{_label(part.name.rpartition('/')[2], place)}</g>"
    yield f"</g>{_label(f'{area.name} {megabytes(area.size)}', box)}</g>"


def _rectangle(box: Box, more: str = "") -> str:
    return f'<rect x="{box.x:.2f}" y="{box.y:.2f}" width="{box.width:.2f}" height="{box.height:.2f}"{more}/>'


def _label(text: str, box: Box) -> str:
    """As much of a text as fits; nothing where only a letter or two would."""
    letters = int((box.width - 8) / _LETTER)
    if box.height < _HEAD or letters < 4:
        return ""
    fitting = text if len(text) <= letters else f"{text[: letters - 1]}…"
    return f'<text x="{box.x + 4:.2f}" y="{box.y + 12:.2f}">{shown(fitting)}</text>'


def _table(table: Table) -> Iterator[str]:
    classes = [' class="n"' if column in table.numeric else "" for column in table.columns]
    head = "".join(f'<th scope="col"{kind}>{shown(column)}</th>' for column, kind in zip(table.columns, classes, strict=True))
    yield f'<div class="scroll"><table>\n<caption>{shown(table.title)}</caption>\n<thead><tr>{head}</tr></thead>\n<tbody>'
    for row in table.rows:
        cells = (f"<td{kind}>{shown(cell)}</td>" for cell, kind in zip(row, classes, strict=True))
        yield f"<tr>{''.join(cells)}</tr>"
    yield "</tbody>\n</table></div>"
