"""What a release is to be, read from `dist/` and checked before anything is asked from the server."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from coldforge.errors import ConfigurationError, Problem, Refused
from coldforge.host import files
from coldforge.project.source import changes
from coldforge.records import ATTESTATIONS, BUNDLE_SUFFIX, MANIFEST, SUMS, Manifest, all_statements, read, released_files, sums
from coldforge.release import notes as texts
from coldforge.release.api import Release
from coldforge.release.attested import unattested
from coldforge.release.preflight import other_version, place_of, refused
from coldforge.release.reconcile import Planned
from coldforge.report import reporter

PLAN: Final = "plan.json"
DESCRIBING: Final = frozenset({MANIFEST, SUMS, ATTESTATIONS})


class _Named(msgspec.Struct, frozen=True):
    name: str


class _Target(msgspec.Struct, frozen=True):
    target: str
    required: bool = True
    artifacts: tuple[_Named, ...] = ()


class Listing(msgspec.Struct, frozen=True):
    """What is needed of a plan, or of a manifest, of whatever version of coldforge."""

    targets: tuple[_Target, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What somebody wants of a release, beyond what `dist` tells by itself.

    `repo` and `tag` default to what was built; `notes` is a file, `notes_from` says where they come from without one (default: the
    changelog), and `notes_mode` what becomes of the text of a draft that is there. With `replace` files of a draft that have other
    bytes are swapped for the ones that are here. It becomes a `prerelease` also by its version. To `promote` is to let a published
    pre-release be the release. A `dry_run` changes nothing.
    """

    repo: str | None = None
    tag: str | None = None
    notes: Path | None = None
    notes_from: texts.Source | None = None
    notes_mode: texts.Mode = "keep"
    publish: bool = False
    prerelease: bool = False
    promote: bool = False
    replace: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """Where the release belongs and what it holds. `files` maps names to local paths, in the order of uploading.

    `unproven` are the files without a right attestation: nothing that is published may be among them. With `replace` every file
    of a draft may be exchanged for the one that is here. `lacking` are planned artifacts of required targets that were not made: without
    them nothing is published; `without` are optional targets that were not made, or files of them. The text of the release tells both.
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
        """What may take the place of other bytes in a draft: what describes the files is another one after every run that made more."""
        return frozenset(self.files) if self.replace else self.replaceable | (DESCRIBING & self.files.keys())

    @property
    def replaceable(self) -> frozenset[str]:
        """Attestations are made anew in every run; the newer ones are as good."""
        return frozenset(name for name in self.files if name == ATTESTATIONS or name.endswith(BUNDLE_SUFFIX))

    def text(self, present: Release | None = None, *, longest: int = texts.LONGEST) -> str:
        """The text of the release: what the `present` one says, our block in it, and the notes, of which `longest` may cut some off."""
        return texts.body(present.text if present else "", self.block, self.notes, mode=self.mode, longest=longest)

    def state(self, present: Release | None = None) -> dict[str, Any]:
        """The full state of the draft, with a person's changes to the `present` one kept."""
        state: dict[str, Any] = {
            "tag_name": self.tag,
            "name": (present.name if present else None) or f"{self.manifest.product} {self.manifest.version}",
            "body": self.text(present),
            "draft": True,
            "prerelease": self.prerelease or (present is not None and present.prerelease),
        }
        if self.manifest.source.commit:
            state["target_commitish"] = self.manifest.source.commit
        return state


def make_goal(dist: Path, wanted: Wanted) -> Goal:
    """Read and check what `dist` holds. Notes from GitHub are left empty: only its server can make them.

    Raises ConfigurationError when nobody says where the release belongs, when GitHub would not take it, or when its text
    cannot be made; Refused when the tag is that of another version, or a file is not what the manifest or SHA256SUMS says.
    """
    manifest = read(dist / MANIFEST, Manifest)
    repository, tag = place_of(manifest.source, repo=wanted.repo, tag=wanted.tag)
    if named := other_version(tag, manifest.version):
        why = f"{tag} names version {named}, and these files are version {manifest.version}"
        raise Refused(
            "the tag is that of another version",
            why=why,
            hint=f"Build from {tag}, or release under a tag of this version: --tag v{manifest.version}",
        )
    paths = _paths(dist, manifest)
    _check_limits(paths)
    with ThreadPoolExecutor() as pool:
        digests = dict(zip(paths, pool.map(files.sha256, paths.values()), strict=True))
    _check_unchanged(manifest, digests)
    _check_sums(dist / SUMS, {**{artifact.name: artifact.sha256 for artifact in manifest.artifacts}, MANIFEST: digests[MANIFEST]})
    unproven = unattested(dist, {name: digests[name] for name in released_files(manifest)}, all_statements(manifest))
    planned = tuple(Planned(name=name, size=path.stat().st_size, sha256=digests[name]) for name, path in paths.items())
    lacking, without = _lacking(dist, manifest)
    return Goal(
        dist=dist,
        repository=repository,
        tag=tag,
        manifest=manifest,
        planned=planned,
        files=paths,
        notes=_notes(wanted, manifest, tag),
        block=texts.block(manifest, repository=repository, tag=tag, lacking=lacking, without=without, project=_project(manifest)),
        mode=wanted.notes_mode,
        unproven=unproven,
        replace=wanted.replace,
        prerelease=wanted.prerelease or is_prerelease(manifest.version),
        lacking=lacking,
        without=without,
    )


