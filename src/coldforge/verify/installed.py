"""What lies on a machine, against what was signed: every file of an installed tree, or one file that is a program by itself."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

import msgspec

from coldforge.errors import ConfigurationError, Missing
from coldforge.host import files
from coldforge.host.run import run, without_secrets
from coldforge.predicate import COLDFORGE, Predicate
from coldforge.records import GITHUB
from coldforge.verify import tree
from coldforge.verify.evidence import Evidence, Statement, Unusable, load_roots
from coldforge.verify.folder import collect
from coldforge.verify.policy import TAGS, Mismatch, Policy, mismatches, unlike
from coldforge.verify.release import read_evidence, unspecified
from coldforge.verify.verdict import Row, Verdict

# How package managers list what a package installed, by their program; the name is the last word.
_MANAGERS: Final[Mapping[str, tuple[str, ...]]] = {
    "dpkg-query": ("dpkg-query", "--listfiles"),
    "rpm": ("rpm", "--query", "--list"),
    "pacman": ("pacman", "--query", "--list", "--quiet"),
    "apk": ("apk", "info", "--contents", "--quiet"),
}
_PACKAGE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]*")
_PROGRAMS: Final = frozenset({"bin", "sbin", "games"})  # folders of what users start
_PROBES: Final = 20  # paths that the folder of a package is looked for by


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A statement of whom the policy names about what a target's artifacts contain."""

    statement: Statement
    said: Predicate


