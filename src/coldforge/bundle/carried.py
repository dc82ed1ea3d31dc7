"""Programs that packages bring besides the tree, such as an uninstaller: made before the packages, so that they can be signed.

    dist/<target>/carried/<format>/<name>

Nothing but `sign` has keys, so it takes rounds: a plug-in is signed before the uninstaller is made that has it in it, and that before its
installer. What is there and was made from the same inputs stays as it is, with its signature.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from coldforge.bundle import BundleJob, Carrier
from coldforge.bundle.stage import inputs
from coldforge.bundle.tree import Tree, load
from coldforge.bundle.windows.nsis import Nsis
from coldforge.filetypes import pe
from coldforge.host import files
from coldforge.host.toolbox import HOST, Tools
from coldforge.plan.model import Plan, PlannedTarget
from coldforge.plan.names import UNINSTALLER
from coldforge.records import CARRIED, TREE, Carried, Payload, digest_of

CARRIERS: Final[Mapping[str, Callable[[], Carrier]]] = {"nsis": Nsis}

_Make = Callable[[Path], object]


def carry_target(
    plan: Plan,
    target: PlannedTarget,
    payload: Payload,
    *,
    project: Path,
    out: Path,
    known: Sequence[Carried],
    tools: Tools = HOST,
    clean: bool = False,
) -> tuple[Carried, ...]:
    """Make what the packages of one target carry, as far as all that is in it is signed; `known` is what was made before.

    Raises what making the packages raises.
    """
    job = partial(BundleJob, project=project, plan=plan, target=target, payload=payload, folder=out / target.target, tools=tools)
    jobs = list(_jobs(target, job))
    tree = load(payload, out / target.target / TREE, plan.source.epoch) if jobs else None
    return tuple(one for job, carrier in jobs for one in _carried(job, carrier, () if clean else known, tree))


def signed(
    plan: Plan, target: PlannedTarget, payload: Payload, *, project: Path, out: Path, known: Sequence[Carried], tools: Tools = HOST
) -> dict[str, dict[str, Path]]:
    """The signed programs that go into packages, by format and name: those that were made from what the packages are made from now."""
    made = partial(BundleJob, project=project, plan=plan, target=target, payload=payload, folder=out / target.target, tools=tools)
    found = {}
    for job, carrier in _jobs(target, made) if known else ():
        places = (place(job.folder, one) for one in _carried(job, carrier, known, None))
        found[job.artifact.format] = {path.name: path for path in places if _is_signed(path)}
    return found


def place(folder: Path, record: Carried) -> Path:
    """Where a program lies that packages of a target carry; `folder` is the target's."""
    return folder / CARRIED / record.path


def lacking(target: PlannedTarget, found: Mapping[str, Mapping[str, Path]]) -> list[str]:
    """The artifacts whose uninstaller is not among the signed programs."""
    return [one.name for one in target.artifacts if one.format in CARRIERS and UNINSTALLER not in found.get(one.format, {})]


def _jobs(target: PlannedTarget, job: Callable[..., BundleJob]) -> Iterator[tuple[BundleJob, Carrier]]:
    for artifact in target.artifacts:
        if artifact.format in CARRIERS:
            yield job(artifact=artifact), CARRIERS[artifact.format]()


def _carried(job: BundleJob, carrier: Carrier, known: Sequence[Carried], tree: Tree | None) -> Iterator[Carried]:
    """The programs of one artifact that are there, or are made from the tree, if there is one."""
    before = {one.path: one for one in known}
    plug_ins = []
    with files.scratch("plug-ins") as folder:
        for source in carrier.plug_ins(job, folder):
            make = partial(shutil.copyfile, source) if tree else None
            plug_ins.append(_one(job, source.name, digest_of(files.sha256(source)), before, make))
    there = [one for one in plug_ins if one]
    yield from there
    paths = [place(job.folder, one) for one in there]
    if len(there) < len(plug_ins) or not all(map(_is_signed, paths)):
        return  # an uninstaller would have to be made again
    whole = replace(job, carried={path.name: path for path in paths})
    key = digest_of({**inputs(whole, carrier), "paths": [[entry.path, entry.kind, entry.link] for entry in job.payload.files]})
    if one := _one(whole, UNINSTALLER, key, before, partial(carrier.uninstaller, whole, tree) if tree else None):
        yield one


def _one(job: BundleJob, name: str, key: str, before: Mapping[str, Carried], make: _Make | None) -> Carried | None:
    """The program that is there already and was made from the same, else a new one; None when there is nothing to make it from."""
    path = f"{job.artifact.format}/{name}"
    out = job.folder / CARRIED / path
    known = before.get(path)
    if known and known.key == key and out.is_file() and not out.is_symlink() and files.sha256(out) == known.sha256:
        return known
    if make is None:
        return None
    with files.beside(out, job.folder) as temporary:
        make(temporary)
    return Carried(path=path, key=key, size=out.stat().st_size, sha256=files.sha256(out))


def _is_signed(path: Path) -> bool:
    """Whether it has a signature, of ours or of who made it."""
    with path.open("rb") as stream:
        return pe.layout(stream).is_signed
