"""A small typed client of GitHub's releases API. Every answer may hold more than is read here.

Source: https://docs.github.com/rest/releases (X-GitHub-Api-Version 2022-11-28).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

import msgspec

from coldforge.errors import Missing, Refused, RemoteFailed
from coldforge.host import clock
from coldforge.host.secrets import hide
from coldforge.report import reporter

if TYPE_CHECKING:
    from requests import Response, Session

DEFAULT: Final = "https://api.github.com"
TRIES: Final = 6
LONGEST_WAIT: Final = 300.0  # seconds; a limit that takes longer is better waited for by running again
TIMEOUTS: Final = (10, 60)
UPLOAD_TIMEOUTS: Final = (10, 300)
T = TypeVar("T")


class Asset(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a release. `state` may be any text; `digest` is `sha256:…` or None while GitHub computes it."""

    id: int
    name: str
    size: int
    state: str = "uploaded"
    digest: str | None = None
    url: str = ""
    browser_download_url: str = ""


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """A release. `upload_url` is a URI template whose variables are dropped."""

    id: int
    tag_name: str
    upload_url: str
    html_url: str = ""
    target_commitish: str = ""
    name: str | None = None
    body: str | None = None
    draft: bool = False
    prerelease: bool = False
    immutable: bool = False
    assets: tuple[Asset, ...] = ()


class Readable(Protocol):
    """What an upload is read from: it must know its length, and be able to start again."""

    def __len__(self) -> int: ...

    def read(self, size: int = -1) -> bytes: ...

    def seek(self, offset: int, whence: int = 0) -> int: ...


