"""The plan for others: for people as a table, for GitHub as a matrix."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from coldforge.plan.model import Plan, PlannedTarget
from coldforge.project.metadata import NOBODY
from coldforge.records import SourceRecord
from coldforge.report.reporter import Table
from coldforge.target import Target


def github_matrix(plan: Plan) -> dict[str, object]:
    """The value for `strategy.matrix`: one entry a target that is frozen; those that are made of others need no machine of their own."""
    return {
        "include": [
            {
                "target": target.target,
                "runner": target.runner,
                "container": target.container,
                "formats": list(dict.fromkeys(artifact.format for artifact in target.artifacts)),
                "required": target.required,
            }
            for target in plan.targets
            if not Target.parse(target.target).halves
        ]
    }


def describe(plan: Plan) -> Table:
    """The plan for people: one row an artifact, then one for each thing that is not known."""
    rows = [
        (target.target, _place(target), target.floor or "reported", artifact.format, artifact.name)
        for target in plan.targets
        for artifact in target.artifacts
    ]
    rows += [("unknown", "", "", what, consequence) for what, consequence in unknown(plan)]
    title = f"{plan.product.name} {plan.product.version} ({_source(plan.source)})"
    return Table(title=title, columns=("target", "frozen in", "floor", "format", "file"), rows=tuple(rows))


def _place(target: PlannedTarget) -> str:
    """Where it is frozen: the build image's name and the image itself, without its digest."""
    name = target.image.partition("@")[0]
    if not target.container or target.image in ("", target.container):
        return target.container or "the runner itself"
    return f"{target.container}: {name[:19] if name.startswith('sha256:') else name}"


def _source(source: SourceRecord) -> str:
    if not source.commit:
        return "no commit"
    changes = " with changes" if source.dirty else ""
    return f"{source.commit[:12]}{changes}{f', tag {source.tag}' if source.tag else ''}"


def unknown(plan: Plan) -> Iterator[tuple[str, str]]:
    """What the plan could not find out, and what follows from that."""
    product, source = plan.product, plan.source
    if not source.commit:
        yield "commit", "nobody can rebuild what is in no commit"
    if source.commit and not source.tag:
        yield "tag", "a release needs one: git tag, or --tag"
    if source.dirty:
        yield "state", "the folder differs from the commit, so nobody can rebuild it"
    if not source.repository:
        yield "repository", "a release needs one: git remote add origin, or --repo"
    for target in plan.targets:
        if other := _other_python(plan, target):
            consequence = f"requires-python is {product.requires_python}: `python` in [tool.coldforge.environment] names another"
            yield f"python {other} of {target.target}", consequence
    if NOBODY in product.maintainer:
        yield "maintainer", f"packages will say {product.maintainer}: add authors to [project]"
    for name, value in (("license", product.license), ("summary", product.summary), ("homepage", product.homepage)):
        if not value:
            yield name, f"packages will not say it: add {_KEYS[name]} to [project]"


def _other_python(plan: Plan, target: PlannedTarget) -> str:
    """The Python that a build image is named after, where that is none that the project takes; else empty."""
    requires, named = plan.product.requires_python, _PYTHON.search(target.image)
    if named is None or not requires or plan.config.environment.python or plan.config.freezer != "pyinstaller":
        return ""
    least = _LEAST.fullmatch(requires.strip())
    if least and int(least[1]) <= int(named[1]):  # what most projects say: no reason to import packaging
        return ""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:  # of any patch release: nobody knows which one it is
        fits = any(SpecifierSet(requires).contains(f"3.{named[1]}.{patch}") for patch in range(50))
    except InvalidSpecifier:  # from a build backend; a freeze tells of it
        return ""
    return "" if fits else f"3.{named[1]}"


_PYTHON: Final = re.compile(r"(?:^|/)python:3\.(\d+)\b")  # https://hub.docker.com/_/python
_LEAST: Final = re.compile(r">=\s*3\.(\d+)(?:\.\d+)?")
_KEYS = {"license": "license", "summary": "description", "homepage": "urls"}
