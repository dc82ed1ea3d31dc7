"""What lies on a machine, against what was signed: every file of an installed tree, or one file that is a program by itself."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

import msgspec

from coldforge.errors import ConfigurationError, Missing
from coldforge.host import files
from coldforge.host.run import run, without_secrets
from coldforge.predicate import COLDFORGE, Predicate
from coldforge.records import FileEntry
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
# What archives have beside the tree: licence files of the project. Whatever could run is none, whatever it is called.
_LICENCE: Final = re.compile(r"(licenses/.+|(licen[cs]e|copying|notice|authors)[^/]*)", re.IGNORECASE)
_PROBES: Final = 20  # paths that the folder of a package is looked for by
_SPECIAL: Final = stat.S_ISUID | stat.S_ISGID
_LARGEST_TEXT: Final = 1_000_000  # bytes


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
    note = f"this is {said.product} {said.version} for {said.target}"
    if all(row.word == "ok" for row in rows):
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


def _tree(root: Path, signed: Sequence[Signed]) -> tuple[tuple[Row, ...], Signed]:
    """The rows of a tree, by the statement that it fits best."""
    found = {path.relative_to(root).as_posix(): path for path in _below(root)}
    with ThreadPoolExecutor() as pool:
        regular = {name: path for name, path in found.items() if stat.S_ISREG(path.lstat().st_mode)}
        digests = dict(zip(regular, pool.map(files.sha256, regular.values()), strict=True))
    judged = [(tuple(_rows(found, digests, each.said)), each) for each in signed]
    return max(judged, key=lambda pair: sum(row.word == "ok" for row in pair[0]))


def _below(root: Path) -> Iterator[Path]:
    """Everything in a folder that is no folder itself, and folders that are links."""
    for folder, folders, names in os.walk(root, onerror=_unreadable):
        yield from (Path(folder) / name for name in sorted(names))
        yield from (Path(folder) / name for name in sorted(folders) if (Path(folder) / name).is_symlink())


def _unreadable(error: OSError) -> None:
    raise Missing(f"{error.filename} cannot be read", why=error.strerror or "", hint="Run it as a user who may read what is installed.")


def _rows(found: Mapping[str, Path], digests: Mapping[str, str], said: Predicate) -> Iterator[Row]:
    wanted = {entry.path: entry for entry in said.payload.files if entry.kind != "directory"}
    for name, entry in wanted.items():
        if name in found:
            yield _entry(entry, found[name], digests.get(name, ""))
        else:
            yield Row(name=name, word="missing", why=f"{said.product} {said.version} has it, and it is not here")
    for name in sorted(found.keys() - wanted.keys()):
        if not (_LICENCE.fullmatch(name) and _is_text(found[name])):
            yield Row(name=name, word="extra", why=f"{said.product} {said.version} has no such file", sha256=digests.get(name, ""))


def _entry(entry: FileEntry, path: Path, sha256: str) -> Row:
    """One file that should be there, and is."""
    state = path.lstat()
    if entry.kind == "link":
        got = path.readlink().as_posix() if stat.S_ISLNK(state.st_mode) else "no link"
        expected = entry.link
    else:
        got, expected = sha256 or "no regular file", entry.sha256
    if got != expected:
        return Row(name=entry.path, word="changed", why="it is not what was signed", expected=expected, got=got, sha256=sha256)
    if not stat.S_ISLNK(state.st_mode) and state.st_mode & _SPECIAL:
        why = "it runs with the rights of its owner or group"
        return Row(name=entry.path, word="changed", why=why, expected=f"{entry.mode:o}", got=f"{state.st_mode & 0o7777:o}", sha256=sha256)
    return Row(name=entry.path, word="ok", sha256=sha256, statements=("coldforge",))


def _is_text(path: Path) -> bool:
    """Whether a file is a text that nothing would run."""
    state = path.lstat()
    if not stat.S_ISREG(state.st_mode) or state.st_mode & 0o111 or state.st_size > _LARGEST_TEXT:
        return False
    try:
        return "\0" not in path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return False
