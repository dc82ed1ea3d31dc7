"""Verifying a folder or a file: collects files and evidence, hashes once, and lets the pure verdict decide."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from coldforge.errors import ConfigurationError
from coldforge.host import files
from coldforge.records import ATTESTATIONS, BUNDLE_SUFFIX, MANIFEST, SUMS, Artifact, Manifest, decode, released_files, sums
from coldforge.verify.evidence import LARGEST, Evidence, Statement, Unusable, load_root
from coldforge.verify.policy import Policy, Signer
from coldforge.verify.verdict import Case, Row, Verdict, commands, judge

# What lies in dist/ on the machine that built it, and is no part of the release.
WORK_FILES: Final = frozenset({"plan.json", "release.json", "report.html", ".lock"})
TARGET_FILES: Final = frozenset({"payload.json", MANIFEST})


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """The files of a release in a folder, by name; `odd` are entries that are no regular files or share a name."""

    path: Path
    files: Mapping[str, Path]
    odd: Mapping[str, str]


def verify_folder(folder: Path, *, policy: Policy | None, trusted_root: Path | None) -> Verdict:
    """Judge every file of a downloaded release, or of `dist/` itself. Never uses the network.

    Raises ConfigurationError when nobody said who must have signed, or there is no release in the folder.
    """
    found = collect(folder)
    if not found.files:
        raise ConfigurationError(f"there is no release in {folder}: the folder is empty")
    with ThreadPoolExecutor() as pool:
        released = {name: path for name, path in found.files.items() if not _is_evidence(name)}
        hashing = {name: pool.submit(files.sha256, path) for name, path in released.items()}
        evidence = read_evidence(found, Evidence(load_root(trusted_root)))  # while the hashes are computed
        digests = {name: future.result() for name, future in hashing.items()}
    if policy is None:
        raise _unspecified(evidence)
    rows = tuple(_rows(found, digests, evidence, policy))
    signers = [item.signer for items in evidence.values() for item in items if isinstance(item, Statement)]
    example = next((name for name in sorted(released) if name not in (MANIFEST, SUMS)), MANIFEST)
    return Verdict(
        what=folder.name or str(folder),
        rows=rows,
        signer=signers[0] if signers else None,
        policy=policy,
        commands=commands(example, policy),
    )


def verify_file(path: Path, *, bundle: Path | None, policy: Policy | None, trusted_root: Path | None) -> Verdict:
    """Judge one file with its bundle (default: `<file>.sigstore.json` beside it)."""
    if not path.is_file():
        raise ConfigurationError(f"{path} is not a file")
    beside = bundle or path.with_name(path.name + BUNDLE_SUFFIX)
    if bundle is not None and not bundle.is_file():
        raise ConfigurationError(f"there is no bundle {bundle}")
    evidence = Evidence(load_root(trusted_root))
    items = [evidence.read(_text(beside))] if beside.is_file() else []
    if policy is None:
        raise _unspecified({path.name: items})
    row = judge(Case(name=path.name, sha256=files.sha256(path), statements=items), policy)
    signer = next((item.signer for item in items if isinstance(item, Statement)), None)
    return Verdict(what=path.name, rows=(row,), signer=signer, policy=policy, commands=commands(path.name, policy))


def _unspecified(evidence: Mapping[str, list[Statement | Unusable]]) -> ConfigurationError:
    """Somebody signed; that alone is no proof. Says who, and how to demand it."""
    signers = {item.signer for items in evidence.values() for item in items if isinstance(item, Statement)}
    said = "\n".join(sorted(f"signed by {_describe(signer)}" for signer in signers)) or "nothing in it is signed"
    repositories = sorted({signer.repository.removeprefix("https://github.com/") for signer in signers if signer.repository})
    option = f"--repo {repositories[0]}" if repositories else "--repo OWNER/REPO, or --certificate-identity with --certificate-oidc-issuer"
    return ConfigurationError("nobody said who must have signed", why=said, hint=f"If that is who you expect: {option}")


def _describe(signer: Signer) -> str:
    return f"{signer.workflow or signer.identity} ({signer.issuer})"


def collect(folder: Path) -> Folder:
    """The files in a release folder; links are not followed, names that a file system may confuse are odd."""
    if not folder.is_dir():
        raise ConfigurationError(f"{folder} is not a folder")
    found: dict[str, Path] = {}
    odd: dict[str, str] = {}
    folded: dict[str, str] = {}
    for path in _candidates(folder):
        name = path.name
        twin = folded.setdefault(unicodedata.normalize("NFC", name).casefold(), name)
        if path.is_symlink() or not path.is_file():
            odd[name] = "it is not a regular file"
        elif name in found or twin != name:
            odd[name] = f"its name can be confused with {twin}"
        else:
            found[name] = path
    return Folder(path=folder, files=found, odd=odd)


def _candidates(folder: Path) -> Iterator[Path]:
    targets = [path for path in sorted(folder.iterdir()) if not path.is_symlink() and (path / "payload.json").is_file()]
    for path in sorted(folder.iterdir()):
        if path not in targets and not (targets and path.name in WORK_FILES):
            yield path
    for target in targets:
        yield from (path for path in sorted(target.iterdir()) if path.name not in TARGET_FILES and not path.is_dir())


def _is_evidence(name: str) -> bool:
    return name == ATTESTATIONS or name.endswith(BUNDLE_SUFFIX)


def _text(path: Path) -> str:
    """The text of a piece of evidence; more than anybody honest writes is not read."""
    if path.stat().st_size > LARGEST:
        return ""
    return path.read_text(encoding="utf-8", errors="replace")


def read_evidence(found: Folder, evidence: Evidence) -> dict[str, list[Statement | Unusable]]:
    """What the bundles say, by the name of the file that each one lies beside; the list file fills the gaps."""
    result: dict[str, list[Statement | Unusable]] = {}
    seen: dict[str, Statement | Unusable] = {}
    for name, path in found.files.items():
        if name.endswith(BUNDLE_SUFFIX):
            text = _text(path).strip()
            seen[text] = evidence.read(text)
            result.setdefault(name.removesuffix(BUNDLE_SUFFIX), []).append(seen[text])
    listed = _text(found.files[ATTESTATIONS]) if ATTESTATIONS in found.files else ""
    result[ATTESTATIONS] = []
    for line in filter(None, map(str.strip, listed.splitlines())):
        item = seen[line] if line in seen else evidence.read(line)
        result[ATTESTATIONS].append(item)
        for subject in item.subjects if isinstance(item, Statement) else ():
            if not result.get(subject):
                result[subject] = [item]
    return result


def _rows(found: Folder, digests: Mapping[str, str], evidence: Mapping[str, list[Statement | Unusable]], policy: Policy) -> Iterator[Row]:
    manifest_row = judge(Case(name=MANIFEST, sha256=digests.get(MANIFEST), statements=evidence.get(MANIFEST, [])), policy)
    yield manifest_row
    manifest = _trusted_manifest(found, manifest_row)
    commit = _commit(evidence)
    listed = {artifact.name: artifact for artifact in manifest.artifacts} if manifest else {}
    names = set(released_files(manifest)) if manifest else {name for name in digests if evidence.get(name)}
    for name in sorted((names | {SUMS}) - {MANIFEST}):
        row = judge(Case(name=name, sha256=digests.get(name), statements=evidence.get(name, [])), policy, commit=commit)
        yield _with_manifest(row, listed.get(name)) if name != SUMS else _sums(row, found, manifest, digests)
    for name in sorted(digests.keys() - names - {MANIFEST, SUMS}):
        why = "the release does not list it" if manifest else "nothing that could be trusted lists it"
        yield Row(name=name, word="extra", why=why, sha256=digests[name])
    yield from _evidence_rows(found, evidence, names | {MANIFEST, SUMS}, policy)
    for name in sorted(found.odd.keys() - names):
        yield Row(name=name, word="extra", why=found.odd[name])


def _commit(evidence: Mapping[str, list[Statement | Unusable]]) -> str:
    return next((item.commit for item in evidence.get(MANIFEST, []) if isinstance(item, Statement)), "")


def _trusted_manifest(found: Folder, row: Row) -> Manifest | None:
    """The manifest, once it is known to be genuine; before that nothing in it counts."""
    if row.word != "ok":
        return None
    return decode(found.files[MANIFEST].read_bytes(), Manifest, MANIFEST)


def _with_manifest(row: Row, artifact: Artifact | None) -> Row:
    if row.word == "ok" and artifact is not None and artifact.sha256 != row.sha256:
        return Row(
            name=row.name, word="altered", why="it is not the file that the manifest lists", expected=artifact.sha256, got=row.sha256
        )
    return row


def _sums(row: Row, found: Folder, manifest: Manifest | None, digests: Mapping[str, str]) -> Row:
    if row.word != "ok" or manifest is None:
        return row
    wanted = sums({**{artifact.name: artifact.sha256 for artifact in manifest.artifacts}, MANIFEST: digests[MANIFEST]})
    if found.files[SUMS].read_bytes() == wanted:
        return row
    return Row(name=SUMS, word="altered", why="its sums are not those of the manifest", sha256=row.sha256)


def _evidence_rows(found: Folder, evidence: Mapping[str, list[Statement | Unusable]], names: set[str], policy: Policy) -> Iterator[Row]:
    """The bundles and the list of them: each must be about a file of the release, and hold."""
    for name in sorted(name for name in found.files if name.endswith(BUNDLE_SUFFIX)):
        about = name.removesuffix(BUNDLE_SUFFIX)
        if about not in names:
            yield Row(name=name, word="extra", why="it attests nothing of this release")
    if ATTESTATIONS not in found.files:
        return
    for item in evidence[ATTESTATIONS]:
        if isinstance(item, Unusable):
            yield Row(name=ATTESTATIONS, word="altered" if item.checkable else "uncheckable", why=item.why)
            return
        if not set(item.subjects) <= names:
            yield Row(name=ATTESTATIONS, word="extra", why=f"it attests {', '.join(sorted(set(item.subjects) - names))}")
            return
        wrong = judge(Case(name=next(iter(item.subjects)), sha256=next(iter(item.subjects.values())), statements=[item]), policy)
        if wrong.word != "ok":
            yield Row(name=ATTESTATIONS, word=wrong.word, why=wrong.why, expected=wrong.expected, got=wrong.got)
            return
