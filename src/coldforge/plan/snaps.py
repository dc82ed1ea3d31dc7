"""What snapd calls things: names that it takes, and bases by the C library that is in them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from coldforge.errors import Problem
from coldforge.plan import names
from coldforge.plan.model import Plan
from coldforge.project.config import Config, Product

# https://snapcraft.io/docs/base-snaps: Ubuntu's releases, and their glibc.
BASES: Final[Mapping[str, tuple[int, int]]] = {"core22": (2, 35), "core24": (2, 39)}
_LONGEST: Final = 40
_LONGEST_VERSION: Final = 32
_COMMAND: Final = re.compile(r"[A-Za-z0-9/. _#:$-]*")  # what snapd takes as a path
_APP: Final = re.compile(r"[A-Za-z0-9](?:-?[A-Za-z0-9])*")


def name(product: Product, config: Config) -> str:
    """The configured name, else the product's in letters, digits and single hyphens."""
    return config.snap.package or re.sub(r"[^a-z0-9]+", "-", product.name.lower()).strip("-")


def apps(product: Product, config: Config) -> dict[str, str]:
    """What each executable is called in the snap: snapd adds the snap's name and a dot to all but the one that is called like it."""
    own = name(product, config)
    called = {executable.name: re.sub(r"[^A-Za-z0-9]+", "-", executable.name).strip("-") for executable in product.executables}
    main = product.name if product.name in called else next(iter(called), "") if len(called) == 1 else ""
    return {executable: own if executable == main else app for executable, app in called.items()}


def command(plan: Plan, executable: str) -> str:
    """What a user types, and what entries of menus have to start."""
    own, app = name(plan.product, plan.config), apps(plan.product, plan.config)[executable]
    return own if app == own else f"{own}.{app}"


def base(floor: str) -> str:
    """The oldest base on which a tree runs: the more systems have it already. Empty when none is new enough.

    >>> base("glibc-2.31"), base("glibc-2.36"), base(""), base("glibc-2.99")
    ('core22', 'core24', 'core22', '')
    """
    needed = tuple(map(int, floor.removeprefix("glibc-").split("."))) if floor else (0,)
    return next((base for base, version in BASES.items() if version >= needed), "")


def problems(product: Product, config: Config, version: names.Version) -> Iterator[Problem]:
    """What snapd would refuse."""
    own = name(product, config)
    if len(own) > _LONGEST or not re.search("[a-z]", own):
        yield Problem(what=f"{own!r} is no name of a snap", hint='write package = "another-name" into [tool.coldforge.snap]')
    text = names.semver(version)
    if len(text) > _LONGEST_VERSION:
        yield Problem(what=f"a snap's version has at most {_LONGEST_VERSION} characters, {text} has {len(text)}")
    called = apps(product, config)
    for executable, app in called.items():
        if not _APP.fullmatch(app) or not _COMMAND.fullmatch(executable):
            yield Problem(
                what=f"the executable {executable} cannot be in a snap: snapd takes letters, digits and hyphens", hint="rename it"
            )
        elif other := next((other for other in called if other < executable and called[other] == app), ""):
            yield Problem(
                what=f"the executables {other} and {executable} would both be called {app} in the snap", hint="rename one of them"
            )
