"""What commands only show: plans, what is in files, schemas, the cache."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from coldforge import capability
from coldforge.errors import ConfigurationError
from coldforge.plan.model import Plan
from coldforge.records import (
    plain,
)
from coldforge.report import reporter

if TYPE_CHECKING:
    pass


def show_plan(plan: Plan, *, quiet: bool) -> None:
    """The plan as a table, and as outputs of a CI step."""
    import json

    from coldforge.host.emulation import how
    from coldforge.plan.planner import describe

    if not quiet:
        reporter().table(describe(plan))
        for architecture in capability.unemulated(plan):
            reporter().info(f"This machine runs no {architecture} programs, so it cannot freeze for them. {how(architecture)}")
        for what, command in capability.missing_programs(capability.on_this_machine(plan.targets)):
            reporter().info(f"This machine has no {what}. `{command}` on Debian and Ubuntu gets it.")
    if os.environ.get("GITHUB_OUTPUT"):
        reporter().output("matrix", json.dumps(matrix_of(plan), sort_keys=True))
        reporter().output("product", plan.product.name)
        reporter().output("version", plan.product.version)


def matrix_of(plan: Plan) -> Mapping[str, object]:
    """The GitHub matrix of a plan."""
    from coldforge.plan.planner import github_matrix

    return github_matrix(plan)


def inspect_file(path: Path, *, quiet: bool, authorities: Path | None = None) -> Any:
    """What is in a file that coldforge or another tool made; with `authorities` whether its Authenticode signature leads to one of them."""
    from coldforge.filetypes import authenticode
    from coldforge.inspect.inspection import tables
    from coldforge.inspect.look import inspect

    document = inspect(path)
    if authorities:
        document = msgspec.structs.replace(document, fields={**document.fields, "chain": authenticode.chain(path, authorities)})
    if not quiet:
        for table in tables(document):
            reporter().table(table)
    return plain(document)


def schema(name: str | None) -> Mapping[str, Any]:
    """One JSON Schema, or all of them by name. Raises ConfigurationError for an unknown name."""
    from coldforge.plan.schemas import schemas
    from coldforge.predicate import Predicate
    from coldforge.rebuild.verdict import Rebuild
    from coldforge.records import schema_of
    from coldforge.verify.policy import Policy
    from coldforge.verify.verdict import Verdict

    ours = {"policy": Policy, "verdict": Verdict, "rebuild": Rebuild, "predicate": Predicate}
    known = {**schemas(), **{title: schema_of(kind) for title, kind in ours.items()}}
    if name is None:
        return known
    if name not in known:
        raise ConfigurationError(f"there is no schema {name!r}", hint=f"Known: {', '.join(sorted(known))}.")
    return known[name]


def cache_entries(*, quiet: bool) -> Any:
    """What the cache holds."""
    from coldforge.host.cache import entries, table

    found = entries()
    if not quiet:
        reporter().table(table(found))
    return plain(found)


def cache_prune() -> None:
    """Empty the cache."""
    from coldforge.host.cache import prune

    freed = prune()
    reporter().info(f"{freed / 1e6:.1f} MB freed.")
