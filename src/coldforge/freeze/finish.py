"""What every freezer ends with: the tree is fetched and normalised, judged by the gates, tried out and indexed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from coldforge.freeze import FreezeJob, Workshop
from coldforge.freeze.gates import Known, judge
from coldforge.freeze.gates.linked import from_floor, from_runpath
from coldforge.freeze.index import below, elfs_of, index, normalise
from coldforge.freeze.needs import needs
from coldforge.freeze.smoke import try_out
from coldforge.host import files
from coldforge.records import Component, Environment, FileEntry, Finding, Payload

ONE_FILE: Final = "onefile"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """What a freezer made in its workshop, and what it knows of it, before anything is judged.

    `tree` and `singles` are the workshop's names of the tree and of the folder of one-file programs; `origins` says
    where each file of the tree comes from (what it says nothing about is the application's own), `known` who imports it;
    `findings` are those of the freezer itself; `components` what it knows to be in the tree, with versions and licences.
    """

    freezer: str
    tree: str
    singles: str
    environment: Environment
    origins: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    known: Known = field(default_factory=Known)
    components: tuple[Component, ...] = ()


def wants_one_file(job: FreezeJob) -> bool:
    """Whether one-file programs are to be made in the same freeze."""
    return any(artifact.format == ONE_FILE for artifact in job.target.artifacts)


def finish(job: FreezeJob, workshop: Workshop, frozen: Frozen) -> Payload:
    """The payload in `job.out`, whole or not at all. Raises Refused when a gate says that it would not work."""
    name, config = job.plan.product.name, job.plan.config
    with files.folder_beside(job.out / "payload") as tree, files.folder_beside(job.out / ONE_FILE) as singles:
        for folder, inside in ((tree, frozen.tree), (singles, frozen.singles)):
            workshop.get(inside, folder)
            normalise(folder, job.plan.source.epoch)
        made = index(tree, frozen.origins, name)
        elfs = tuple(elfs_of(tree, made))
        known = known_of(made, frozen.known)
        findings = judge([*frozen.findings, *from_floor(job.target.floor, elfs, known), *from_runpath(elfs)], config.gates)
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
        needs=needs(elfs, (entry.path for entry in made)),
        glibc_floor=f"glibc-{'.'.join(map(str, floor))}" if floor else "",
    )


def known_of(entries: Sequence[FileEntry], known: Known) -> Known:
    """What is known of the files of a tree, under the paths that they have in it."""
    paths = [entry.path for entry in entries]
    importers = {path: known.importers.get(path) or known.importers.get(below(path), ()) for path in paths}
    return replace(known, origins={entry.path: entry.origin for entry in entries}, importers={**known.importers, **importers})
