"""What the terminal and the page show: tables made of the sun, the moon and the feasts."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from html import escape
from importlib.metadata import version
from importlib.resources import files
from string import Template

from rich.table import Table

from almanac import moon, sun
from almanac.feasts import names_of
from almanac.places import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One day as texts."""

    day: str
    rise: str
    noon: str
    set: str
    daylight: str
    moon: str
    feast: str

    @property
    def cells(self) -> tuple[str, ...]:
        """The texts in the order of the columns."""
        return (self.day, self.rise, self.noon, self.set, self.daylight, self.moon, self.feast)


COLUMNS = ("Day", "Sunrise", "Noon", "Sunset", "Daylight", "Moon", "")


def row(place: Place, when: date) -> Row:
    """A day at a place."""
    light, phase = sun.day(when, latitude=place.latitude, longitude=place.longitude), moon.phase(_midday(when))
    rise, noon, set_ = (_clock(moment, place) for moment in (light.rise, light.noon, light.set))
    return Row(
        day=f"{when:%a} {when.day:2}",
        rise=rise,
        noon=noon,
        set=set_,
        daylight=_hours(light.length),
        moon=f"{phase.sign} {phase.lit:4.0%}",
        feast=names_of(when),
    )


def month(place: Place, when: date) -> Iterator[Row]:
    """Every day of the month that `when` is in."""
    days = calendar.monthrange(when.year, when.month)[1]
    return (row(place, when.replace(day=number)) for number in range(1, days + 1))


def month_table(place: Place, when: date, rows: Iterator[Row]) -> Table:
    """The month for the terminal; Sundays are bright."""
    table = Table(*COLUMNS, title=f"{place.name}, {when:%B %Y}", title_justify="left", box=None, header_style="bold")
    for entry in rows:
        table.add_row(*entry.cells, style="bold yellow" if entry.day.startswith("Sun") else "")
    return table


def day_table(place: Place, when: date) -> Table:
    """One day for the terminal."""
    entry, phase = row(place, when), moon.phase(_midday(when))
    table = Table(show_header=False, title=f"{place.name}, {when:%A} {when.day} {when:%B %Y}", title_justify="left", box=None)
    facts = {"☀ sunrise": entry.rise, "  noon": entry.noon, "  sunset": entry.set, "  daylight": entry.daylight}
    facts |= {f"{phase.sign} moon": f"{phase.name}, {phase.lit:.0%} lit", "★ feast": entry.feast or "none"}
    for name, value in facts.items():
        table.add_row(name, value)
    return table


def page(place: Place, when: date) -> str:
    """The month as one HTML page."""
    template = Template(files("almanac").joinpath("data/page.html").read_text(encoding="utf-8"))
    lines = ("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in entry.cells) + "</tr>" for entry in month(place, when))
    words = {"place": escape(place.name), "month": f"{when:%B %Y}", "zone": place.zone, "version": version("almanac")}
    return template.substitute(words, rows="\n".join(lines))


def _midday(when: date) -> datetime:
    return datetime.combine(when, time(12), tzinfo=UTC)


def _clock(moment: datetime | None, place: Place) -> str:
    return f"{moment.astimezone(place.clock):%H:%M}" if moment else "-"


def _hours(length: timedelta) -> str:
    minutes = round(length.total_seconds() / 60)
    return f"{minutes // 60:2} h {minutes % 60:02}"
