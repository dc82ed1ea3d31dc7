"""The command line."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from almanac import feasts as days
from almanac import places as known
from almanac import selfcheck, views


class Day(click.ParamType[date]):
    """A day in ISO form."""

    name = "yyyy-mm-dd"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """The date, or a usage error."""
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is not a day such as 2025-06-21", param, ctx)


PLACE = click.argument("place", required=False)
DATE = click.option("--date", "when", type=Day(), default=lambda: datetime.now(UTC).date(), help="Which day (default: today).")


@click.group()
@click.version_option(package_name="almanac", message="%(prog)s %(version)s")
def main() -> None:
    """Sun, moon and feasts of any day, for places around the world."""


@main.command()
@PLACE
@DATE
def today(place: str | None, when: date) -> None:
    """One day: the sun, the moon, the feast."""
    show(views.day_table(chosen(place), when))


@main.command()
@PLACE
@DATE
def month(place: str | None, when: date) -> None:
    """All days of a month."""
    where = chosen(place)
    show(views.month_table(where, when, views.month(where, when)))


@main.command()
@click.option("--year", type=click.IntRange(1583, 9999), default=lambda: datetime.now(UTC).year, help="Which year (default: this one).")
def feasts(year: int) -> None:
    """The year's feasts, fixed and movable."""
    table = Table("Day", "", title=str(year), title_justify="left", box=None)
    for day, name in days.feasts(year):
        table.add_row(f"{day:%a %d %b}", name)
    show(table)


@main.command()
@click.option("--zone", default="", help="Only places whose time zone has this text in its name.")
def places(zone: str) -> None:
    """The places that almanac knows."""
    table = Table("Place", "North", "East", "Time zone", box=None, header_style="bold")
    for place in (place for place in known.places() if zone.casefold() in place.zone.casefold()):
        table.add_row(place.name, f"{place.latitude:7.2f}", f"{place.longitude:7.2f}", place.zone)
    show(table)


@main.command()
@PLACE
@DATE
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write it to this file.")
def page(place: str | None, when: date, output: Path | None) -> None:
    """A month as an HTML page."""
    text = views.page(chosen(place), when)
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")


@main.command()
@click.argument("place")
def home(place: str) -> None:
    """Remember PLACE: the other commands then use it by themselves."""
    click.echo(f"written to {known.remember(chosen(place))}")


@main.command("self-check")
def self_check() -> None:
    """Exercise everything that packaging can break; exit code 1 if something is broken."""
    results = selfcheck.run()
    table = Table("Check", "", "Seen", box=None)
    for check in results:
        table.add_row(check.name, "[green]ok[/]" if check.good else "[red]broken[/]", check.seen)
    show(table)
    if not all(check.good for check in results):
        raise SystemExit(1)


def chosen(name: str | None) -> known.Place:
    """The place that was named, else the user's own."""
    try:
        return known.find(name) if name else known.home()
    except known.Unknown as error:
        raise click.ClickException(str(error)) from error


def show(table: Table) -> None:
    """Print a table; a pipe gets it at its natural width."""
    console = Console(highlight=False)
    console.print(table, width=None if console.is_terminal else 120)
