"""One tree for both processors of Macs, from the two that were frozen for each: code of both in one file, everything else alike."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from coldforge.errors import ConfigurationError, Problem, Refused
from coldforge.filetypes import macho
from coldforge.freeze.gates import Known, judge
from coldforge.freeze.gates.contained import from_budget
from coldforge.freeze.gates.macos import Code, from_machos
from coldforge.freeze.index import index, normalise
from coldforge.freeze.machos import machos_of
from coldforge.host import files
from coldforge.plan.model import Plan, PlannedTarget
from coldforge.records import INDEX, SINGLES, TREE, FileEntry, Payload, canonical, digest_of, read
from coldforge.target import Target

_SHOWN: Final = 10


class Half(NamedTuple):
    """What was frozen for one processor: its index, and where its tree is."""

    payload: Payload
    root: Path


def unite(plan: Plan, target: PlannedTarget, halves: tuple[Half, Half], out: Path) -> Payload:
    """The payload for both, in the target's folder `out`; the one that is there when it was made of the same.

    Raises Refused when the halves are not alike, or a gate says that it would not run.
    """
    one, other = (half.payload for half in halves)
    key = digest_of([one.key, other.key, target.floor, target.budget, msgspec.to_builtins(plan.config.gates)])
    if present := _present(out, key):
        return present
    _check(target, one, other)
    for half in halves:
        _believe(plan, half)
    with files.folder_beside(out / TREE) as tree, files.folder_beside(out / SINGLES):
        shutil.copytree(halves[0].root, tree, symlinks=True, dirs_exist_ok=True)
        _refuse(target, list(_united(tree, halves[1].root, one.files, other.files)))
        normalise(tree, plan.source.epoch)
        origins = {entry.path: msgspec.to_builtins(entry.origin) for entry in one.files}
        made = index(tree, origins, plan.product.name)
        machos = tuple(machos_of(tree, made))
        code = Code(entries=made, machos=machos, programs=[executable.name for executable in plan.product.executables])
        known = Known(origins={entry.path: entry.origin for entry in made})
        size = sum(entry.size for entry in made)
        found = [
            *from_machos(Target.parse(target.target), target.floor, code, known),
            *from_budget(target.budget, size, one.components, programs=len(plan.product.executables)),
        ]
        findings = judge(found, plan.config.gates)
    payload = msgspec.structs.replace(
        one,
        target=target.target,
        key=key,
        files=made,
        singles=(),
        findings=tuple(dict.fromkeys((*one.findings, *other.findings, *findings))),
        macos_floor=macho.floor(each.slices for each in machos),
    )
    files.write(out / INDEX, canonical(payload))
    return payload


def _present(out: Path, key: str) -> Payload | None:
    """What lies there, if it was made of the same. Whether its files are whole is seen when they are packaged."""
    if not (out / INDEX).is_file() or not (out / TREE).is_dir():
        return None
    try:
        found = read(out / INDEX, Payload)
    except ConfigurationError:  # written by another version
        return None
    return found if found.key == key else None


def _check(target: PlannedTarget, one: Payload, other: Payload) -> None:
    """Raises Refused unless both were frozen by the same means, with the same files in them."""
    wrong = []
    pythons = [payload.environment.interpreter.version if payload.environment.interpreter else "" for payload in (one, other)]
    if one.freezer != other.freezer or pythons[0] != pythons[1]:
        told = [f"{payload.freezer} {python}".strip() for payload, python in zip((one, other), pythons, strict=True)]
        wrong.append(Problem(what=f"{one.target} was frozen by {told[0]}, {other.target} by {told[1]}"))
    hint = "unite first, by `coldforge bundle --carried`, then sign what comes of it"
    signed = [payload.target for payload in (one, other) if payload.sealed or any(entry.signature for entry in payload.files)]
    wrong += [Problem(what=f"{name} is signed already", hint=hint) for name in signed]
    theirs = {entry.path: entry for entry in other.files}
    ours = {entry.path: entry for entry in one.files}
    for lacking, there, paths in ((other, one, ours.keys() - theirs.keys()), (one, other, theirs.keys() - ours.keys())):
        wrong += [Problem(what=f"{path} is in {there.target}, and not in {lacking.target}") for path in sorted(paths)]
    _refuse(target, wrong)


def _believe(plan: Plan, half: Half) -> None:
    """Raises Refused unless the index is that of the tree: it comes from a job that ran the project's code, and may name any file."""
    origins = {entry.path: msgspec.to_builtins(entry.origin) for entry in half.payload.files}
    if not half.root.is_dir() or index(half.root, origins, plan.product.name) != half.payload.files:
        raise Refused(f"the payload of {half.payload.target} has changed since it was frozen", hint="Freeze it again.")


def _united(tree: Path, second: Path, ours: Sequence[FileEntry], theirs: Sequence[FileEntry]) -> Iterator[Problem]:
    """Put the code of the second tree into the files of the first; what cannot be one file is a problem."""
    others: Mapping[str, FileEntry] = {entry.path: entry for entry in theirs}
    for entry in ours:
        other = others[entry.path]
        if (entry.link, entry.sha256, entry.mode) == (other.link, other.sha256, other.mode):
            continue
        paths = [root / entry.path for root in (tree, second)]
        if entry.link or other.link or not all(map(macho.is_macho, paths)):
            yield Problem(what=f"{entry.path} is not the same in both, and is no code")
            continue
        try:
            paths[0].write_bytes(macho.united([path.read_bytes() for path in paths]))
        except ValueError as error:
            yield Problem(what=f"{entry.path}: {error}")


def _refuse(target: PlannedTarget, wrong: Sequence[Problem]) -> None:
    if wrong:
        more = [Problem(what=f"and {len(wrong) - _SHOWN} more")] if len(wrong) > _SHOWN else []
        hint = "Freeze both from one lock with one Python, and leave out what differs; or release one file for each processor."
        raise Refused(f"{target.target} cannot be made of the two trees", problems=(*wrong[:_SHOWN], *more), hint=hint)
