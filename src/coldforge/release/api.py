"""A small typed client of GitHub's releases API. Every answer may hold more than is read here.

Source: https://docs.github.com/rest/releases
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import quote

import msgspec

from coldforge.errors import Missing
from coldforge.release.wire import UPLOAD_TIMEOUTS, Failure, Wire, lanes, retried

PAGE: Final = 100  # items, the most that GitHub gives at once
DEFAULT: Final = "https://api.github.com"
MOST_BUNDLES: Final = 300  # that are read about one file
T = TypeVar("T")


class Asset(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a release. `state` may be any text; `digest` is `sha256:…` or None while GitHub computes it."""

    id: int
    name: str
    size: int
    state: str = "uploaded"
    digest: str | None = None


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """A release. `upload_url` is a URI template whose variables are dropped."""

    id: int
    tag_name: str
    upload_url: str
    html_url: str = ""
    name: str | None = None
    body: str | None = None
    draft: bool = False
    prerelease: bool = False
    immutable: bool = False
    assets: tuple[Asset, ...] = ()

    @property
    def text(self) -> str:
        """The body as it was sent: GitHub's site writes other line ends."""
        return (self.body or "").replace("\r\n", "\n")


class _Permissions(msgspec.Struct, frozen=True, kw_only=True):
    admin: bool = False
    push: bool | None = None


class _Repository(msgspec.Struct, frozen=True, kw_only=True):
    archived: bool = False
    permissions: _Permissions = _Permissions()


class _Switch(msgspec.Struct, frozen=True, kw_only=True):
    enabled: bool = False


class _Notes(msgspec.Struct, frozen=True, kw_only=True):
    body: str


class _Object(msgspec.Struct, frozen=True, kw_only=True):
    sha: str


class _Reference(msgspec.Struct, frozen=True, kw_only=True):
    object: _Object


