"""What a release is to be, read from `dist/` and checked before anything is asked from the server."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from coldforge.errors import ConfigurationError, Problem, Refused
from coldforge.host import files
from coldforge.project.source import changes
from coldforge.records import ATTESTATIONS, BUNDLE_SUFFIX, MANIFEST, SUMS, Manifest, read, released_files, sums
from coldforge.release import notes as texts
from coldforge.release.api import Release
from coldforge.release.attested import unattested
from coldforge.release.preflight import refused
from coldforge.release.reconcile import Planned

PLAN: Final = "plan.json"
DESCRIBING: Final = frozenset({MANIFEST, SUMS, ATTESTATIONS})
_REPOSITORY: Final = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)


class _Named(msgspec.Struct, frozen=True):
    name: str


class _Target(msgspec.Struct, frozen=True):
    target: str
    required: bool = True
    artifacts: tuple[_Named, ...] = ()


class _Plan(msgspec.Struct, frozen=True):
    """What is needed of a plan, of whatever version of coldforge."""

    targets: tuple[_Target, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """Where the release belongs and what it holds. `files` maps names to local paths, in the order of uploading.

    `unproven` are the files without a right attestation: nothing that is published may be among them. With `replace` every file
    of a draft may be exchanged for the one that is here. `lacking` are planned artifacts of required targets that were not made: without
    them nothing is published; `without` are optional targets that were not made whole, which the text of the release tells.
    It is a `prerelease` by its version, or because somebody asked for one. `block` is our own part of the text, `notes` are the rest of
    it, and `mode` is what becomes of a text that is there.
    """

    dist: Path
    repository: str
    tag: str
    manifest: Manifest
    planned: tuple[Planned, ...]
    files: Mapping[str, Path]
    notes: str
    block: str
    mode: texts.Mode = "keep"
    unproven: tuple[Problem, ...] = ()
    replace: bool = False
    prerelease: bool = False
    lacking: tuple[str, ...] = ()
    without: tuple[str, ...] = ()

    @property
    def exchangeable(self) -> frozenset[str]:
        """What may take the place of other bytes in a draft."""
        return frozenset(self.files) if self.replace else self.replaceable

    @property
    def replaceable(self) -> frozenset[str]:
        """Attestations are made anew in every run; in a draft the newer ones are as good."""
        return frozenset(name for name in self.files if name == ATTESTATIONS or name.endswith(BUNDLE_SUFFIX))

    def state(self, present: Release | None = None) -> dict[str, Any]:
        """The full state of the draft, with a person's changes to the `present` one kept; a partial PATCH would lose the tag."""
        state: dict[str, Any] = {
            "tag_name": self.tag,
            "name": (present.name if present else None) or f"{self.manifest.product} {self.manifest.version}",
            "body": texts.body(present.text if present else "", self.block, self.notes, mode=self.mode),
            "draft": True,
            "prerelease": self.prerelease or (present is not None and present.prerelease),
        }
        if self.manifest.source.commit:
            state["target_commitish"] = self.manifest.source.commit
        return state


def make_goal(
    dist: Path,
    *,
    repo: str | None,
    tag: str | None,
    notes: Path | None,
    notes_from: texts.Source | None = None,
    notes_mode: texts.Mode = "keep",
    replace: bool = False,
    prerelease: bool = False,
) -> Goal:
    """Read and check what `dist` holds. Notes from GitHub are left empty: only its server can make them.

    Raises ConfigurationError when nobody says where the release belongs, when GitHub would not take it, or when its text
    cannot be made; Refused when a file is not what the manifest or SHA256SUMS says.
    """
    manifest = read(dist / MANIFEST, Manifest)
    repository = _repository(repo or manifest.source.repository)
    named = tag or manifest.source.tag or _tag_of_job()
    if not named:
        raise ConfigurationError("nobody said which tag the release is for", hint="Build from a tag, or name it: --tag v1.2.3")
    paths = _paths(dist, manifest)
    _check_limits(paths)
    with ThreadPoolExecutor() as pool:
        digests = dict(zip(paths, pool.map(files.sha256, paths.values()), strict=True))
    _check_unchanged(manifest, digests)
    _check_sums(dist / SUMS, {**{artifact.name: artifact.sha256 for artifact in manifest.artifacts}, MANIFEST: digests[MANIFEST]})
    unproven = unattested(dist, {name: digests[name] for name in released_files(manifest)})
    planned = tuple(Planned(name=name, size=path.stat().st_size, sha256=digests[name]) for name, path in paths.items())
    lacking, without = _lacking(dist, manifest)
    text = _notes(notes, notes_from, manifest, named)
    if notes_mode == "replace" and notes_from not in ("github", "none") and not text.strip():
        why = f"{notes or notes_from or 'CHANGELOG.md'} says nothing about {manifest.version}"
        hint = "Write the notes, or take them from elsewhere: --notes-from, --notes FILE."
        raise ConfigurationError("there is nothing to replace the release's text with", why=why, hint=hint)
    return Goal(
        dist=dist,
        repository=repository,
        tag=named,
        manifest=manifest,
        planned=planned,
        files=paths,
        notes=text,
        block=texts.block(manifest, repository=repository, tag=named, without=without, project=Path()),
        mode=notes_mode,
        unproven=unproven,
        replace=replace,
        prerelease=prerelease or is_prerelease(manifest.version),
        lacking=lacking,
        without=without,
    )


