"""Places around the world (package data), and the one that the user calls home (their own configuration)."""

from __future__ import annotations

import difflib
import json
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

import yaml
from platformdirs import user_config_path

DEFAULT = "Greenwich"


class Unknown(LookupError):
    """No such place; the text names the nearest ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A place: degrees north and east, and the name of its time zone."""

    name: str
    latitude: float
    longitude: float
    zone: str

    @property
    def clock(self) -> ZoneInfo:
        """Its time zone."""
        return ZoneInfo(self.zone)


@cache
def places() -> tuple[Place, ...]:
    """All places, by name."""
    text = files("almanac").joinpath("data/places.json").read_text(encoding="utf-8")
    return tuple(Place(**record) for record in json.loads(text))


def find(name: str) -> Place:
    """The place of that name; case and accents do not matter. Raises Unknown."""
    known = {_plain(place.name): place for place in places()}
    if place := known.get(_plain(name)):
        return place
    near = [known[key].name for key in difflib.get_close_matches(_plain(name), known, n=3)]
    raise Unknown(f"{name} is not among the places" + (f"; did you mean {' or '.join(near)}?" if near else ""))


def _plain(name: str) -> str:
    """Lower case without accents; ø is a letter of its own, so it is named."""
    decomposed = unicodedata.normalize("NFKD", name.casefold().replace("ø", "o"))
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def home() -> Place:
    """The user's own place, else Greenwich."""
    path = settings()
    chosen = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return find((chosen or {}).get("home", DEFAULT))


def remember(place: Place) -> Path:
    """Make a place the user's own; the path of the file it was written to."""
    path = settings()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump({"home": place.name}, allow_unicode=True), encoding="utf-8")
    return path


def settings() -> Path:
    """The file of the user's own settings."""
    return user_config_path("almanac") / "almanac.yaml"