def check_text(goal: Goal, present: Release | None) -> None:
    """Warn of notes that must be shortened. Raise Refused when GitHub would not take the rest, which nobody cuts."""
    text, whole = goal.text(present), goal.text(present, longest=sys.maxsize)
    if len(text) > texts.LONGEST:
        why = f"{len(present.text if present else '')} characters are there already, and the table of files takes {len(goal.block)}"
        hint = f"Shorten what somebody wrote there, or say less of each file in a {texts.TEMPLATE} of your own."
        raise Refused(f"the release's text would have {len(text)} characters, and GitHub takes {texts.LONGEST}", why=why, hint=hint)
    if len(text) < len(whole):
        end = "they end with a word about it" if texts.CUT in text else "there is no room for any of them"
        reporter().warn(f"the notes are {len(whole) - texts.LONGEST} characters longer than GitHub takes, and are cut: {end}")


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


def is_prerelease(version: str) -> bool:
    """Whether a version, as PEP 440 reads it, comes before a final one."""
    from packaging.version import InvalidVersion, Version

    try:
        return Version(version).is_prerelease
    except InvalidVersion:
        return False


def _notes(wanted: Wanted, manifest: Manifest, tag: str) -> str:
    """The notes, from where they were wanted from. Raises ConfigurationError when a text is to be replaced with none."""
    file, source = wanted.notes, wanted.notes_from
    if file and source:
        why = "--notes and --notes-from were both given"
        raise ConfigurationError("the notes cannot come from two places", why=why, hint="Name one of them.")
    if source in ("github", "none"):
        return ""
    text = file.read_text(encoding="utf-8") if file else _told(source, manifest, tag)
    if wanted.notes_mode == "replace" and not text.strip():
        why = f"{file or source or texts.CHANGELOG} says nothing about {manifest.version}"
        hint = "Write the notes, or take them from elsewhere: --notes-from, --notes FILE."
        raise ConfigurationError("there is nothing to replace the release's text with", why=why, hint=hint)
    return text


def _project(manifest: Manifest) -> Path:
    """The project's folder, where its changelog and template are: that in the repository which is checked out here, else this one."""
    folder = Path(manifest.source.path)
    return folder if folder.is_dir() else Path()


def _told(source: texts.Source | None, manifest: Manifest, tag: str) -> str:
    if source == "commits":
        return texts.from_commits(changes(Path(), manifest.source, tag))
    return texts.of_changelog(_project(manifest), manifest.version)


def _paths(dist: Path, manifest: Manifest) -> dict[str, Path]:
    """The files of the release, what describes them last, so that a reader never finds a list of files that are not there yet."""
    artifacts = {artifact.name: dist / artifact.path for artifact in manifest.artifacts}
    bundles = {
        f"{name}{BUNDLE_SUFFIX}": dist / f"{name}{BUNDLE_SUFFIX}" for name in (*artifacts, *all_statements(manifest), MANIFEST, SUMS)
    }
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
    """What was planned and is not there: artifacts of required targets; and optional targets, or those of their artifacts that lack."""
    made = {artifact.name for artifact in manifest.artifacts}
    required: list[str] = []
    optional: list[str] = []
    for target in read(dist / PLAN, Listing).targets:
        absent = [artifact.name for artifact in target.artifacts if artifact.name not in made]
        if target.required:
            required += absent
        else:
            optional += [target.target] if absent and len(absent) == len(target.artifacts) else absent
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