class _Envelope(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    payload: bytes


class _Bundle(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    dsse_envelope: _Envelope


class _Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """An attestation as it was handed in; newer versions of the API may only say where it is."""

    bundle: dict[str, Any] | None = None


class _Record(msgspec.Struct, frozen=True, kw_only=True):
    attestations: tuple[_Recorded, ...] = ()


class _Number(msgspec.Struct, frozen=True, kw_only=True):
    id: int = 0


class _Tagged(msgspec.Struct, frozen=True, kw_only=True):
    tag: str = ""


class _Statement(msgspec.Struct, frozen=True, kw_only=True):
    predicate: _Tagged = _Tagged()


class Rights(msgspec.Struct, frozen=True, kw_only=True):
    """What can be done in a repository. `push` is None when the server does not tell."""

    archived: bool
    push: bool | None


class Readable(Protocol):
    """What an upload is read from: it must know its length and how far it is read, and be able to start again."""

    def __len__(self) -> int: ...

    def read(self, size: int = -1) -> bytes: ...

    def seek(self, offset: int, whence: int = 0) -> int: ...

    def tell(self) -> int: ...


class Forge(Protocol):
    """What releasing asks of a forge's repository: GitHub's is the one that there is. Errors are those of GitHub's client."""

    @property
    def repository(self) -> str: ...

    def rights(self) -> Rights: ...

    def immutable(self) -> bool | None: ...

    def releases(self) -> Iterator[Release]: ...

    def release(self, number: int) -> Release: ...

    def find(self, number: int) -> Release | None: ...

    def published(self, tag: str) -> Release | None: ...

    def commit_of(self, tag: str) -> str: ...

    def attests(self, tag: str) -> bool | None: ...

    def written_notes(self, tag: str, *, commit: str, previous: str) -> str: ...

    def assets(self, number: int, *, expected: int = 0) -> tuple[Asset, ...]: ...

    def create(self, state: Mapping[str, Any]) -> Release: ...

    def update(self, number: int, state: Mapping[str, Any]) -> Release: ...

    def delete_release(self, number: int) -> None: ...

    def delete_asset(self, number: int) -> None: ...

    def rename(self, asset: Asset, name: str) -> Asset: ...

    def upload(self, release: Release, name: str, stream: Readable) -> Asset: ...

    def download(self, asset: Asset) -> Iterator[bytes]: ...


class GitHub:
    """One repository's releases. All methods raise Failure; Missing when a right lacks, RemoteFailed when reading failed for good."""

    def __init__(self, repository: str, *, api_url: str | None = None, token: str | None = None) -> None:
        self.repository = repository
        api = (api_url or os.environ.get("GITHUB_API_URL") or DEFAULT).rstrip("/")
        self._base = f"{api}/repos/{repository}"
        self._wire = Wire(repository, token, api=api)

    def rights(self) -> Rights:
        """What the token may do."""
        found = self._seen()
        return Rights(archived=found.archived, push=found.permissions.push)

    def immutable(self) -> bool | None:
        """Whether what is published there becomes immutable; None when the token may not ask, which takes `administration: read`."""
        try:
            return self._wire.read(f"{self._base}/immutable-releases", _Switch)[0].enabled
        except Missing:
            return None
        except Failure as failure:
            # a server says 404 both for no, and to those from whom it keeps its settings
            return False if failure.status == 404 and self._seen().permissions.admin else None

    def releases(self) -> Iterator[Release]:
        """All releases, drafts too when the token may see them, over all pages."""
        try:
            yield from self._pages(f"{self._base}/releases", tuple[Release, ...])
        except Failure as failure:
            if failure.status == 404:
                raise self._unseen() from failure
            raise

    def release(self, number: int) -> Release:
        """One release by its id, which is known to exist."""
        return self._wire.read(f"{self._base}/releases/{number}", Release, known=True)[0]

    def find(self, number: int) -> Release | None:
        """One release by an id that may be out of date; None when there is none."""
        try:
            return self._wire.read(f"{self._base}/releases/{number}", Release)[0]
        except Failure as failure:
            if failure.status == 404:
                return None
            raise

    def published(self, tag: str) -> Release | None:
        """The published release of a tag. Drafts are never found this way (goreleaser#3072)."""
        try:
            return self._wire.read(f"{self._base}/releases/tags/{quote(tag)}", Release)[0]
        except Failure as failure:
            if failure.status == 404:
                return None
            raise

    def commit_of(self, tag: str) -> str:
        """The commit that a tag points at, empty when there is no such tag yet."""
        try:
            return self._wire.text(f"{self._base}/commits/{quote(f'tags/{tag}')}", "application/vnd.github.sha").strip()
        except Failure as failure:
            if failure.status in (404, 409, 422):  # 409: a repository without any commit
                return ""
            raise

    def attests(self, tag: str) -> bool | None:
        """Whether GitHub has attested an immutable release of a tag, asked as `gh release verify` does.

        None when it does not say: the tag is not there, or the token may not read attestations.
        """
        try:
            named = self._wire.read(f"{self._base}/git/ref/tags/{quote(tag)}", _Reference)[0].object.sha
            found = self._recorded(f"sha1:{named}", predicate_type="release")
            bundles = [msgspec.convert(bundle, type=_Bundle) for bundle in found]
            statements = [msgspec.json.decode(bundle.dsse_envelope.payload, type=_Statement) for bundle in bundles]
        except (Failure, Missing, msgspec.ValidationError, msgspec.DecodeError):
            return None
        return any(statement.predicate.tag == tag for statement in statements)

    def attestations(self, sha256: str) -> tuple[Mapping[str, Any], ...]:
        """The sigstore bundles about a file that are in the repository's record; as many as anybody honest has."""
        return self._recorded(f"sha256:{sha256}")

    def _recorded(self, subject: str, **asked: str) -> tuple[Mapping[str, Any], ...]:
        url: str | None = f"{self._base}/attestations/{subject}"
        params: dict[str, Any] = {"params": {"per_page": PAGE, **asked}}
        found: list[Mapping[str, Any]] = []
        try:
            while url and len(found) < MOST_BUNDLES:
                page, url = self._wire.read(url, _Record, **params)
                found += [item.bundle for item in page.attestations if item.bundle]
                params = {}
        except Failure as failure:
            if failure.status != 404:
                raise
        return tuple(found)

    def attest(self, bundle: Mapping[str, Any]) -> None:
        """Put a sigstore bundle into the repository's record. Not repeated: the same one twice would be there twice."""
        self._wire.write("POST", f"{self._base}/attestations", _Number, json={"bundle": bundle})

    def written_notes(self, tag: str, *, commit: str, previous: str) -> str:
        """What GitHub itself writes about a tag, since the `previous` one if that is named; nothing is kept there.

        `commit` is what the tag will name when it is not there yet.
        """
        about = {"tag_name": tag, "target_commitish": commit, "previous_tag_name": previous}
        told = {key: value for key, value in about.items() if value}
        url = f"{self._base}/releases/generate-notes"
        try:
            return retried(lambda: self._wire.write("POST", url, _Notes, json=told), "asking GitHub for notes").body
        except Failure as failure:
            if failure.status == 404:
                raise self._unseen() from failure
            raise

    def assets(self, number: int, *, expected: int = 0) -> tuple[Asset, ...]:
        """All assets of a release that is known to exist, over all pages; those that hold so many as `expected` are asked for at once."""
        url, kind = f"{self._base}/releases/{number}/assets", tuple[Asset, ...]
        pages = range(1, max(1, -(-expected // PAGE)) + 1)
        with lanes() as pool:
            asked = [pool.submit(self._wire.read, url, kind, known=True, params={"per_page": PAGE, "page": page}) for page in pages]
            answers = [answer.result() for answer in asked]
        found = [asset for items, _ in answers for asset in items]
        if (following := answers[-1][1]) is not None:
            found.extend(self._from(following, kind, known=True))
        return tuple({asset.id: asset for asset in found}.values())  # what is added meanwhile may move one to the next page

    def create(self, state: Mapping[str, Any]) -> Release:
        """Create a release."""
        try:
            return self._wire.write("POST", f"{self._base}/releases", Release, json=state)
        except Failure as failure:
            if failure.status == 404:
                raise self._unseen() from failure
            raise

    def update(self, number: int, state: Mapping[str, Any]) -> Release:
        """Change a release. `state` must name the tag: GitHub resets it when it is left out (release-drafter#204)."""
        return self._wire.write("PATCH", f"{self._base}/releases/{number}", Release, json=state)

    def delete_release(self, number: int) -> None:
        """Delete a release; one that is gone already is no failure."""
        self._wire.delete(f"{self._base}/releases/{number}")

    def delete_asset(self, number: int) -> None:
        """Delete an asset; one that is gone already is no failure."""
        self._wire.delete(f"{self._base}/releases/assets/{number}")

    def rename(self, asset: Asset, name: str) -> Asset:
        """Give an asset another name. Raises Failure while that is another asset's."""
        return self._wire.write("PATCH", f"{self._base}/releases/assets/{asset.id}", Asset, json={"name": name})

    def upload(self, release: Release, name: str, stream: Readable) -> Asset:
        """Upload one file, streamed from where it lies."""
        url = release.upload_url.partition("{")[0]
        self._wire.admit(url)
        headers = {"Content-Type": "application/octet-stream"}
        return self._wire.write("POST", url, Asset, params={"name": name}, data=stream, headers=headers, timeout=UPLOAD_TIMEOUTS)

    def download(self, asset: Asset) -> Iterator[bytes]:
        """The bytes of an asset, in chunks."""
        return self._wire.stream(f"{self._base}/releases/assets/{asset.id}")

    def _pages(self, url: str, kind: type[tuple[T, ...]]) -> Iterator[T]:
        items, following = self._wire.read(url, kind, params={"per_page": PAGE})
        yield from items
        if following:
            yield from self._from(following, kind)

    def _from(self, following: str | None, kind: type[tuple[T, ...]], *, known: bool = False) -> Iterator[T]:
        """The items of one page and all after it."""
        while following:
            items, following = self._wire.read(following, kind, known=known)
            yield from items

    def _seen(self) -> _Repository:
        try:
            return self._wire.read(self._base, _Repository)[0]
        except Failure as failure:
            if failure.status == 404:
                raise self._unseen() from failure
            raise

    def _unseen(self) -> Missing:
        hint = "Is the name right? To write there the token needs `contents: write`."
        return Missing(f"there is no repository {self.repository}, or the token may not see it", hint=hint)


def token_of_environment() -> str | None:
    """GITHUB_TOKEN, as workflows have it, or GH_TOKEN, as GitHub's client reads it."""
    return os.environ.get("GITHUB_TOKEN") or os.environ.get("GH_TOKEN")