def check_publishable(goal: Goal) -> None:
    """Raise Refused when nobody could verify the release, or when it is not known which commit it is: what is published stays so."""
    if not goal.manifest.source.commit:
        why = f"the manifest names no commit, so that nothing tells whether {goal.tag} is what the files were built from"
        raise Refused("files without a commit are not published", why=why, hint="Build from a commit, in a git repository.")
    if goal.lacking:
        problems = tuple(Problem(what=f"{name} was planned and is not there") for name in goal.lacking)
        hint = "Build what failed and run it again; a target with `optional: true` in matrix.yml may be missing."
        raise Refused("a release without all required files is not published", problems=problems, hint=hint)
    if goal.unproven:
        hint = "Run `coldforge attest`, then release again."
        raise Refused("files that are not attested are not published", problems=goal.unproven, hint=hint)


def _repository(name: str) -> str:
    if not name:
        raise ConfigurationError("nobody said where the release belongs", hint="--repo OWNER/REPO")
    if not _REPOSITORY.fullmatch(name):
        raise ConfigurationError(
            f"{name!r} is not OWNER/REPO, as GitHub names a repository", hint="Say where it belongs: --repo OWNER/REPO"
        )
    return name


def is_prerelease(version: str) -> bool:
    """Whether a version, as PEP 440 reads it, comes before a final one."""
    from packaging.version import InvalidVersion, Version

    try:
        return Version(version).is_prerelease
    except InvalidVersion:
        return False


def _tag_of_job() -> str:
    return os.environ.get("GITHUB_REF_NAME", "") if os.environ.get("GITHUB_REF_TYPE") == "tag" else ""


def _notes(file: Path | None, source: texts.Source | None, manifest: Manifest, tag: str) -> str:
    if file and source:
        why = "--notes and --notes-from were both given"
        raise ConfigurationError("the notes cannot come from two places", why=why, hint="Name one of them.")
    if file:
        return file.read_text(encoding="utf-8")
    if source == "commits":
        return texts.from_commits(changes(Path(), manifest.source, tag))
    return "" if source in ("github", "none") else _changelog(manifest)


def _changelog(manifest: Manifest) -> str:
    path = Path("CHANGELOG.md")
    return texts.changelog_section(path.read_text(encoding="utf-8"), manifest.version) if path.is_file() else ""


def _paths(dist: Path, manifest: Manifest) -> dict[str, Path]:
    """The files of the release, what describes them last, so that a reader never finds a list of files that are not there yet."""
    artifacts = {artifact.name: dist / artifact.path for artifact in manifest.artifacts}
    bundles = {f"{name}{BUNDLE_SUFFIX}": dist / f"{name}{BUNDLE_SUFFIX}" for name in (*artifacts, MANIFEST, SUMS)}
    rest = {ATTESTATIONS: dist / ATTESTATIONS, SUMS: dist / SUMS, MANIFEST: dist / MANIFEST}
    present = {name: path for name, path in {**bundles, **rest}.items() if path.is_file()}
    if absent := [name for name, path in artifacts.items() if not path.is_file()]:
        problems = tuple(Problem(what=f"{name} is not there") for name in absent)
        raise Refused("files that the manifest lists are missing", problems=problems, hint="Build again.")
    return {**artifacts, **present}


def _check_limits(paths: Mapping[str, Path]) -> None:
    if problems := tuple(refused({name: path.stat().st_size for name, path in paths.items()})):
        raise ConfigurationError("GitHub would not accept this release", problems=problems)


def _lacking(dist: Path, manifest: Manifest) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What was planned and is not there: artifacts of required targets, and optional targets without some of theirs."""
    made = {artifact.name for artifact in manifest.artifacts}
    plan = read(dist / PLAN, _Plan)
    required = [a.name for target in plan.targets if target.required for a in target.artifacts if a.name not in made]
    optional = [t.target for t in plan.targets if not t.required and any(a.name not in made for a in t.artifacts)]
    return tuple(required), tuple(optional)


def _check_unchanged(manifest: Manifest, digests: Mapping[str, str]) -> None:
    changed = [Problem(what=f"{a.path} is not the file that the manifest lists") for a in manifest.artifacts if digests[a.name] != a.sha256]
    if changed:
        raise Refused("files have changed since they were built", problems=tuple(changed), hint="Build again.")


def _check_sums(path: Path, digests: Mapping[str, str]) -> None:
    """What people check their downloads with must be there, and be about these files."""
    if not path.is_file() or path.read_bytes() != sums(digests):
        what = "is not about the files that the manifest lists" if path.is_file() else "is missing"
        raise Refused(f"{path} {what}", hint="Build again: `coldforge build` writes it together with the manifest.")
