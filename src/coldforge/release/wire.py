"""Requests and answers: one connection pool, rate limits waited for, whatever goes wrong told in one class.

The only place of this room that knows `requests`. Reading retries by itself, because it changes nothing.
Source: https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

import msgspec

from coldforge.errors import Missing, Refused, RemoteFailed
from coldforge.host import clock
from coldforge.host.aside import closing, in_time, within
from coldforge.host.secrets import hide, redact
from coldforge.report import reporter

if TYPE_CHECKING:
    from requests import PreparedRequest, Response, Session

TRIES: Final = 6
CHUNK: Final = 1 << 20
CONNECTIONS: Final = 8  # at a time: latency is most of an upload, and GitHub takes a hundred at once
LONGEST_WAIT: Final = 300.0  # seconds a request; a limit that takes longer is better waited for by running again
TIMEOUTS: Final = (10, 60)  # seconds to connect, and between two answers' bytes
UPLOAD_TIMEOUTS: Final = (10, 300)
LONGEST_ANSWER: Final = 120.0  # seconds until an answer is there, whole where it is not streamed
LONGEST_CHUNK: Final = 300.0  # seconds for one chunk: 3.5 kB/s
VERSION: Final = "2022-11-28"
AGAIN: Final = "Run it again: nothing that was done is lost."
BURNT: Final = ("creations being restricted", "must have a valid tag")  # what GitHub says of a tag that it lets nobody make
ELSEWHERE: Final = "The token was not sent there. Is GITHUB_API_URL right, or is there a proxy that changes answers?"
T = TypeVar("T")
Origin = tuple[str, str, int | None]


class BadToken(Missing):
    """The server does not know the token: it has expired, or is none at all."""


class Failure(Exception):
    """A request without success. `status` is 0 when there was no answer, or one that is not the API's.

    `after` are the seconds that the server wants to be left alone, 0 when it does not say.
    """

    def __init__(self, status: int, text: str, *, after: float = 0) -> None:
        super().__init__(redact(f"{status}: {text}" if status else text))
        self.status = status
        self.text = text
        self.after = after

    @property
    def passing(self) -> bool:
        """Whether the same request may do better next time."""
        return self.status == 0 or self.status >= 500 or self.status in (408, 429)

    def told(self) -> RemoteFailed | Refused:
        """What ends the command: a refusal, or what may go better next time, as where somebody else changed something (404, 409)."""
        if self.passing or self.status in (404, 409):
            return RemoteFailed("GitHub refused a request", why=str(self), hint=AGAIN)
        return Refused("GitHub refuses what it was asked to do", why=str(self), hint="Mend what it names, then run it again.")


class Wire:
    """A session with one server, at `api`, on behalf of one repository. No other server gets the token but one that is admitted."""

    def __init__(self, repository: str, token: str | None, *, api: str) -> None:
        import requests
        from requests.adapters import HTTPAdapter

        self._repository = repository
        self._api = origin(api)
        self._uploads: Origin | None = None
        self._not_before = 0.0  # of the steady clock: a limit that one request meets is every other's too
        self._trusted = {self._api}
        self._settings: dict[Origin, Any] = {}  # proxies and certificates
        self._session: Session = requests.Session()
        # as `auth`, not as a header: else a machine's netrc password would be sent instead
        self._session.auth = bearer(hide(token) if token else "", self._trusted)
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=2 * CONNECTIONS))  # looks run beside uploads
        headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": VERSION, "User-Agent": "coldforge"}
        self._session.headers.update(headers)

    def admit(self, url: str) -> None:
        """Let the server of `url` have uploads, and the token: the first one that is named, and after it no other.

        Raises RemoteFailed for another, and for one that would get the token unencrypted when the API does not.
        """
        named = origin(url)
        self._uploads = self._uploads or named
        if named not in (self._api, self._uploads) or (self._api[0] == "https" and named[0] != "https"):
            raise RemoteFailed("GitHub names a server for uploads that cannot be trusted", why=url, hint=ELSEWHERE)
        self._trusted.add(named)

    def read(self, url: str, kind: type[T], *, known: bool = False, **options: Any) -> tuple[T, str | None]:
        """GET, retried: the answer, and the address of the next page if there is one. Raises Failure, or RemoteFailed after retries.

        What is `known` to exist is asked for again when it is not found.
        """

        def once() -> tuple[T, str | None]:
            answer = self._send("GET", url, **options)
            return _decode(answer, kind), self._next(answer)

        return retried(once, f"reading {self._repository}", known=known)

    def _next(self, answer: Response) -> str | None:
        following: str | None = answer.links.get("next", {}).get("url")
        if following is not None and origin(following) != self._api:
            raise RemoteFailed("GitHub's next page is on another server", why=following, hint=ELSEWHERE)
        return following

    def text(self, url: str, accept: str) -> str:
        """GET of plain text of the type `accept`, retried; an answer of another type is none."""

        def once() -> str:
            answer = self._send("GET", url, headers={"Accept": accept})
            if answer.headers.get("Content-Type", "").partition(";")[0] != accept:
                raise _no_answer(answer)
            return answer.text

        return retried(once, f"reading {self._repository}")

    def write(self, method: str, url: str, kind: type[T], **options: Any) -> T:
        """A request that changes something: never repeated here, because a lost answer may have landed."""
        return _decode(self._send(method, url, **options), kind)

    def delete(self, url: str) -> None:
        """DELETE, retried: a number means one thing for ever, and what is gone already is no failure."""
        try:
            retried(lambda: self._send("DELETE", url), f"deleting in {self._repository}")
        except Failure as failure:
            if failure.status != 404:
                raise

    def stream(self, url: str) -> Iterator[bytes]:
        """The bytes behind an address, in chunks; a broken connection is taken up where it broke.

        The tries are counted anew when a whole chunk has come since, and not by a server that breaks off after each byte.
        """
        got, attempt, since = 0, 1, 0
        while True:
            try:
                for chunk in self._rest(url, got):
                    got, since = got + len(chunk), since + len(chunk)
                    attempt = 1 if since >= CHUNK else attempt
                    yield chunk
            except Failure as failure:
                if not failure.passing:
                    raise
                pause(attempt, "downloading", failure)
                attempt, since = attempt + 1, 0
            else:
                return

    def _rest(self, url: str, start: int) -> Iterator[bytes]:
        """The bytes from `start` on, in one try; a server that knows no ranges sends the first ones again."""
        # identity: a range counts what is sent, not what it unpacks to
        headers = {"Accept": "application/octet-stream", "Accept-Encoding": "identity", "Range": f"bytes={start}-"}
        answer = self._send("GET", url, headers=headers if start else {**headers, "Range": None}, stream=True, timeout=UPLOAD_TIMEOUTS)
        with _broken(), closing(answer):
            skip = 0 if answer.status_code == 206 else start
            for chunk in in_time(answer.iter_content(CHUNK), CHUNK, LONGEST_CHUNK):
                if chunk[skip:]:
                    yield chunk[skip:]
                skip = max(0, skip - len(chunk))

    def _send(self, method: str, url: str, **options: Any) -> Response:
        """One request, repeated only while a rate limit says so, which means that nothing was done."""
        waited = 0.0
        while True:
            if (left := self._not_before - clock.now()) > 0:
                clock.sleep(left)
            with _broken():
                answer = self._asked(method, url, {"timeout": TIMEOUTS, **options})
            wait = limited(answer, now=clock.wall())
            if wait is None:
                break
            if waited + wait > LONGEST_WAIT:
                raise RemoteFailed("GitHub's rate limit is used up", why=words(answer), hint=_later(wait))
            reporter().info(f"GitHub's rate limit: waiting {wait:.0f} s.")
            self._not_before = max(self._not_before, clock.now() + wait)
            waited += wait
            if hasattr(options.get("data"), "seek"):
                options["data"].seek(0)
        if answer.ok:
            return answer
        raise self._explained(answer)

    def _asked(self, method: str, url: str, options: dict[str, Any]) -> Response:
        """One answer. Everything is over in time, or given up; the time of an upload begins anew while more of it goes up."""
        sent = options.get("data")
        timed = partial(within, LONGEST_ANSWER) if sent is None else partial(within, UPLOAD_TIMEOUTS[1], at=sent.tell)
        return timed(lambda: self._answer(method, url, **options), drop=lambda answer: answer.close())

    def _answer(self, method: str, url: str, *, timeout: tuple[float, float], stream: bool = False, **options: Any) -> Response:
        """What the session's `request` does; but what the environment says of a server is read once, and not for every file."""
        from requests import Request

        asked = self._session.prepare_request(Request(method, url, **options))
        server = origin(url)
        if server not in self._settings:
            self._settings[server] = self._session.merge_environment_settings(url, {}, None, None, None)
        return self._session.send(asked, timeout=timeout, **{**self._settings[server], "stream": stream})

    def _explained(self, answer: Response) -> Exception:
        text, right = words(answer), "read" if answer.request.method == "GET" else "write"
        if answer.status_code == 401:
            return BadToken("GitHub does not accept the token", why=text, hint="Set GITHUB_TOKEN to a valid one.")
        if answer.status_code == 403:
            return Missing(f"the token may not do this in {self._repository}", why=text, hint=f"It needs `contents: {right}`.")
        if "immutable" in text.lower():
            hint = "An immutable release stays as it is: raise the version and release that."
            return Refused("GitHub refused: the release, or its tag, is immutable", why=text, hint=hint)
        if answer.status_code == 422 and any(word in text for word in BURNT):
            why = f"{text}: its name was that of an immutable release that is deleted, or a rule of the repository reserves it"
            return Refused("GitHub refused the tag", why=why, hint="Raise the version and release that.")
        return Failure(answer.status_code, text, after=_asked_for(answer) or 0)


