"""The release stage: exactly one draft for the tag, exactly the planned files in it, whatever happened before."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from coldforge.errors import ConfigurationError, Missing, Problem, Refused, RemoteFailed
from coldforge.host import files
from coldforge.records import ATTESTATIONS, BUNDLE_SUFFIX, MANIFEST, SUMS, Manifest, Record, canonical, read
from coldforge.release import notes as texts
from coldforge.release.api import TRIES, Asset, Failure, GitHub, Release, retryable
from coldforge.release.reconcile import Compare, Keep, Planned, Upload, reconcile, unplanned
from coldforge.report import reporter
from coldforge.report.reporter import Progress

WORKERS: Final = 4
LARGEST: Final = 2**31 - 1  # bytes; GitHub refuses 2 GiB
MOST: Final = 1000


class ReleasedAsset(Record, frozen=True, kw_only=True):
    """One file as the server has it."""

    id: int
    name: str
    size: int
    digest: str


class ReleaseRecord(Record, frozen=True, kw_only=True):
    """What `dist/release.json` says: ids and digests of the release on the server."""

    repository: str
    tag: str
    id: int
    url: str
    draft: bool
    assets: tuple[ReleasedAsset, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Goal:
    """Where the release belongs and what it holds. `files` maps names to local paths, in the order of uploading."""

    repository: str
    tag: str
    manifest: Manifest
    planned: tuple[Planned, ...]
    files: Mapping[str, Path]
    notes: str

    @property
    def replaceable(self) -> frozenset[str]:
        """Attestations are made anew in every run; in a draft the newer ones are as good."""
        return frozenset(name for name in self.files if name == ATTESTATIONS or name.endswith(BUNDLE_SUFFIX))


def release(
    dist: Path,
    *,
    repo: str | None = None,
    tag: str | None = None,
    publish: bool = False,
    dry_run: bool = False,
    api_url: str | None = None,
    notes: Path | None = None,
) -> ReleaseRecord:
    """Create or complete the draft release of what `dist` holds; publish it only when asked to.

    Raises Refused when a local file is not what the manifest says, when the release is published
    already with other files, or several drafts compete; Missing without rights; RemoteFailed after retries.
    """
    goal = _goal(dist, repo, tag, notes)
    token = os.environ.get("GITHUB_TOKEN") or os.environ.get("GH_TOKEN")
    if not token:
        raise Missing("there is no token to release with", hint="Set GITHUB_TOKEN; it needs `contents: write`.")
    github = GitHub(goal.repository, api_url=api_url, token=token)
    try:
        found = _find(github, goal.tag)
        if found is not None and not found.draft:
            return _already_published(github, goal, found, dist)
        if dry_run:
            return _show(goal, github, found)
        draft = found or _create(github, goal)
        _upload_all(github, draft, goal)
        draft = _settle(github, draft, goal, publish=publish)
    except Failure as failure:
        raise RemoteFailed("GitHub refused a request", why=str(failure), hint="Run it again: it goes on where it stopped.") from failure
    record = _record(goal, draft, github.assets(draft.id))
    files.write(dist / "release.json", canonical(record))
    reporter().info(f"{'Draft' if draft.draft else 'Published'}: {draft.html_url}")
    return record


def _goal(dist: Path, repo: str | None, tag: str | None, notes: Path | None) -> _Goal:
    manifest = read(dist / MANIFEST, Manifest)
    repository = repo or manifest.source.repository
    if repository.count("/") != 1:
        raise ConfigurationError("nobody said where the release belongs", hint="--repo OWNER/REPO")
    named = tag or manifest.source.tag or _ref_tag()
    if not named:
        raise ConfigurationError("nobody said which tag the release is for", hint="Build from a tag, or name it: --tag v1.2.3")
    paths = _paths(dist, manifest)
    with ThreadPoolExecutor() as pool:
        digests = dict(zip(paths, pool.map(files.sha256, paths.values()), strict=True))
    _check(manifest, paths, digests)
    planned = tuple(Planned(name=name, size=path.stat().st_size, sha256=digests[name]) for name, path in paths.items())
    text = notes.read_text(encoding="utf-8") if notes else _changelog(manifest)
    return _Goal(repository=repository, tag=named, manifest=manifest, planned=planned, files=paths, notes=text)


def _ref_tag() -> str:
    return os.environ.get("GITHUB_REF_NAME", "") if os.environ.get("GITHUB_REF_TYPE") == "tag" else ""


def _changelog(manifest: Manifest) -> str:
    path = Path("CHANGELOG.md")
    return texts.changelog_section(path.read_text(encoding="utf-8"), manifest.version) if path.is_file() else ""


def _paths(dist: Path, manifest: Manifest) -> dict[str, Path]:
    """The files of the release, what describes them last, so that a reader never finds a list of files that are not there yet."""
    artifacts = {artifact.name: dist / artifact.path for artifact in manifest.artifacts}
    names = [*artifacts, MANIFEST, SUMS]
    bundles = {f"{name}{BUNDLE_SUFFIX}": dist / f"{name}{BUNDLE_SUFFIX}" for name in names}
    rest = {ATTESTATIONS: dist / ATTESTATIONS, SUMS: dist / SUMS, MANIFEST: dist / MANIFEST}
    present = {name: path for name, path in {**bundles, **rest}.items() if path.is_file()}
    if not set(bundles) <= set(present):
        reporter().warn("not every file is attested: run `coldforge attest` before you publish")
    return {**artifacts, **present}


def _check(manifest: Manifest, paths: Mapping[str, Path], digests: Mapping[str, str]) -> None:
    changed = [Problem(what=f"{a.path} is not the file that the manifest lists") for a in manifest.artifacts if digests[a.name] != a.sha256]
    if changed:
        raise Refused("files have changed since they were built", problems=tuple(changed), hint="Build again.")
    large = [
        Problem(what=f"{path} is {path.stat().st_size} bytes, GitHub accepts {LARGEST}")
        for path in paths.values()
        if path.stat().st_size > LARGEST
    ]
    many = [Problem(what=f"{len(paths)} files, GitHub accepts {MOST}")] if len(paths) > MOST else []
    if large or many:
        raise ConfigurationError("GitHub would not accept this release", problems=(*large, *many))


def _find(github: GitHub, tag: str) -> Release | None:
    """The release of the tag: a published one, else the one draft. A failed look-up is never read as `there is none`."""
    matches = [item for item in github.releases() if item.tag_name == tag]
    published = [item for item in matches if not item.draft]
    if published:
        return published[0]
    if len(matches) > 1:
        problems = tuple(Problem(what=f"draft {item.id} with {len(item.assets)} assets: {item.html_url}") for item in matches)
        raise Refused(f"there are {len(matches)} drafts for {tag}", problems=problems, hint="Delete all but one, then run it again.")
    return matches[0] if matches else github.published(tag)


def _already_published(github: GitHub, goal: _Goal, found: Release, dist: Path) -> ReleaseRecord:
    """A published release is never changed; that it is complete already is success."""
    present = github.assets(found.id)
    digests = {asset.name: asset.digest for asset in present}
    firm = [file for file in goal.planned if file.name not in goal.replaceable]
    if all(digests.get(file.name) == f"sha256:{file.sha256}" for file in firm):
        reporter().info(f"{goal.tag} is published already, with exactly these files: {found.html_url}")
        record = _record(goal, found, present)
        files.write(dist / "release.json", canonical(record))
        return record
    hint = "People may have downloaded it. Raise the version and release that."
    raise Refused(f"{goal.tag} is published already, with other files", why=found.html_url, hint=hint)


def _state(goal: _Goal, present: Release | None) -> dict[str, Any]:
    """The full state of the draft; a partial PATCH would lose the tag."""
    from packaging.version import InvalidVersion, Version

    own = texts.block(goal.manifest, repository=goal.repository, tag=goal.tag)
    try:
        prerelease = Version(goal.manifest.version).is_prerelease
    except InvalidVersion:
        prerelease = False
    state: dict[str, Any] = {
        "tag_name": goal.tag,
        "name": (present.name if present else None) or f"{goal.manifest.product} {goal.manifest.version}",
        "body": texts.body(present.body if present else None, own, goal.notes),
        "draft": True,
        "prerelease": present.prerelease if present else prerelease,
    }
    if goal.manifest.source.commit:
        state["target_commitish"] = goal.manifest.source.commit
    return state


def _create(github: GitHub, goal: _Goal) -> Release:
    """Create the draft. An answer that was lost may have landed: look before asking again."""
    import requests

    for attempt in range(1, TRIES + 1):
        try:
            return github.create(_state(goal, None))
        except (requests.RequestException, Failure) as error:
            if isinstance(error, Failure) and not retryable(error):
                raise
            github.pause(attempt, f"creating the draft: {error}")
        found = _find(github, goal.tag)
        if found is not None:
            return found
    raise AssertionError  # pause() raises on the last attempt


def _upload_all(github: GitHub, draft: Release, goal: _Goal) -> None:
    """Bring the assets to the planned set: what describes the others goes last."""
    present = github.assets(draft.id)
    actions = reconcile(goal.planned, present, replace=goal.replaceable)
    todo = [action for action in actions if not isinstance(action, Keep)]
    for asset in unplanned(goal.planned, present):
        reporter().warn(f"the draft also holds {asset.name}, which is not planned; it is left there")
    if not todo:
        reporter().info(f"All {len(actions)} files are there already.")
        return
    described = {MANIFEST, SUMS, ATTESTATIONS}
    total = sum(action.planned.size for action in todo)
    with reporter().progress("uploading", total) as bar:
        for batch in ([a for a in todo if a.planned.name not in described], [a for a in todo if a.planned.name in described]):
            with ThreadPoolExecutor(max_workers=WORKERS) as pool:
                for done in [pool.submit(_settle_one, github, draft, goal, action, bar) for action in batch]:
                    done.result()


def _settle_one(github: GitHub, draft: Release, goal: _Goal, action: Upload | Compare, bar: Progress) -> None:
    """Carry out one action; after any failure look at what the server has before anything is repeated."""
    import requests

    planned = action.planned
    for attempt in range(1, TRIES + 1):
        try:
            if isinstance(action, Compare):
                _compare(github, action)
                return
            if action.instead_of is not None:
                github.delete_asset(action.instead_of)
            with goal.files[planned.name].open("rb") as stream:
                made = github.upload(draft, planned.name, _Counted(stream, planned.size, bar), planned.size)
            _same(planned, made)
        except (requests.RequestException, OSError) as error:
            github.pause(attempt, f"{planned.name}: {type(error).__name__}: {error}")
        except Failure as failure:
            # 404: a draft is invisible for a moment after its creation (goreleaser#3599)
            if not (retryable(failure) or failure.status == 404 or "already_exists" in failure.text):
                raise
            github.pause(attempt, f"{planned.name}: {failure}")
        else:
            return
        (following,) = reconcile([planned], github.assets(draft.id), replace=goal.replaceable | {planned.name})
        if isinstance(following, Keep):
            return
        action = following


def _compare(github: GitHub, action: Compare) -> None:
    import hashlib

    total = hashlib.sha256()
    for chunk in github.download(action.asset):
        total.update(chunk)
    if total.hexdigest() != action.planned.sha256:
        raise Refused(f"the draft holds another {action.planned.name}", hint="Delete it from the draft if the new one is right.")


def _same(planned: Planned, asset: Asset) -> None:
    """Check an upload by the server's own words."""
    if asset.name != planned.name:
        raise Refused(f"GitHub renamed {planned.name} to {asset.name}", hint="Choose names of letters, digits, `.`, `_` and `-`.")
    if asset.size != planned.size or asset.digest not in (None, f"sha256:{planned.sha256}"):
        raise OSError(f"the server has {asset.size} bytes with {asset.digest}, not what was sent")


