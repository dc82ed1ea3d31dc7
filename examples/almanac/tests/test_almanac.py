"""The almanac's own tests: known days of the sky, and the command line."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from almanac import feasts, moon, places, selfcheck, sun
from almanac.cli import main
from click.testing import CliRunner

LONGEST = date(2024, 6, 20)


@pytest.mark.parametrize(
    ("place", "rise", "set_"),
    [  # NOAA's own calculator, in UTC
        ("Greenwich", "03:43", "20:22"),
        ("New York", "09:25", "00:31"),
        ("Sydney", "21:00", "06:54"),
    ],
)
def test_the_longest_day_begins_and_ends_when_the_observatories_say(place: str, rise: str, set_: str) -> None:
    where = places.find(place)
    light = sun.day(LONGEST, latitude=where.latitude, longitude=where.longitude)
    for moment, expected in ((light.rise, rise), (light.set, set_)):
        assert moment is not None
        told = datetime.combine(moment.date(), datetime.strptime(expected, "%H:%M").replace(tzinfo=UTC).timetz())
        assert abs(moment - told) <= timedelta(minutes=2)


def test_in_the_far_north_the_sun_stays_up_in_june_and_down_in_december() -> None:
    north = places.find("Longyearbyen")
    lengths = [sun.day(when, latitude=north.latitude, longitude=north.longitude).length for when in (LONGEST, date(2024, 12, 21))]
    assert lengths == [timedelta(hours=24), timedelta(0)]


@pytest.mark.parametrize(
    ("moment", "name", "lit"),
    [
        (datetime(2024, 9, 18, 2, 34, tzinfo=UTC), "full moon", 1.0),
        (datetime(2024, 10, 2, 18, 49, tzinfo=UTC), "new moon", 0.0),
        (datetime(2024, 10, 10, 18, 55, tzinfo=UTC), "first quarter", 0.5),
    ],
)
def test_the_moon_is_where_the_ephemeris_has_it(moment: datetime, name: str, lit: float) -> None:
    phase = moon.phase(moment)
    assert phase.name == name
    assert phase.lit == pytest.approx(lit, abs=0.01)


@pytest.mark.parametrize(("year", "when"), [(1961, (4, 2)), (2000, (4, 23)), (2024, (3, 31)), (2025, (4, 20)), (2038, (4, 25))])
def test_easter(year: int, when: tuple[int, int]) -> None:
    assert feasts.easter(year) == date(year, *when)


def test_movable_feasts_move() -> None:
    named = {name: day for day, name in feasts.feasts(2025)}
    assert named["Thanksgiving"] == date(2025, 11, 27)
    assert named["Mother's Day"] == date(2025, 5, 11)
    assert named["Ash Wednesday"] == date(2025, 3, 5)


def test_places_are_found_without_accents_and_the_nearest_is_named() -> None:
    assert places.find("sao paulo").name == "São Paulo"
    assert places.find("TROMSO").zone == "Europe/Oslo"
    with pytest.raises(places.Unknown, match="Lisbon"):
        places.find("Lisbonn")


def test_every_place_has_a_time_zone_and_a_day() -> None:
    for place in places.places():
        assert datetime(2025, 1, 1, tzinfo=place.clock).utcoffset() is not None
        assert timedelta(0) <= sun.day(LONGEST, latitude=place.latitude, longitude=place.longitude).length <= timedelta(hours=24)


def test_the_month_and_the_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    runner = CliRunner()
    assert runner.invoke(main, ["home", "lisbon"]).exit_code == 0
    shown = runner.invoke(main, ["month", "--date", "2025-12-25"]).output
    assert "Lisbon, December 2025" in shown
    assert "Christmas Day" in shown


def test_usage_errors_say_what_is_wrong() -> None:
    result = CliRunner().invoke(main, ["today", "--date", "yesterday"])
    assert result.exit_code == 2
    assert "yesterday" in result.output


def test_a_broken_check_is_a_finding_and_not_an_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selfcheck, "CHECKS", {"data": lambda: (_ for _ in ()).throw(FileNotFoundError("places.json"))})
    (check,) = selfcheck.run()
    assert not check.good
    assert "places.json" in check.seen
    assert CliRunner().invoke(main, ["self-check"]).exit_code == 1
