"""Gates: what turns a frozen tree that would fail its users, or tell about its maker, into an error here.

`project/gates.py` has their names, what they mean and the advice; the modules of this room look for the evidence. Each gate can be
relaxed by name, with a reason that goes into the manifest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from msgspec.structs import replace

from coldforge.errors import DOCS, Problem, Refused
from coldforge.project.gates import GATES
from coldforge.records import Finding, Origin

_HELP = f'{DOCS}/reference/gates.md explains every gate. To relax one: [tool.coldforge.gates] name = "reason".'


class Import(NamedTuple):
    """That a part of the tree (`name`) is imported by a module of another (`by`), and whether that always does so: `plain` imports
    stand in no function, condition or `try`. No module means that the part was asked for by name."""

    name: str
    by: str
    module: str
    plain: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a freezer knows of where things come from: `origins` of files by their path in the tree, `modules` of modules by name,
    `importers` which modules import an extension (by its path) or a module (by its name), or load a library (by its path);
    `imports` are those between parts."""

    origins: Mapping[str, Origin] = field(default_factory=dict)
    modules: Mapping[str, Origin] = field(default_factory=dict)
    importers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    imports: tuple[Import, ...] = ()

    def told(self, path: str) -> str:
        """A file with its origin, and who imports it: `a/_b.so (from a 1.2, imported by a.core)`."""
        origin, importers = self.origins.get(path), self.importers.get(path, ())
        parts = [f"from {source(origin)}"] if origin else []
        parts += [f"imported by {', '.join(importers)}"] if importers else []
        return f"{path} ({', '.join(parts)})" if parts else path


def source(origin: Origin) -> str:
    """A distribution, package or Python by name and version.

    >>> source(Origin(kind="distribution", name="click", version="8.1"))
    'click 8.1'
    """
    return f"{origin.name or origin.kind} {origin.version}".strip()


def found(gate: str, message: str, *, path: str = "", level: Literal["error", "warning"] | None = None) -> Finding:
    """A finding of the gate, at its usual level unless another is given."""
    return Finding(gate=gate, level=level or GATES[gate].level, message=message, path=path)


def judge(findings: Iterable[Finding], relaxed: Mapping[str, str]) -> tuple[Finding, ...]:
    """The findings, those of relaxed gates with their reason. Raises Refused when an error is left.

    Only the first line of a message is recorded: what follows is for whoever has to mend it, and may name folders of this machine.
    """
    judged = tuple(replace(f, level="relaxed", reason=relaxed[f.gate]) if f.gate in relaxed else f for f in dict.fromkeys(findings))
    errors = [finding for finding in judged if finding.level == "error"]
    if errors:
        advised = {finding.gate: finding for finding in reversed(errors)}  # the fix is told once, at the first of its gate
        problems = tuple(
            Problem(what=f"[{finding.gate}] {finding.message}", hint=GATES[finding.gate].fix if advised[finding.gate] is finding else "")
            for finding in errors
        )
        raise Refused("the frozen program would not be what it is promised to be", problems=problems, hint=_HELP)
    return tuple(replace(finding, message=finding.message.partition("\n")[0]) for finding in judged)
