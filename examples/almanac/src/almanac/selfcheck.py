"""Does this installation work? Everything that packaging can break, exercised once."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from importlib.resources import files
from zoneinfo import ZoneInfo

import yaml

from almanac.feasts import easter, feasts
from almanac.places import find, places
from almanac.views import page


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check: its name, whether it passed, and what was seen."""

    name: str
    good: bool
    seen: str


def metadata() -> str:
    """The version comes from the installed metadata, not from the code."""
    return f"almanac {version('almanac')}, rich {version('rich')}"


def data() -> str:
    """Every data file of the package can be read."""
    return f"{len(places())} places, {len(feasts(2025))} feasts, a page of {len(page(find('Quito'), date(2025, 6, 1)))} characters"


def compiled() -> str:
    """The compiled YAML parser is here and reads; a fallback to the slow one is a failure."""
    document = yaml.load("[1, two]", Loader=yaml.CSafeLoader)  # safe, and compiled
    return f"{yaml.CSafeLoader.__name__} read {document}"


def zones() -> str:
    """Time zones come from the distribution that travels along, whatever the system has."""
    stored = files("tzdata.zoneinfo").joinpath("Europe/Lisbon").read_bytes()
    return f"Europe/Lisbon, {len(stored)} bytes, {ZoneInfo('Europe/Lisbon').key}"


def children() -> str:
    """A program of the system starts, in the user's own environment."""
    script = "printf '%s' \"${LD_LIBRARY_PATH-unset}\""
    shell = ["cmd", "/c", "echo", "unset"] if sys.platform == "win32" else ["/bin/sh", "-c", script]
    done = subprocess.run(shell, check=True, capture_output=True, text=True, timeout=60)
    return f"LD_LIBRARY_PATH is {done.stdout.strip()}"


def workers() -> str:
    """Worker processes start: this very program, started again by multiprocessing."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        (sunday,) = pool.map(easter, [2025])
    return f"Easter {sunday}, from a process that is not {os.getpid()}"


CHECKS: Mapping[str, Callable[[], str]] = {
    check.__name__: check for check in (metadata, data, compiled, zones, children, workers)
}  # fmt: skip


def run() -> tuple[Check, ...]:
    """Every check, in order; a failure is a result, not an exception."""
    return tuple(_result(name, check) for name, check in CHECKS.items())


def _result(name: str, check: Callable[[], str]) -> Check:
    try:
        return Check(name=name, good=True, seen=check())
    except Exception as error:  # noqa: BLE001  # whatever a broken package raises is the finding
        return Check(name=name, good=False, seen=f"{type(error).__name__}: {error}")
