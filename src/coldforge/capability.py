"""What this machine can build of a plan: by itself, with its own programs, in a container, by Wine or with an emulator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from coldforge.errors import Missing
from coldforge.plan.model import Plan, PlannedTarget
from coldforge.records import TargetRecord
from coldforge.report import reporter
from coldforge.target import Target, host_target

if TYPE_CHECKING:
    from coldforge.host.toolbox import Tools


def missing_programs(targets: Sequence[PlannedTarget], tools: Tools | None = None) -> list[tuple[str, str]]:
    """What packaging the planned formats needs and these tools lack (default: this machine's), each with the command that gets it."""
    from coldforge.host import programs
    from coldforge.host.toolbox import HOST
    from coldforge.plan.formats import programs as wanted

    has = (tools or HOST).has
    return [(f"{name}, for {', '.join(formats)}", programs.how(name)) for name, formats in wanted(targets).items() if not has(name)]


def on_this_machine(targets: Sequence[PlannedTarget]) -> tuple[PlannedTarget, ...]:
    """Those of the targets whose formats this machine's own programs make."""
    from coldforge.host import engine

    return tuple(target for target in targets if not target.toolbox or not engine.configured())


def buildable(plan: Plan, *, named: bool, freezes: bool, host: bool = False) -> tuple[PlannedTarget, ...]:
    """The planned targets that this machine can build; one of another architecture only when it was named: emulation is slow.

    Raises Missing when one that was named is not among them.
    """
    here = host_target()
    others = (*(() if host else emulable(plan, here)), *(t for t in plan.targets if compiled(t, here)))
    quick = tuple(t for t in others if named or runs(here, Target.parse(t.target)))
    chosen = tuple(t for t in plan.targets if not freezes or can_freeze(here, Target.parse(t.target)) or t in quick)
    frozen = {t.target for t in chosen}
    whole = [t for t in plan.targets if (halves := Target.parse(t.target).halves) and (named or frozen.issuperset(map(str, halves)))]
    chosen += tuple(t for t in whole if t not in chosen)
    left = [t for t in plan.targets if t not in chosen]
    tries = " ".join(f"`--target {t.target}` tries it here{'' if compiled(t, here) else ', in a container'}." for t in left if t in others)
    if left and (named or not chosen):
        runners = ", ".join(f"{t.target} on {t.runner or 'its own system'}" for t in left)
        what = f"{', '.join(t.target for t in left)} cannot be frozen on {here}"
        wine = next(
            (f"`--target {t.target}` tries it by Wine where there is a container engine." for t in left if _misses_engine(t, here)), ""
        )
        inside = " ".join(
            f"Without --host, `--target {t.target}` tries it in a container." for t in left if host and t in emulable(plan, here)
        )
        raise Missing(what, hint=f"A freeze needs its target's system: {runners}. {tries or inside or wine}".rstrip())
    for target in left:
        reporter().info(
            f"{target.target} is left to its own runner: it cannot be frozen on {here}. {tries if target in others else ''}".rstrip()
        )
    return chosen


def _misses_engine(planned: PlannedTarget, here: Target) -> bool:
    from coldforge.host import engine

    return by_wine(here, Target.parse(planned.target)) and not engine.configured()


def emulable(plan: Plan, here: Target) -> tuple[PlannedTarget, ...]:
    """The planned targets of another machine or C library that a container engine may freeze all the same."""
    from coldforge.host import engine

    others = [t for t in plan.targets if not can_freeze(here, Target.parse(t.target))]
    return tuple(t for t in others if _contained(t, here) and engine.configured())


def _contained(planned: PlannedTarget, here: Target) -> bool:
    """Whether a container can be the target's system: Linux of any kind, and Windows for x86_64 by Wine."""
    target = Target.parse(planned.target)
    return (target.os == "linux" and bool(planned.container)) or by_wine(here, target)


def by_wine(here: Target, target: Target) -> bool:
    """Whether a machine that is `here` freezes for `target` by Wine, in a container."""
    return here.os == "linux" and str(target) == "windows-x86_64"


def compiled(one: PlannedTarget | TargetRecord, here: Target) -> bool:
    """Whether commands make it on another machine than its own: compilers may, and the gates look at what they made."""
    target = Target.parse(one.target)
    return one.freezer == "command" and target.os in ("macos", "windows") and not can_freeze(here, target)


def unemulated(plan: Plan) -> tuple[str, ...]:
    """The architectures of planned targets that a container engine here could freeze, had this machine an emulator for them."""
    from coldforge.host import emulation, engine

    here = host_target()
    found = {Target.parse(t.target).arch for t in emulable(plan, here)} - {here.arch} if engine.is_here() else set()
    return tuple(sorted(architecture for architecture in found if not emulation.emulates(architecture)))


def can_freeze(here: Target, target: Target) -> bool:
    """Whether a freeze for `target` can run on a machine that is `here`, without a container."""
    return (here.os, here.arch, here.musl) == (target.os, target.arch, target.musl)


def runs(here: Target, target: Target) -> bool:
    """Whether programs for `target` run on a machine that is `here`; in a container where their C library is another."""
    return (here.os, here.arch) == (target.os, target.arch)