class Failure(Exception):
    """An answer that is no success, for callers that know what to do about it."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status}: {text}")
        self.status = status
        self.text = text


class GitHub:
    """One repository's releases. Reading retries by itself; writing is the caller's business."""

    def __init__(self, repository: str, *, api_url: str | None = None, token: str | None = None) -> None:
        import requests
        from requests.adapters import HTTPAdapter

        self.repository = repository
        self._base = f"{(api_url or os.environ.get('GITHUB_API_URL') or DEFAULT).rstrip('/')}/repos/{repository}"
        self._session: Session = requests.Session()
        # `trust_env` would send a machine's netrc password instead of the token
        self._session.trust_env = not token
        adapter = HTTPAdapter(pool_maxsize=8)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)
        self._session.headers.update(
            {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28", "User-Agent": "coldforge"}
        )
        if token:
            self._session.headers["Authorization"] = f"Bearer {hide(token)}"

    def releases(self) -> Iterator[Release]:
        """All releases, drafts too when the token may see them, over all pages."""
        yield from self._pages(f"{self._base}/releases", tuple[Release, ...])

    def release(self, number: int) -> Release:
        """One release by its id."""
        return self._decode(self._read(f"{self._base}/releases/{number}"), Release)

    def published(self, tag: str) -> Release | None:
        """The published release of a tag. Drafts are never found this way (goreleaser#3072)."""
        try:
            return self._decode(self._read(f"{self._base}/releases/tags/{tag}"), Release)
        except Failure as failure:
            if failure.status == 404:
                return None
            raise

    def assets(self, number: int) -> tuple[Asset, ...]:
        """All assets of a release, over all pages."""
        return tuple(self._pages(f"{self._base}/releases/{number}/assets", tuple[Asset, ...]))

    def create(self, state: Mapping[str, Any]) -> Release:
        """Create a release; raises Failure."""
        return self._decode(self._send("POST", f"{self._base}/releases", json=state), Release)

    def update(self, number: int, state: Mapping[str, Any]) -> Release:
        """Change a release. `state` must be the full one: GitHub resets the tag when it is left out (release-drafter#204)."""
        return self._decode(self._send("PATCH", f"{self._base}/releases/{number}", json=state), Release)

    def delete_asset(self, number: int) -> None:
        """Delete an asset; one that is gone already is no failure."""
        try:
            self._send("DELETE", f"{self._base}/releases/assets/{number}")
        except Failure as failure:
            if failure.status != 404:
                raise

    def upload(self, release: Release, name: str, stream: Readable, size: int) -> Asset:
        """Upload one file, streamed; raises Failure, or requests' own errors when the connection broke."""
        url = release.upload_url.partition("{")[0]
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        answer = self._send("POST", url, params={"name": name}, data=stream, headers=headers, timeout=UPLOAD_TIMEOUTS)
        return self._decode(answer, Asset)

    def download(self, asset: Asset) -> Iterator[bytes]:
        """The bytes of an asset, in chunks."""
        headers = {"Accept": "application/octet-stream"}
        with self._read(f"{self._base}/releases/assets/{asset.id}", headers=headers, stream=True, timeout=UPLOAD_TIMEOUTS) as answer:
            yield from answer.iter_content(1 << 20)

    def _pages(self, url: str, kind: type[tuple[T, ...]]) -> Iterator[T]:
        following: str | None = url
        parameters: dict[str, int] | None = {"per_page": 100}
        while following:
            answer = self._read(following, params=parameters)
            yield from self._decode(answer, kind)
            following, parameters = answer.links.get("next", {}).get("url"), None

    def _read(self, url: str, **options: Any) -> Response:
        """GET with retries: reading changes nothing, so it may be repeated."""
        import requests

        for attempt in range(1, TRIES + 1):
            try:
                return self._send("GET", url, **options)
            except requests.RequestException as error:
                self.pause(attempt, f"{type(error).__name__}: {error}")
            except Failure as failure:
                if not retryable(failure):
                    raise
                self.pause(attempt, str(failure))
        raise AssertionError  # pause() raises on the last attempt

    def pause(self, attempt: int, why: str) -> None:
        """Wait before trying again; raises RemoteFailed when there have been enough tries."""
        if attempt >= TRIES:
            raise RemoteFailed(f"{self._base} failed after {attempt} tries", why=why, hint="Run it again: it goes on where it stopped.")
        reporter().warn(f"{why}; trying again")
        clock.sleep(min(30.0, 0.5 * 2**attempt))

    def _send(self, method: str, url: str, **options: Any) -> Response:
        """One request, repeated only while a rate limit says so. Raises Failure for every answer that is no success."""
        waited = 0.0
        while True:
            answer = self._session.request(method, url, **{"timeout": TIMEOUTS, **options})
            wait = _limited(answer)
            if wait is None or waited + wait > LONGEST_WAIT:
                break
            if hasattr(options.get("data"), "seek"):
                options["data"].seek(0)
            reporter().info(f"GitHub's rate limit: waiting {wait:.0f} s.")
            clock.sleep(wait)
            waited += wait
        if wait is not None:
            raise RemoteFailed("GitHub's rate limit is used up", why=_text(answer), hint="Run it again later: it goes on where it stopped.")
        if answer.ok:
            return answer
        raise self._failure(answer)

    def _failure(self, answer: Response) -> Exception:
        text = _text(answer)
        if answer.status_code == 401:
            return Missing("GitHub does not accept the token", why=text, hint="Set GITHUB_TOKEN to a valid one.")
        if answer.status_code == 403:
            return Missing(f"the token may not do this in {self.repository}", why=text, hint="It needs `contents: write`.")
        if "immutable" in text.lower():
            hint = "An immutable release stays as it is: raise the version and release that."
            return Refused("GitHub refused: the release, or its tag, is immutable", why=text, hint=hint)
        return Failure(answer.status_code, text)

    def _decode(self, answer: Response, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(answer.content, type=kind)
        except msgspec.DecodeError as error:
            why = f"{answer.status_code} {answer.headers.get('Content-Type', '')}: {answer.text[:200]}"
            raise RemoteFailed("GitHub answered something that is not its API's", why=why, hint="Run it again later.") from error


def retryable(failure: Failure) -> bool:
    """Whether the same request may do better next time."""
    return failure.status >= 500 or failure.status in (408, 429)


def _limited(answer: Response) -> float | None:
    """Seconds to wait when the answer is about a rate limit, else None (primary and secondary limits come as 403 or 429)."""
    if answer.status_code not in (403, 429):
        return None
    if value := answer.headers.get("Retry-After"):
        return max(0.0, float(value)) if value.isdigit() else 60.0
    if answer.headers.get("X-RateLimit-Remaining") == "0":
        reset = answer.headers.get("X-RateLimit-Reset", "0")
        return max(1.0, float(reset) - clock.wall()) if reset.isdigit() else 60.0
    return 60.0 if answer.status_code == 429 or "rate limit" in answer.text.lower() else None


def _text(answer: Response) -> str:
    """GitHub's own words, with the field errors of a 422."""
    try:
        document = answer.json()
        details = [str(e.get("message") or f"{e.get('resource')} {e.get('field')} {e.get('code')}") for e in document.get("errors", [])]
        return "; ".join([str(document.get("message", "")), *details])
    except (ValueError, AttributeError, TypeError):
        return answer.text[:200]
