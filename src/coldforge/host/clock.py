"""The only clock. Outputs know one time only: SOURCE_DATE_EPOCH, else the commit's time."""

from __future__ import annotations

import os
import time

from coldforge.errors import ConfigurationError

# ZIP and FAT cannot tell earlier times; a project without any commit gets it too.
EARLIEST = 315532800  # 1980-01-01T00:00:00Z
LATEST = 253402300799  # 9999-12-31T23:59:59Z: dates have four digits for the year


def epoch(commit_time: int | None) -> int:
    """The time of everything that is made, in seconds since 1970 UTC.

    Source: https://reproducible-builds.org/specs/source-date-epoch/
    Raises ConfigurationError when SOURCE_DATE_EPOCH is not a whole number of seconds, or beyond the year 9999.
    """
    given = os.environ.get("SOURCE_DATE_EPOCH", "").strip()
    if not given:
        return max(EARLIEST, commit_time or EARLIEST)
    if not given.isdecimal():
        raise ConfigurationError(f"SOURCE_DATE_EPOCH is {given!r}", hint="It must be a whole number of seconds since 1970.")
    if len(given) > 20 or int(given) > LATEST:  # Python refuses to read numbers of thousands of digits
        raise ConfigurationError(f"SOURCE_DATE_EPOCH is {given[:40]}", hint=f"It must not be after the year 9999, {LATEST}.")
    return max(EARLIEST, int(given))


def iso(seconds: int) -> str:
    """RFC 3339 text in UTC, to the second."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def now() -> float:
    """Seconds of a steady clock, for durations and deadlines; never written into an output."""
    return time.monotonic()


def sleep(seconds: float) -> None:
    """Wait; in this room so that tests can replace it."""
    time.sleep(seconds)


def rfc2822(seconds: int) -> str:
    """The date line of a Debian changelog, in UTC, whatever the locale."""
    moment = time.gmtime(seconds)
    day = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[moment.tm_wday]
    month = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")[moment.tm_mon - 1]
    return f"{day}, {moment.tm_mday:02} {month} {moment.tm_year} {moment.tm_hour:02}:{moment.tm_min:02}:{moment.tm_sec:02} +0000"


def wall() -> float:
    """Seconds since 1970, for comparing with a server's clock; never written into an output."""
    return time.time()
