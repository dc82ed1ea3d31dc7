"""The plan: a value that every later stage reads, stable as JSON (`coldforge plan --json`)."""

from __future__ import annotations

from typing import Literal

from coldforge.project.config import Config, Product
from coldforge.records import SCHEMA, Record, SourceRecord


class PlannedArtifact(Record, frozen=True, kw_only=True):
    """One file to be made. `executable` is set for formats that hold one executable only."""

    name: str
    format: str
    executable: str = ""


class PlannedTarget(Record, frozen=True, kw_only=True):
    """One target: where its freeze runs and what is made.

    `container` names a build image (empty: the runner itself) and `image` is the image by digest that it stands for; `toolbox` names the
    image with the programs that make the formats (empty: this machine has them); `floor` may be empty (whatever the freeze gives is then
    reported, not enforced); `budget` are the bytes that the tree may have, 0 for any number.
    """

    target: str
    freezer: str
    runner: str = ""
    container: str = ""
    image: str = ""
    toolbox: str = ""
    floor: str = ""
    budget: int = 0
    required: bool = True
    artifacts: tuple[PlannedArtifact, ...]


class Plan(Record, frozen=True, kw_only=True, omit_defaults=False):
    """Everything decided: the product, the source, the configuration in force, and the targets with all names."""

    schema: Literal[1] = SCHEMA
    coldforge: str
    product: Product
    source: SourceRecord
    config: Config
    targets: tuple[PlannedTarget, ...]
