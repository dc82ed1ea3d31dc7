"""Fixed and movable days, from package data."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

# The compiled parser where there is one: it reads the same language ten times faster.
Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def feasts(year: int) -> tuple[tuple[date, str], ...]:
    """The days of a year that have a name, in order; two names may share a day."""
    return tuple(sorted((_date(rule, year), rule["name"]) for rule in _rules()))


def names_of(when: date) -> str:
    """What a day is called; empty for most."""
    return ", ".join(name for day, name in feasts(when.year) if day == when)


@cache
def _rules() -> tuple[dict[str, Any], ...]:
    text = files("almanac").joinpath("data/feasts.yaml").read_text(encoding="utf-8")
    return tuple(yaml.load(text, Loader=Loader))  # noqa: S506  # a safe loader, by the line above


def _date(rule: dict[str, Any], year: int) -> date:
    if "fixed" in rule:
        return date.fromisoformat(f"{year}-{rule['fixed']}")
    if "easter" in rule:
        return easter(year) + timedelta(days=rule["easter"])
    return _nth(year, **rule["nth"])


def easter(year: int) -> date:
    """Easter Sunday. Source: the anonymous Gregorian computus (Meeus, chapter 8)."""
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return date(year, month, day + 1)


def _nth(year: int, *, month: int, weekday: int, which: int) -> date:
    """The `which`-th `weekday` (Monday is 0) of a month."""
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (which - 1))
