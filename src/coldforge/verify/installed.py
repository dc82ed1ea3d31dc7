"""What lies on a machine, against what was signed: every file of an installed tree, or one file that is a program by itself."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

import msgspec

from coldforge.errors import ConfigurationError, Missing
from coldforge.host import files
from coldforge.host.run import run, without_secrets
from coldforge.predicate import COLDFORGE, Predicate
from coldforge.verify import tree
from coldforge.verify.evidence import Evidence, Statement, Unusable, load_roots
from coldforge.verify.folder import collect
from coldforge.verify.policy import Policy, mismatches
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
    path = Path(place)
    if path.is_file():
        rows, best = _file(path, signed)
    else:
        rows, best = _tree(path if path.is_dir() else _installed_by(place, signed), signed)
    said = best.said
    note = f"this is {_name(said)} for {said.target}"
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
        elif item.signer.commit not in ("", said.source.commit):
            why = "it names another commit than its certificate"
        else:
            found.append(Signed(statement=item, said=said))
    return found, why


def _file(path: Path, signed: Sequence[Signed]) -> tuple[tuple[Row, ...], Signed]:
    """An AppImage, or a one-file program: it must be one of the release's artifacts, whatever it is called now."""
    sha256 = files.sha256(path)
    known = [(name, each) for each in signed for name, digest in each.statement.subjects.items() if digest == sha256]
    if not known:
        why = "its bytes are those of no file of the release"
        return (Row(name=path.name, word="changed", why=why, got=sha256, sha256=sha256),), signed[0]
    return (Row(name=path.name, word="ok", sha256=sha256, why=f"it is {known[0][0]}" if known[0][0] != path.name else ""),), known[0][1]


def _installed_by(name: str, signed: Sequence[Signed]) -> Path:
    """The folder that a package put the tree into, as the machine's package manager lists it."""
    listed = frozenset(_listed(name) if _PACKAGE.fullmatch(name) else ())
    if not listed:
        hint = "Give the folder where it is installed, the AppImage or program itself, or the name of a package of this machine."
        raise ConfigurationError(f"there is no folder, file or installed package {name}", hint=hint)
    paths = [entry.path for each in signed for entry in each.said.payload.files]
    some = sorted(paths, key=len)[-_PROBES:]  # the longest are hardly anything else
    homes = {line.removesuffix(f"/{path}") for path in some for line in listed if line.endswith(f"/{path}")}
    if not homes:
        raise ConfigurationError(
            f"the package {name} has no file of this release", hint="Is it the package, and the release, that you mean?"
        )
    return Path(max(sorted(homes), key=lambda home: sum(f"{home}/{path}" in listed for path in paths)))


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