class _Counted:
    """A file that tells the bar how much of it was read. Its length keeps requests from sending chunks, which GitHub refuses."""

    def __init__(self, stream: IO[bytes], size: int, bar: Progress) -> None:
        self._stream = stream
        self._size = size
        self._bar = bar

    def __len__(self) -> int:
        return self._size

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._bar.advance(len(data))
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()


def _settle(github: GitHub, draft: Release, goal: _Goal, *, publish: bool) -> Release:
    """Verify the draft against the plan, complete its text, and publish it when asked to."""
    _await_digests(github, draft, goal)
    now = github.release(draft.id)
    wanted = _state(goal, now)
    if publish:
        wanted = {**wanted, "draft": False, "make_latest": _latest(github, goal)}
    if publish or not _holds(now, wanted):
        now = github.update(now.id, wanted)
    if now.tag_name != goal.tag or now.draft == publish:
        raise RemoteFailed(
            f"GitHub made it {now.tag_name!r}, draft={now.draft}", hint="Run it again; look at the release before you publish it."
        )
    return now


def _holds(now: Release, wanted: Mapping[str, Any]) -> bool:
    same_text = (now.body or "").replace("\r\n", "\n") == wanted["body"]
    return same_text and now.tag_name == wanted["tag_name"] and now.name == wanted["name"] and now.draft