@contextmanager
def lanes() -> Iterator[Executor]:
    """Several requests side by side, begun in the order in which they are given; an error drops those that have not begun."""
    with ThreadPoolExecutor(max_workers=CONNECTIONS) as pool:
        try:
            yield pool
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def retried(once: Callable[[], T], doing: str, *, known: bool = False) -> T:
    """What `once` gives, tried again while it may do better. Raises RemoteFailed in the end.

    A 404 about what is `known` to exist passes: what was just made is not found for a moment (goreleaser#3599).
    """
    for attempt in range(1, TRIES + 1):
        try:
            return once()
        except Failure as failure:
            if not (failure.passing or (known and failure.status == 404)):
                raise
            pause(attempt, doing, failure)
    raise AssertionError  # pause() raises on the last attempt


def pause(attempt: int, doing: str, failure: Failure | str) -> None:
    """Wait before trying again, as long as a server asks for; raises RemoteFailed when that is too long, or after enough tries."""
    asked = failure.after if isinstance(failure, Failure) else 0.0
    if attempt >= TRIES or asked > LONGEST_WAIT:
        hint = _later(asked) if asked else AGAIN
        raise RemoteFailed(f"{doing} failed after {attempt} {'tries' if attempt > 1 else 'try'}", why=str(failure), hint=hint)
    reporter().warn(f"{doing}: {failure}; trying again")
    clock.sleep(max(asked, min(30.0, 0.5 * 2**attempt)))


