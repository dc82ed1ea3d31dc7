"""Which programs of other projects make a target's formats: those of its toolbox, or this machine's."""

from __future__ import annotations

from pathlib import Path

from coldforge.host import engine
from coldforge.host.toolbox import HOST, Toolbox, Tools
from coldforge.plan.model import PlannedTarget
from coldforge.project.images import find_image


def choose(target: PlannedTarget, *, host: bool, project: Path) -> Tools:
    """The toolbox that matrix.yml names; this machine's when that is asked for, none is named, or there is no engine.

    Raises ConfigurationError for an unknown name.
    """
    if host or not target.toolbox:
        return HOST
    image = find_image(target.toolbox, project, "toolbox")
    if not engine.configured():
        return HOST
    return Toolbox(image.base, image.recipe, identity=image.recorded, called=target.toolbox)