def _await_digests(github: GitHub, draft: Release, goal: _Goal) -> None:
    """Wait until the server shows every planned file, complete and with its digest; its lists lag behind."""
    for attempt in range(1, TRIES + 1):
        present = {asset.name: asset for asset in github.assets(draft.id)}
        lacking = [file.name for file in goal.planned if not _shown(file, present.get(file.name))]
        if not lacking:
            return
        github.pause(attempt, f"GitHub does not show {', '.join(lacking[:5])} complete yet")


def _shown(planned: Planned, asset: Asset | None) -> bool:
    complete = asset is not None and asset.state == "uploaded" and asset.size == planned.size
    return complete and asset is not None and asset.digest in (None, f"sha256:{planned.sha256}")


def _latest(github: GitHub, goal: _Goal) -> str:
    """`true` only when no published final release has a higher version: a backport must not become the latest."""
    from packaging.version import InvalidVersion, Version

    def version(text: str) -> Version:
        try:
            return Version(text.rpartition("/")[2])
        except InvalidVersion:
            return Version("0")

    mine = version(goal.manifest.version)
    others = [version(item.tag_name) for item in github.releases() if not item.draft and not item.prerelease]
    return "false" if mine.is_prerelease or any(other > mine for other in others) else "true"


def _show(goal: _Goal, github: GitHub, found: Release | None) -> ReleaseRecord:
    """What would be done, without doing it."""
    present: Iterable[Asset] = github.assets(found.id) if found else ()
    for action in reconcile(goal.planned, tuple(present), replace=goal.replaceable):
        word = {Upload: "upload", Compare: "compare", Keep: "keep"}[type(action)]
        reporter().info(f"would {word} {action.planned.name} ({action.planned.size} bytes)")
    reporter().info(f"would {'complete draft ' + str(found.id) if found else 'create a draft'} for {goal.tag} in {goal.repository}")
    return ReleaseRecord(
        repository=goal.repository, tag=goal.tag, id=found.id if found else 0, url=found.html_url if found else "", draft=True
    )


def _record(goal: _Goal, found: Release, present: Iterable[Asset]) -> ReleaseRecord:
    assets = sorted(present, key=lambda asset: asset.name)
    return ReleaseRecord(
        repository=goal.repository,
        tag=goal.tag,
        id=found.id,
        url=found.html_url,
        draft=found.draft,
        assets=tuple(ReleasedAsset(id=a.id, name=a.name, size=a.size, digest=a.digest or "") for a in assets),
    )