def _later(seconds: float) -> str:
    return f"Run it again in {math.ceil(seconds / 60)} minutes: it goes on where it stopped."


def origin(url: str) -> Origin:
    """Which server an address is on: scheme, host and port."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def bearer(token: str, trusted: AbstractSet[Origin]) -> Callable[[PreparedRequest], PreparedRequest]:
    """What puts the token into a request, if that goes to a trusted server."""

    def authorize(request: PreparedRequest) -> PreparedRequest:
        if token and origin(request.url or "") in trusted:
            request.headers["Authorization"] = f"Bearer {token}"
        return request

    return authorize


@contextmanager
def _broken() -> Iterator[None]:
    """Whatever goes wrong on the way to the server and back, as a Failure."""
    from requests import RequestException

    try:
        yield
    except (RequestException, TimeoutError) as error:
        raise Failure(0, f"{type(error).__name__}: {error}") from error


def _decode(answer: Response, kind: type[T]) -> T:
    """An answer as a value; a proxy's or an overloaded server's HTML page is none, whatever its status."""
    try:
        return msgspec.json.decode(answer.content, type=kind)
    except msgspec.DecodeError as error:
        raise _no_answer(answer) from error


def _no_answer(answer: Response) -> Failure:
    kind = answer.headers.get("Content-Type", "no type")
    return Failure(0, f"the answer is not GitHub's API's ({answer.status_code}, {kind}): {answer.text[:200]!r}")


def _asked_for(answer: Response) -> float | None:
    """Seconds that an answer asks to wait; a date, which GitHub does not send, counts as a minute."""
    value = answer.headers.get("Retry-After")
    return (float(value) if value.isdecimal() else 60.0) if value else None


def limited(answer: Response, *, now: float) -> float | None:
    """Seconds to wait when the answer is about a rate limit, else None (primary and secondary limits come as 403 or 429)."""
    if answer.status_code not in (403, 429):
        return None
    if (asked := _asked_for(answer)) is not None:
        return asked
    if answer.headers.get("X-RateLimit-Remaining") == "0":
        reset = answer.headers.get("X-RateLimit-Reset", "")
        return max(1.0, float(reset) - now) if reset.isdecimal() else 60.0
    return 60.0 if answer.status_code == 429 or "rate limit" in answer.text.lower() else None


def words(answer: Response) -> str:
    """GitHub's own words, with the field errors of a 422."""
    try:
        document = answer.json()
        return "; ".join([str(document.get("message", "")), *map(_detail, document.get("errors", []))])
    except (ValueError, AttributeError, TypeError):
        return answer.text[:200]


def _detail(error: Any) -> str:
    """One error of a 422: a text, or a document with or without one."""
    return (
        error
        if isinstance(error, str)
        else str(error.get("message") or f"{error.get('resource')} {error.get('field')} {error.get('code')}")
    )
