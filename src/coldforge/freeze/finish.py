"""What every freezer ends with: the tree is fetched and normalised, judged by the gates, tried out and indexed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import msgspec

from coldforge.filetypes import marshalled, packed, within
from coldforge.freeze import FreezeJob, Workshop
from coldforge.freeze.gates import Known, judge, leak
from coldforge.freeze.gates.contained import from_budget, from_unlocked, from_unused
from coldforge.freeze.gates.leak import HOME, Hit, Learned, Searched, Trace, from_traces, search, traces
from coldforge.freeze.gates.licensed import from_licenses
from coldforge.freeze.gates.linked import from_c_library, from_floor, from_needs, from_runpath, from_system
from coldforge.freeze.gates.macos import Code, from_machos
from coldforge.freeze.gates.windows import from_programs, own
from coldforge.freeze.index import below, elfs_of, index, normalise
from coldforge.freeze.machos import machos_of, oldest
from coldforge.freeze.needs import needs
from coldforge.freeze.programs import pes_of
from coldforge.freeze.smoke import try_out
from coldforge.host import cache, files
from coldforge.host.identity import identity
from coldforge.plan import libraries
from coldforge.records import SINGLES, TREE, Component, Environment, FileEntry, Finding, Payload, digest_of
from coldforge.target import Target

HOST: Final = "host"  # the workshop that is no image
# The gates that are asked here, of whatever a freezer made.
ASKED: Final = ("budget", "floor", "leak", "license", "runpath", "system-library", "unlocked", "unused")
_MISSING: Final = "missing-library"
ASKED_OF: Final = {"linux": (_MISSING,), "windows": (_MISSING, "protection"), "macos": (_MISSING, "unsigned")}
FREEZE: Final = "a folder of the freeze"
# The workshop's folders, which are nowhere else: the sources, what is installed, where it is frozen.
FOLDERS: Final = ("source", "application", "environment", "work", "out", "made", "home", "build")


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """What a freezer made in its workshop, and what it knows of it, before anything is judged.

    `tree` and `singles` are the workshop's names of the tree and of the folder of one-file programs; `origins` says
    where each file of the tree comes from (what it says nothing about is the application's own), `known` who imports it;
    `gates` are those that the freezer asked itself, `findings` what they found;
    `components` what it knows to be in the tree, with versions and licences;
    `python` is the folder of the interpreter and `host` the machine's name as the workshop calls them, which must not be in the tree.
    """

    freezer: str
    tree: str
    singles: str
    environment: Environment
    origins: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    gates: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    known: Known = field(default_factory=Known)
    components: tuple[Component, ...] = ()
    python: str = ""
    host: str = ""


def wants_one_file(job: FreezeJob) -> bool:
    """Whether one-file programs are to be made in the same freeze."""
    return any(artifact.format == "onefile" for artifact in job.target.artifacts)


def finish(job: FreezeJob, workshop: Workshop, frozen: Frozen) -> Payload:
    """The payload in `job.out`, whole or not at all. Raises Refused when a gate says that it would not work."""
    name, config, target = job.plan.product.name, job.plan.config, Target.parse(job.target.target)
    windows = target.os == "windows"
    with files.folder_beside(job.out / TREE) as tree, files.folder_beside(job.out / SINGLES) as singles:
        for folder, inside in ((tree, frozen.tree), (singles, frozen.singles)):
            (workshop.get if config.smoke.run else workshop.take)(inside, folder)  # what is tried out is tried in the workshop
            normalise(folder, job.plan.source.epoch, windows=windows)
        made = index(tree, frozen.origins, name, windows=windows)
        elfs, pes = tuple(elfs_of(tree, made)), tuple(pes_of(tree, made))
        machos = tuple(machos_of(tree, made)) if target.os == "macos" else ()
        lone = index(singles, {}, name, windows=windows)
        wanted = needs(elfs, (entry.path for entry in made))
        known = known_of(made, frozen.known)
        programs = [executable.name for executable in job.plan.product.executables]
        code = Code(entries=made, machos=machos, elfs=elfs, programs=programs)
        hits = found_traces(traces_of(job, workshop, frozen), {tree: made, singles: lone}, new_folders=frozen.environment.workshop == HOST)
        found = [
            *frozen.findings,
            *(from_floor(job.target.floor, elfs, known) if target.os == "linux" else ()),
            *from_c_library(target, elfs, known),
            *(from_needs(wanted, *_systems(job), known) if target.os == "linux" and _MISSING not in frozen.gates else ()),
            *from_runpath(elfs),
            *from_system(elfs, known, pinned=frozen.environment.workshop != HOST),
            *(from_programs(target, pes, own(job.project), known) if windows else ()),
            *(from_machos(target, job.target.floor, code, known) if target.os == "macos" else ()),
            *from_traces(hits, known),
            *from_parts(job, frozen.components, sum(entry.size for entry in made), known),
        ]
        findings = judge(found, config.gates)
        try_out(workshop, config.smoke.run, target=target, log=job.out / "logs" / "smoke.log")
    floor = max((elf.glibc for elf in elfs), default=())
    return Payload(
        target=job.target.target,
        freezer=frozen.freezer,
        key="",
        files=made,
        singles=lone,
        components=frozen.components,
        environment=frozen.environment,
        gates=tuple(sorted({*frozen.gates, *ASKED, *ASKED_OF[target.os]})),
        findings=findings,
        needs=wanted,
        macos_floor=oldest(machos, target),
        glibc_floor=f"glibc-{'.'.join(map(str, floor))}" if floor else "",
    )


def _systems(job: FreezeJob) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """The packages of libraries that systems have, by soname, and the packages that the project itself names."""
    config = job.plan.config
    tables = {**libraries.known(job.project), **libraries.known(job.project, libraries.ARCH)}
    return {**tables, **config.deb.libraries, **config.arch.libraries}, (*config.deb.depends, *config.arch.depends)


def from_parts(job: FreezeJob, components: Sequence[Component], size: int, known: Known) -> Iterator[Finding]:
    """What the gates say of what the tree is made of; `size` is the tree's, in bytes."""
    yield from from_budget(job.target.budget, size, components, programs=len(job.plan.product.executables))
    yield from from_unused(components, known.imports)
    yield from from_unlocked(components, known.imports)
    yield from from_licenses(components, job.plan.config.licenses)


def found_traces(wanted: Sequence[Trace], trees: Mapping[Path, Sequence[FileEntry]], *, new_folders: bool) -> list[Hit]:
    """Where the files of some trees hold a trace. What was searched in an earlier build is not searched again.

    `new_folders` says that the folders of the freeze are this build's own.
    """
    lasting = [trace for trace in wanted if not (new_folders and trace.what == FREEZE)]
    reads = [files.sha256(Path(str(module.__file__))) for module in (leak, within, packed, marshalled)]
    key = digest_of([[(trace.text.decode(), trace.what) for trace in lasting], reads])
    searched = Searched(msgspec.json.decode(cache.recalled("searched", key, lambda: b"{}"), type=Learned))
    contents = {tree: {entry.path: entry.sha256 for entry in entries if entry.sha256} for tree, entries in trees.items()}
    hits = [hit for tree, named in contents.items() for hit in search(tree, named, wanted, searched)]
    cache.store("searched", key, msgspec.json.encode(searched.learned(hits, lasting)))
    return hits


def known_of(entries: Sequence[FileEntry], known: Known) -> Known:
    """What is known of the files of a tree, under the paths that they have in it, and in one-file programs."""
    paths = [entry.path for entry in entries]
    importers = {path: known.importers.get(path) or known.importers.get(below(path), ()) for path in paths}
    origins = {name: entry.origin for entry in entries for name in (below(entry.path), entry.path) if name}
    return replace(known, origins=origins, importers={**known.importers, **importers})


def _spelled(workshop: Workshop) -> Iterator[str]:
    """The folders as programs of Windows spell them, plain and as texts in sources."""
    for folder in (workshop.seen(name) for name in FOLDERS):
        if folder[1:2] == ":":
            yield from (folder, folder.replace("\\", "\\\\"), folder.replace("\\", "/"))


def traces_of(job: FreezeJob, workshop: Workshop, frozen: Frozen) -> tuple[Trace, ...]:
    """The folders, the user and the machines that must not be found in what was made."""
    here = identity()
    folders = {
        HOME: here.homes,
        "the folder of the Python that is frozen": [frozen.python],
        "the folder of the project": [str(job.project), str(job.project.resolve())],
        "the folder that it is written to": [str(job.out.parent.absolute())],
        FREEZE: [*(workshop.path(name) for name in FOLDERS), *_spelled(workshop)],
    }
    return traces(folders, user=here.user, hosts={here.host, frozen.host})