def verify_installed(
    folder: Path,
    place: str,
    *,
    policy: Policy | None,
    trusted_root: Path | None,
    recorded: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> Verdict:
    """Judge what is installed at `place` (a folder, a file, or a package's name) by the attestations of the release in `folder`.

    The release's other files need not be there. Raises ConfigurationError when nobody said who must have signed, when no
    statement of theirs tells what the release contains, or when there is nothing at `place`.
    """
    evidence = read_evidence(collect(folder), Evidence(load_roots(trusted_root), key=policy.key if policy else ""), recorded)
    if policy is None:
        raise unspecified(evidence)
    if policy.k:
        hint = "Verify the release itself with this policy, and what is installed with one that leaves `k` and `rebuilders` out."
        raise ConfigurationError("the policy demands rebuilders, who speak of packages and not of what is installed", hint=hint)
    if others := [name for name in ("signed", "predicates", "code-signer", "apple-team") if getattr(policy, name.replace("-", "_"))]:
        hint = "Verify the release itself with this policy, and what is installed with one that leaves them out."
        raise ConfigurationError(f"the policy demands {', '.join(others)}, which is about the files of a release", hint=hint)
    signed, why = _signed([item for items in evidence.values() for item in items], policy)
    if not signed:
        hint = "Give the folder with the release's attestations.jsonl, or OWNER/REPO@TAG."
        raise ConfigurationError(f"nothing in {folder} that the policy accepts tells what is in the release", why=why, hint=hint)
    path, left = Path(place), ""
    if path.is_file():
        rows, best = _file(path, signed)
    elif path.is_dir():
        rows, best = _tree(path, signed)
    else:
        listed = _listed_by(place)
        root = _home(place, listed, signed)
        rows, best = _tree(root, signed)
        rows, left = (*rows, *_launchers(root, listed, best.said)), _not_judged(root, listed)
    said = best.said
    note = f"this is {_name(said)} for {said.target}{left}"
    if rows and all(row.word == "ok" for row in rows):  # a tree of empty folders has none
        rows = (msgspec.structs.replace(rows[0], why="; ".join(filter(None, (rows[0].why, note)))), *rows[1:])
    return Verdict(what=place, rows=rows, signer=best.statement.signer, policy=policy)


def _signed(items: Sequence[Statement | Unusable], policy: Policy) -> tuple[list[Signed], str]:
    """The statements that count, and why others do not."""
    found, why = [], ""
    for item in {id(item): item for item in items}.values():
        if isinstance(item, Unusable) or item.predicate_type != COLDFORGE:
            continue
        if wrong := next(mismatches(policy, item.signer), None):
            why = f"it is signed by somebody else: {wrong.what} (expected {wrong.expected}, got {wrong.got})"
            continue
        try:
            said = msgspec.convert(item.predicate, Predicate)
        except msgspec.ValidationError as error:
            why = f"this version cannot read it: {error}"
            continue
        if not (said.payload.files and said.payload.computed and said.payload.computed == said.payload.digest):
            why = "its list of files is not that of the digest in it"
        elif said.source.commit and said.source.commit in policy.revoked:
            why = f"its source is revoked: {said.source.commit}"
        elif wrong := next(_elsewhere(policy, said), None):
            why = f"it was built from something else: {wrong.what} (expected {wrong.expected}, got {wrong.got})"
        elif item.signer.commit not in ("", said.source.commit):
            why = "it names another commit than its certificate"
        else:
            found.append(Signed(statement=item, said=said))
    return found, why


def _elsewhere(policy: Policy, said: Predicate) -> Iterator[Mismatch]:
    """Demands on the source that a person's release does not meet."""
    built = said.source
    repository = built.repository if "://" in built.repository else GITHUB + built.repository
    return unlike(policy, repository=repository, ref=f"{TAGS}{built.tag}" if built.tag else "", commit=built.commit)


def _file(path: Path, signed: Sequence[Signed]) -> tuple[tuple[Row, ...], Signed]:
    """An AppImage, or a one-file program: it must be one of the release's artifacts, whatever it is called now."""
    sha256 = files.sha256(path)
    known = [(name, each) for each in signed for name, digest in each.statement.subjects.items() if digest == sha256]
    if not known:
        why = "its bytes are those of no file of the release"
        return (Row(name=path.name, word="changed", why=why, got=sha256, sha256=sha256),), signed[0]
    return (Row(name=path.name, word="ok", sha256=sha256, why=f"it is {known[0][0]}" if known[0][0] != path.name else ""),), known[0][1]


def _listed_by(name: str) -> frozenset[str]:
    """The paths that a package has put on the machine, as its package manager lists them."""
    if listed := frozenset(_listed(name) if _PACKAGE.fullmatch(name) else ()):
        return listed
    hint = "Give the folder where it is installed, the AppImage or program itself, or the name of a package of this machine."
    raise ConfigurationError(f"there is no folder, file or installed package {name}", hint=hint)


def _home(name: str, listed: Collection[str], signed: Sequence[Signed]) -> Path:
    """The folder that a package put the tree into."""
    paths = [entry.path for each in signed for entry in each.said.payload.files]
    some = sorted(paths, key=len)[-_PROBES:]  # the longest are hardly anything else
    homes = {line.removesuffix(f"/{path}") for path in some for line in listed if line.endswith(f"/{path}")}
    if not homes:
        raise ConfigurationError(
            f"the package {name} has no file of this release", hint="Is it the package, and the release, that you mean?"
        )
    return Path(max(sorted(homes), key=lambda home: sum(f"{home}/{path}" in listed for path in paths)))


def _launchers(root: Path, listed: Collection[str], said: Predicate) -> Iterator[Row]:
    """What a package puts where users start programs from: each must be a program of the tree, or lead to one."""
    for path in sorted(_outside(root, listed)):
        if path.parent.name in _PROGRAMS:
            yield _launcher(path, root, said)


def _launcher(path: Path, root: Path, said: Predicate) -> Row:
    name, programs = str(path), {entry.path: entry for entry in said.payload.files if entry.kind != "directory"}
    if not os.path.lexists(path):
        return Row(name=name, word="missing", why="the package put it there, and it is gone")
    if path.is_symlink():
        end = Path(os.path.realpath(path))  # what lies there has a row of its own
        inside = end.is_relative_to(home := Path(os.path.realpath(root))) and end.relative_to(home).as_posix() in programs
        why = "it leads to nothing of what was signed"
        return Row(name=name, word="ok") if inside else Row(name=name, word="changed", why=why, got=str(end))
    got = files.sha256(path) if stat.S_ISREG(path.lstat().st_mode) else "no regular file"
    if got not in {entry.sha256 for entry in programs.values() if entry.sha256} or tree.has_rights(path):
        return Row(name=name, word="changed", why="it is no program of what was signed", got=got)
    return Row(name=name, word="ok", sha256=got)


def _not_judged(root: Path, listed: Collection[str]) -> str:
    """How many files of a package nobody signed: menu entries, manual pages, configuration."""
    count = sum(path.parent.name not in _PROGRAMS for path in _outside(root, listed))
    return f"; files of the package outside of {root}, which nobody signed and nobody judged: {count}" if count else ""


def _outside(root: Path, listed: Collection[str]) -> Iterator[Path]:
    """The files and links of a package outside of its tree; what is gone counts as one."""
    for path in map(Path, listed):
        if not path.is_relative_to(root) and (path.is_symlink() or not path.is_dir()):
            yield path


def _listed(name: str) -> list[str]:
    for argv in _MANAGERS.values():
        try:
            done = run([*argv, name], env=without_secrets(), check=False, quiet=True)
        except Missing:
            continue
        if done.code == 0 and done.output.strip():
            return [f"/{line.lstrip('/')}" for line in done.output.splitlines()]
    return []


def _name(said: Predicate) -> str:
    return f"{said.product} {said.version}"


def _tree(root: Path, signed: Sequence[Signed]) -> tuple[tuple[Row, ...], Signed]:
    """The rows of a tree, by the statement that it fits best."""
    here = tree.read(root)
    judged = [(tuple(tree.rows(here, each.said.payload.files, _name(each.said))), each) for each in signed]
    return max(judged, key=lambda pair: sum(row.word == "ok" for row in pair[0]))
