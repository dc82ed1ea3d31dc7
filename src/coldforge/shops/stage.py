"""Write what the shops are told of a release. Running it again changes nothing; what is there of other versions stays."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from coldforge.errors import ConfigurationError, Problem
from coldforge.host import files
from coldforge.plan.model import Plan
from coldforge.project.metadata import NOBODY
from coldforge.records import MANIFEST, REPOSITORY, Manifest, read
from coldforge.report import reporter
from coldforge.shops import Offer, Shop
from coldforge.shops.chocolatey import Chocolatey
from coldforge.shops.homebrew import Homebrew
from coldforge.shops.scoop import Scoop
from coldforge.shops.winget import Winget

PLAN: Final = "plan.json"
SHOPS: Final[tuple[Shop, ...]] = (Winget(), Scoop(), Chocolatey(), Homebrew())


def write(dist: Path, out: Path, *, repo: str = "", tag: str = "") -> tuple[str, ...]:
    """Write the manifests of every shop that takes something of the release in `dist` to `out/<shop>/`; their paths in `out`.

    Raises ConfigurationError for what a shop demands and nobody says, for a release without anything for them, and when `dist`
    is not what a build left.
    """
    offer = read_offer(dist, repo=repo, tag=tag)
    made: dict[str, bytes] = {}
    for shop in SHOPS:
        found = shop.files(offer) if any(offer.artifacts(form, shop.system) for form in shop.formats) else {}
        made |= {f"{shop.name}/{path}": data for path, data in found.items()}
        if not found:
            reporter().info(f"{shop.name}: nothing in the release is for it; it takes {' and '.join(shop.formats)} for {shop.system}.")
    if not made:
        what = f"{dist} has nothing that a shop takes"
        hint = "Plan nsis, msi or zip for a Windows target in matrix.yml, or dmg, app.zip or tar.gz for one of macOS."
        raise ConfigurationError(what, hint=hint)
    with files.disk_errors(out):
        for path, data in made.items():
            files.write(out / path, data)
    for path in made:
        reporter().info(f"{out / path}")
    return tuple(made)


def read_offer(dist: Path, *, repo: str = "", tag: str = "") -> Offer:
    """The release in a folder. Raises ConfigurationError with everything that is not said of it."""
    manifest, plan = read(dist / MANIFEST, Manifest), read(dist / PLAN, Plan)
    if (plan.product.name, plan.product.version, plan.source) != (manifest.product, manifest.version, manifest.source):
        what = f"{dist / PLAN} and {dist / MANIFEST} are not of one build"
        raise ConfigurationError(what, hint="Build again, all targets from one commit.")
    offer = Offer(
        plan=plan,
        manifest=manifest,
        repository=repo or manifest.source.repository,
        tag=tag or manifest.source.tag,
        publisher=_publisher(plan),
    )
    if problems := tuple(_lacking(offer)):
        raise ConfigurationError("the shops demand what nobody says", problems=problems, hint="Build again after a change of the project.")
    return offer


def _publisher(plan: Plan) -> str:
    """Who offers it: what is configured, else the maintainer; empty if nobody does, whatever installers say then."""
    maintainer = "" if NOBODY in plan.product.maintainer else plan.product.maintainer.partition("<")[0].strip()
    return plan.config.windows.publisher or maintainer


def _lacking(offer: Offer) -> Iterator[Problem]:
    product = offer.plan.product
    if not re.fullmatch(REPOSITORY, offer.repository):
        what = "the release is in no repository on GitHub, so that its files have no address"
        yield Problem(what=what, hint="--repo OWNER/REPO, or git remote add origin")
    if not offer.tag:
        yield Problem(what="the release has no tag, so that its files have no address", hint="--tag v1.2.3, or build from a tag")
    if not offer.publisher:
        yield Problem(what="there is no publisher", hint="add authors to [project], or publisher to [tool.coldforge.windows]")
    needed = (("licence", product.license, "license"), ("homepage", product.homepage, "urls"), ("summary", product.summary, "description"))
    for name, value, key in needed:
        if not value:
            yield Problem(what=f"there is no {name}", hint=f"add {key} to [project]")
