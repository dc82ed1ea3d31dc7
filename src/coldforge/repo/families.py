"""The registry: one line a package manager."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from coldforge.repo import Family
from coldforge.repo.alpine import Apk
from coldforge.repo.apt import Apt
from coldforge.repo.dnf import Dnf
from coldforge.repo.pacman import Pacman

FAMILIES: Final[Mapping[str, Family]] = {family.format: family for family in (Apt(), Dnf(), Pacman(), Apk())}
