"""What every freezer ends with: the tree is fetched and normalised, judged by the gates, tried out and indexed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from coldforge.freeze import FreezeJob, Workshop, gates
from coldforge.freeze.binaries import external
from coldforge.freeze.index import elfs_of, index, normalise
from coldforge.freeze.smoke import try_out
from coldforge.host import files
from coldforge.records import Component, Environment, Finding, Payload

ONE_FILE: Final = "onefile"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """What a freezer made in its workshop, and what it knows of it, before anything is judged.

    `tree` and `singles` are the workshop's names of the tree and of the folder of one-file programs; `origins` says
    where each file of the tree comes from (what it says nothing about is the application's own); `findings` are those
    of the freezer itself; `components` what it knows to be in the tree, with versions and licences.
    """

    freezer: str
    tree: str
    singles: str
    origins: Mapping[str, Mapping[str, str]]
    findings: tuple[Finding, ...]
    environment: Environment
    components: tuple[Component, ...] = ()


def finish(job: FreezeJob, workshop: Workshop, frozen: Frozen) -> Payload:
    """The payload in `job.out`, whole or not at all. Raises Refused when a gate says that it would not work."""
    name, config = job.plan.product.name, job.plan.config
    with files.folder_beside(job.out / "payload") as tree, files.folder_beside(job.out / ONE_FILE) as singles:
        for folder, inside in ((tree, frozen.tree), (singles, frozen.singles)):
            workshop.get(inside, folder)
            normalise(folder, job.plan.source.epoch)
        made = index(tree, frozen.origins, name)
        elfs = tuple(elfs_of(tree, made))
        found = [*frozen.findings, *gates.from_floor(job.target.floor, elfs, made), *gates.from_runpath(elfs)]
        findings = gates.judge(found, config.gates)
        try_out(workshop, config.smoke.run, log=job.out / "logs" / "smoke.log")
        lone = index(singles, {}, name)
    floor = max((elf.glibc for elf in elfs), default=())
    return Payload(
        target=job.target.target,
        freezer=frozen.freezer,
        key="",
        files=made,
        singles=lone,
        components=frozen.components,
        environment=frozen.environment,
        findings=findings,
        requires=tuple(external(elfs, (entry.path for entry in made))),
        glibc_floor=f"glibc-{'.'.join(map(str, floor))}" if floor else "",
    )
