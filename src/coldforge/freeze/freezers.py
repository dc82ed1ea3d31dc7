"""The freezers, by the word that stands in the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from coldforge.freeze import Freezer
from coldforge.freeze.command import Command
from coldforge.freeze.pyinstaller import PyInstaller

FREEZERS: Final[Mapping[str, Freezer]] = {freezer.name: freezer for freezer in (PyInstaller(), Command())}
