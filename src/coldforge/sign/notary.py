"""Apple's notary service: the one client. A request is tried again while it may do better; bytes that have arrived are not sent again.

Source: https://developer.apple.com/documentation/notaryapi
"""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final
from urllib.parse import quote

from coldforge.errors import Missing, RemoteFailed
from coldforge.host import clock, files
from coldforge.host.aside import within
from coldforge.host.secrets import hide, redact
from coldforge.report import reporter
from coldforge.report.reporter import Progress
from coldforge.sign import passes
from coldforge.sign.passes import Credentials, Grant

if TYPE_CHECKING:
    from requests import PreparedRequest, Response

_LOOKUP: Final = "/database/1/com.apple.gk.ticket-delivery/production/public/records/lookup"
_TRIES: Final = 5
_LONGEST: Final = 120.0  # seconds that the service may ask to wait
_TIMEOUTS: Final = (10, 60)  # seconds to connect, and between two pieces of an answer
_UPLOAD_TIMEOUTS: Final = (10, 300)
_LONGEST_ANSWER: Final = 120.0  # seconds for all of it: a server that drips begins the others anew with each byte
_LONGEST_UPLOAD: Final = 7200.0
_AGREEMENT: Final = "REQUIRED_AGREEMENTS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One that the service knows: `status` is In Progress, Accepted, Invalid or Rejected."""

    id: str
    name: str
    status: str
    created: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """What the service found in what was submitted: `path` is the file, `code` a number if there is one."""

    severity: str
    path: str
    message: str
    url: str
    architecture: str

    def __str__(self) -> str:
        place = f"{self.path}{f' ({self.architecture})' if self.architecture else ''}: " if self.path else ""
        return f"{place}{self.message}{f' ({self.url})' if self.url else ''}"


class _Failure(Exception):
    """A request that may do better next time, after `wait` seconds (None: as long as usual)."""

    def __init__(self, text: str, wait: float | None = None) -> None:
        super().__init__(redact(text))
        self.wait = wait


class Notary:
    """The service, on behalf of who has the key."""

    def __init__(self, given: Credentials) -> None:
        import requests

        self._given = given
        self._token, self._until = "", 0.0
        self._session = requests.Session()
        self._session.headers["User-Agent"] = "coldforge"
        self._session.auth = _nobody  # else a machine's netrc password would be sent

    def begin(self, name: str, sha256: str) -> Grant:
        """A new submission. One whose answer was lost has no bytes, and stays without meaning. Raises RemoteFailed, Missing."""
        about = {"submissionName": name, "sha256": sha256, "notifications": []}
        data = self._ask("POST", "/notary/v2/submissions", "a new submission", json=about)["data"]
        given = data["attributes"]
        return Grant(
            id=data["id"],
            bucket=given["bucket"],
            object=given["object"],
            access=given["awsAccessKeyId"],
            secret=hide(given["awsSecretAccessKey"]),
            session=hide(given["awsSessionToken"]),
        )

    def upload(self, file: Path, sha256: str, grant: Grant) -> None:
        """Send the bytes of a submission. Raises RemoteFailed after retries."""
        url = f"{self._given.storage.format(bucket=grant.bucket)}/{quote(grant.object)}"

        def once() -> None:
            with reporter().progress(f"upload {file.name}", file.stat().st_size) as bar, file.open("rb") as stream:
                headers = passes.storage_headers(url, sha256, grant, time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(clock.wall())))
                size = str(file.stat().st_size)
                body = _pieces(stream, bar)
                answer = self._send("PUT", url, data=body, headers={**headers, "Content-Length": size}, timeout=_UPLOAD_TIMEOUTS)
                _passing(answer)
                if not answer.ok:
                    raise RemoteFailed(f"Apple's storage refuses {file.name}", why=answer.text[:300], hint="Run it again.")
                if "ETag" not in answer.headers:
                    raise _Failure(f"the answer is none of the storage: {answer.text[:200]!r}")

        _retried(once, f"the upload of {file.name}")

    def status(self, identifier: str) -> Submission | None:
        """What has become of a submission; None when the service does not know it."""
        found = self._ask("GET", f"/notary/v2/submissions/{quote(identifier)}", "a submission", missing=True)
        return _submission(found["data"]) if found else None

    def recent(self) -> list[Submission]:
        """The last hundred submissions of the team, the newest first."""
        found = self._ask("GET", "/notary/v2/submissions", "the submissions")
        return sorted(map(_submission, found["data"]), key=lambda each: each.created, reverse=True)

    def issues(self, identifier: str) -> list[Issue]:
        """What the service found, however it decided."""
        found = self._ask("GET", f"/notary/v2/submissions/{quote(identifier)}/logs", "the log of a submission")
        url = found["data"]["attributes"]["developerLogUrl"]
        log = _retried(lambda: _document(self._send("GET", url)), "the log of a submission")
        return [Issue(**{name: str(one.get(key) or "") for name, key in _ISSUE.items()}) for one in log.get("issues") or []]

    def ticket(self, record: str) -> bytes:
        """The ticket of code that was accepted, by the digest that stands for it; empty while there is none. No key is needed."""
        url = f"{self._given.tickets}{_LOOKUP}"
        asked = {"records": [{"recordName": record}]}
        found = _retried(lambda: _document(self._send("POST", url, json=asked)), "the ticket")["records"][0]
        value = found.get("fields", {}).get("signedTicket", {}).get("value", "")
        return base64.b64decode(value)

    def _ask(self, method: str, path: str, what: str, *, missing: bool = False, **options: Any) -> Any:
        return _retried(lambda: self._once(method, path, missing=missing, **options), what)

    def _once(self, method: str, path: str, *, missing: bool, **options: Any) -> Any:
        answer = self._send(method, f"{self._given.url}{path}", headers={"Authorization": f"Bearer {self._fresh()}"}, **options)
        if answer.status_code == 401 and self._until:
            self._until = 0.0  # a clock that goes wrong, or a token that died early: the next one tells
            answer = self._send(method, f"{self._given.url}{path}", headers={"Authorization": f"Bearer {self._fresh()}"}, **options)
        if answer.status_code in (401, 403):
            text = _words(answer)
            hint = (
                "Whoever holds the account accepts the new agreement in App Store Connect; then run it again."
                if _AGREEMENT in answer.text
                else f"Do {passes.KEY}, {passes.KEY_ID} and {passes.ISSUER} belong together, has the key the role Developer, and is this "
                "machine's clock right?"
            )
            raise Missing("Apple's notary service does not accept the key", why=text, hint=hint)
        if answer.status_code == 404 and missing:
            return None
        return _document(answer)

    def _fresh(self) -> str:
        if clock.now() >= self._until:
            self._token, self._until = passes.token(self._given, int(clock.wall())), clock.now() + passes.LIFE / 2
        return self._token

    def _send(self, method: str, url: str, **options: Any) -> Response:
        asking = partial(self._session.request, method, url, **{"timeout": _TIMEOUTS, **options})
        with _broken():
            return within(_LONGEST_UPLOAD if "data" in options else _LONGEST_ANSWER, asking, drop=lambda answer: answer.close())


