"""The sun's day at a place: NOAA's solar equations, pure functions of date and coordinates.

Source: https://gml.noaa.gov/grad/solcalc/calcdetails.html
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

HORIZON = 90.833  # degrees from the zenith: refraction and half the sun's disc


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One day of the sun, times in UTC. `rise` and `set` are None in polar day and polar night; `length` says which."""

    rise: datetime | None
    noon: datetime
    set: datetime | None
    length: timedelta


def day(when: date, *, latitude: float, longitude: float) -> Day:
    """The sun's day around local noon of `when`. Degrees, north and east positive."""
    noon = _refined(when, 12 - longitude / 15, lambda t: 720 - 4 * longitude - _equation_of_time(t))
    half = _half_arc(_centuries(_moment(when, noon)), latitude)
    if half in (0.0, 180.0):
        return Day(rise=None, noon=_moment(when, noon), set=None, length=timedelta(hours=half / 7.5))
    rise, set_ = (_event(when, noon, side, latitude=latitude, longitude=longitude) for side in (-1, 1))
    return Day(rise=rise, noon=_moment(when, noon), set=set_, length=set_ - rise)


def _event(when: date, noon: float, side: int, *, latitude: float, longitude: float) -> datetime:
    def minutes(t: float) -> float:
        return 720 - 4 * longitude - _equation_of_time(t) + side * 4 * _half_arc(t, latitude)

    return _moment(when, _refined(when, noon, minutes))


def _refined(when: date, hours: float, minutes: Callable[[float], float]) -> float:
    """Hours after midnight UTC at which the event happens: the sun's place is taken at the event itself."""
    for _ in range(3):
        hours = minutes(_centuries(_moment(when, hours))) / 60
    return hours


def _moment(when: date, hours: float) -> datetime:
    return datetime.combine(when, time(), tzinfo=UTC) + timedelta(hours=hours)


def _centuries(moment: datetime) -> float:
    """Julian centuries since 2000-01-01 12:00."""
    return (moment - datetime(2000, 1, 1, 12, tzinfo=UTC)) / timedelta(days=36525)


def _anomaly(t: float) -> float:
    return math.radians(357.52911 + t * (35999.05029 - 0.0001537 * t))


def _mean_longitude(t: float) -> float:
    return math.radians((280.46646 + t * (36000.76983 + 0.0003032 * t)) % 360)


def _obliquity(t: float) -> float:
    mean = 23 + (26 + (21.448 - t * (46.815 + t * (0.00059 - 0.001813 * t))) / 60) / 60
    return math.radians(mean + 0.00256 * math.cos(_node(t)))


def _node(t: float) -> float:
    return math.radians(125.04 - 1934.136 * t)


def _declination(t: float) -> float:
    m = _anomaly(t)
    centre = math.sin(m) * (1.914602 - t * (0.004817 + 0.000014 * t))
    centre += math.sin(2 * m) * (0.019993 - 0.000101 * t) + math.sin(3 * m) * 0.000289
    apparent = _mean_longitude(t) + math.radians(centre - 0.00569 - 0.00478 * math.sin(_node(t)))
    return math.asin(math.sin(_obliquity(t)) * math.sin(apparent))


def _equation_of_time(t: float) -> float:
    """Minutes by which the sun is ahead of the clock."""
    length, m, y = _mean_longitude(t), _anomaly(t), math.tan(_obliquity(t) / 2) ** 2
    e = 0.016708634 - t * (0.000042037 + 0.0000001267 * t)
    value = y * math.sin(2 * length) - 2 * e * math.sin(m) + 4 * e * y * math.sin(m) * math.cos(2 * length)
    value -= 0.5 * y * y * math.sin(4 * length) + 1.25 * e * e * math.sin(2 * m)
    return 4 * math.degrees(value)


def _half_arc(t: float, latitude: float) -> float:
    """Degrees the earth turns between sunrise and noon: 0 in polar night, 180 in polar day."""
    phi, delta = math.radians(latitude), _declination(t)
    cosine = math.cos(math.radians(HORIZON)) / (math.cos(phi) * math.cos(delta)) - math.tan(phi) * math.tan(delta)
    return math.degrees(math.acos(max(-1.0, min(1.0, cosine))))
