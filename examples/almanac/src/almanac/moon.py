"""The moon's phase. Source: Meeus, Astronomical Algorithms, 2nd edition, chapter 48."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

NAMES = ("new moon", "waxing crescent", "first quarter", "waxing gibbous", "full moon", "waning gibbous", "last quarter", "waning crescent")
SIGNS = "🌑🌒🌓🌔🌕🌖🌗🌘"


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """`age` is the angle from new moon in degrees, 0 to 360; `lit` the illuminated part of the disc, 0 to 1."""

    age: float
    lit: float

    @property
    def index(self) -> int:
        """Which eighth of the month: the four named moments are the middles of theirs."""
        return int((self.age + 22.5) % 360 // 45)

    @property
    def name(self) -> str:
        return NAMES[self.index]

    @property
    def sign(self) -> str:
        return SIGNS[self.index]


def phase(moment: datetime) -> Phase:
    """The phase at a moment (with a time zone)."""
    t = (moment - datetime(2000, 1, 1, 12, tzinfo=UTC)) / timedelta(days=36525)
    d = _angle(297.8501921 + 445267.1114034 * t)
    sun, moon = _angle(357.5291092 + 35999.0502909 * t), _angle(134.9633964 + 477198.8675055 * t)
    terms = 6.289 * math.sin(moon) - 2.100 * math.sin(sun) + 1.274 * math.sin(2 * d - moon)
    terms += 0.658 * math.sin(2 * d) + 0.214 * math.sin(2 * moon) + 0.110 * math.sin(d)
    age = (math.degrees(d) + terms) % 360
    return Phase(age=age, lit=(1 - math.cos(math.radians(age))) / 2)


def _angle(degrees: float) -> float:
    return math.radians(degrees % 360)
