"""Requirements with hashes as every lock is read into: names, versions, markers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from coldforge.errors import ConfigurationError
from coldforge.records import Distribution

_PIN: Final = re.compile(r"^(?P<name>[A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?\s*==\s*(?P<version>[^\s;]+)\s*(?:;(?P<marker>.*?))?(?:\s--hash|$)")
_NAMED: Final = re.compile(r"\s*([A-Za-z0-9][\w.-]*)")
_HASH: Final = re.compile(r"--hash=(\S+)")
# What markers ask for besides the machine, by what only Windows calls a machine.
_WINDOWS: Final = {"os_name": "nt", "sys_platform": "win32", "platform_system": "Windows", "platform_release": "10", "platform_version": ""}
_SYSTEMS: Final = {"AMD64": _WINDOWS, "ARM64": _WINDOWS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """One locked distribution. `marker` is PEP 508 text, empty for everywhere; `line` the whole requirement on one line."""

    name: str
    version: str
    marker: str
    line: str

    def applies(self, python: str, machine: str = "") -> bool:
        """Whether it is installed for Python `python` (its version) on this system, or on its like of another `machine`."""
        return not self.marker or holds(self.marker, python, machine)

    @property
    def distribution(self) -> Distribution:
        """The record of it, with the hashes that are allowed."""
        return Distribution(name=self.name, version=self.version, hashes=tuple(sorted(_HASH.findall(self.line))))


def normalised(name: str) -> str:
    """A distribution's name as the index compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def holds(marker: str, python: str, machine: str = "") -> bool:
    """Whether a marker is true for Python `python` on this system: a freeze's system is that of its target.

    `machine` is the architecture (`platform.machine()`) where that is another than this machine's; Windows has words of its own for it,
    and is meant by them.
    Raises ConfigurationError for text that is no marker.
    """
    from packaging.markers import InvalidMarker, Marker, UndefinedEnvironmentName

    minor = ".".join(python.split(".")[:2])
    try:
        other = {"platform_machine": machine, **_SYSTEMS.get(machine, {})} if machine else {}
        return Marker(marker).evaluate({"python_version": minor, "python_full_version": python, "extra": "", **other})
    except (InvalidMarker, UndefinedEnvironmentName) as error:
        raise ConfigurationError(f"the marker {marker!r} in the lock cannot be read", why=str(error)) from error


def joined(text: str) -> str:
    """Requirements without continued lines."""
    return re.sub(r"\\\r?\n\s*", " ", text)


def named(line: str) -> str:
    """The distribution that a line is about, pinned or not; empty for an option or a comment."""
    match = _NAMED.match(line)
    return normalised(match[1]) if match else ""


def pins(text: str) -> tuple[Pin, ...]:
    """The pinned distributions of a requirements text, by name."""
    found = []
    for line in joined(text).splitlines():
        if match := _PIN.match(line.strip()):
            marker = (match["marker"] or "").strip()
            found.append(Pin(name=normalised(match["name"]), version=match["version"], marker=marker, line=line.strip()))
    return tuple(sorted(found, key=lambda pin: (pin.name, pin.version, pin.marker)))


def recorded(locked: Iterable[Pin], python: str, machine: str = "") -> tuple[Distribution, ...]:
    """The records of those that are installed for Python `python`."""
    return tuple(pin.distribution for pin in locked if pin.applies(python, machine))