_ISSUE: Final = {"severity": "severity", "path": "path", "message": "message", "url": "docUrl", "architecture": "architecture"}


def _nobody(request: PreparedRequest) -> PreparedRequest:
    return request


def _pieces(stream: BinaryIO, bar: Progress) -> Iterator[bytes]:
    while piece := stream.read(files.CHUNK):
        yield piece
        bar.advance(len(piece))


def _submission(data: Any) -> Submission:
    about = data["attributes"]
    return Submission(id=data["id"], name=about.get("name", ""), status=about["status"], created=about.get("createdDate", ""))


@contextmanager
def _broken() -> Iterator[None]:
    from requests import RequestException

    try:
        yield
    except (RequestException, TimeoutError) as error:
        raise _Failure(f"{type(error).__name__}: {error}") from error


def _passing(answer: Response) -> None:
    """Raises _Failure for an answer that may be another next time."""
    if answer.status_code >= 500 or answer.status_code in (408, 429):
        after = answer.headers.get("Retry-After", "")
        raise _Failure(f"{answer.status_code}: {_words(answer)}", float(after) if after.isdecimal() else None)


def _document(answer: Response) -> Any:
    """The JSON of an answer. Raises _Failure for one that may be another next time, RemoteFailed for a refusal."""
    _passing(answer)
    if not answer.ok:
        raise RemoteFailed("Apple's notary service refuses", why=f"{answer.status_code}: {_words(answer)}", hint="Run it again.")
    try:
        return answer.json()
    except ValueError as error:
        raise _Failure(f"the answer is none of the service ({answer.status_code}): {answer.text[:200]!r}") from error


def _words(answer: Response) -> str:
    """The service's own words."""
    try:
        return "; ".join(str(one.get("detail") or one.get("title") or one.get("code")) for one in answer.json()["errors"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return answer.text[:200]


def _retried(once: Callable[[], Any], doing: str) -> Any:
    for attempt in range(1, _TRIES + 1):
        try:
            return once()
        except _Failure as failure:
            if attempt == _TRIES:
                hint = "Run it again: what has arrived there is not sent a second time."
                raise RemoteFailed(f"{doing}: Apple does not answer as it should", why=str(failure), hint=hint) from failure
            reporter().warn(f"{doing}: {failure}; trying again")
            clock.sleep(min(_LONGEST, 2.0**attempt if failure.wait is None else failure.wait))
    raise AssertionError  # the last attempt raises


def opened(options: Mapping[str, str | None], env: Mapping[str, str] = os.environ) -> Notary:
    """The service, by what options and the environment give. Raises as `passes.credentials`."""
    return Notary(passes.credentials(options, env))
