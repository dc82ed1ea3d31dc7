"""GitHub's releases API on a loopback port, with its real manners, each of its bad ones (`MISFORTUNES`) to be switched on.

Drafts are not found by tag, and are hidden from tokens that may only read; two creations for one tag both
succeed; a PATCH without `tag_name` loses the tag; names are rewritten; pages hold 30. Every request and
every answer is checked against GitHub's OpenAPI description when that is here (`violations`).
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from typing import Any, Final, Self
from urllib.parse import parse_qs, unquote, urlsplit

from support import openapi

WRITER: Final = "writer-token"
READER: Final = "reader-token"
SHA256: Final = "sha256:"
CUT: Final = "X-Cut"  # of an answer whose connection breaks in the middle
TIME: Final = "2026-01-02T03:04:05Z"
HUGE: Final = "x-huge"  # names what was received and not kept, within this server
LARGEST_KEPT: Final = 1 << 26
BLOCK: Final = 1 << 20
OCTETS: Final = "application/octet-stream"
SLOW: Final = 0.3  # seconds
Json = dict[str, Any]
# The ways in which GitHub says no to what is asked, in its own words.
INVALID: Final[Mapping[str, Json]] = {
    "asset exists": {"errors": [{"resource": "ReleaseAsset", "code": "already_exists", "field": "name"}]},
    "tag exists": {"errors": [{"resource": "Release", "code": "already_exists", "field": "tag_name"}]},
    "too many": {"errors": [{"resource": "ReleaseAsset", "code": "custom", "message": "file_count limited to 1000 assets per release"}]},
    "too large": {"errors": [{"resource": "ReleaseAsset", "code": "custom", "message": "size must be less than 2147483648"}]},
    "immutable": {"message": "Cannot upload assets to an immutable release."},
    "burnt": {"errors": ["tag_name was used by an immutable release"]},
    "restricted": {"errors": ["Cannot create ref due to creations being restricted."]},
    "no tag": {"errors": ["Published releases must have a valid tag"]},
}
AFTER: Final = {"Retry-After": "30"}
MISFORTUNES: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    **{kind: (kind, {}) for kind in ("refused", "cut body", "cut before", "cut after", "cut within", "html", "html 502", "slow")},
    **{kind: (kind, {}) for kind in ("stale", "rival", "starter", "garbled", "killed before", "killed after")},
    **{status: (status, {}) for status in ("401", "403", "404", "409", "429", "500", "503")},
    **{kind: (kind, {}) for kind in INVALID},
    "rate": ("rate", {}),
    "rate, with Retry-After": ("rate", AFTER),
    "429, with Retry-After": ("429", AFTER),
    "used up": ("rate", {"X-RateLimit-Remaining": "0"}),
}
"""Everything that can happen to a request: the kind of a fault, and its headers."""
Answer = tuple[int, Any, Mapping[str, str]]


@dataclass
class StoredAsset:
    """A file of a release. `data` is what has arrived of it."""

    id: int
    name: str
    data: bytes
    state: str = "uploaded"
    digest: bool = True
    huge: tuple[int, str] | None = None
    """Size and sha256 of what was too large to be kept: what is handed out of it are as many zeros."""
    hashed: tuple[bytes, str] = (b"", hashlib.sha256().hexdigest())
    """What was hashed last, and its digest: a server that hashed all files for each answer would be slower than GitHub is."""

    def sha256(self) -> str:
        """The digest of what it holds now."""
        if self.hashed[0] is not self.data:
            self.hashed = (self.data, hashlib.sha256(self.data).hexdigest())
        return self.hashed[1]


@dataclass
class StoredRelease:
    """A release as the server keeps it."""

    id: int
    tag: str
    name: str
    body: str
    draft: bool
    prerelease: bool
    target: str
    immutable: bool = False
    latest: str = "true"
    assets: dict[int, StoredAsset] = field(default_factory=dict)


@dataclass
class Fault:
    """Misbehaviour for the next `times` requests that match: `kind` is one of those in `_misbehave`."""

    kind: str
    method: str = "POST"
    path: str = ""
    times: int = 1
    headers: Mapping[str, str] = field(default_factory=dict)

    def hits(self, method: str, path: str) -> bool:
        """Whether this request is misbehaved to; counts it."""
        if self.times <= 0 or method != self.method or self.path not in path:
            return False
        self.times -= 1
        return True


class Cut(Exception):
    """End the connection without an answer."""


class FakeGitHub:
    """Use it as a context manager; `url` is the API's base. `log` holds every request as `METHOD path`."""

    def __init__(self, repository: str = "acme/demo") -> None:
        self.repository = repository
        self.releases: dict[int, StoredRelease] = {}
        self.tags: dict[str, str] = {}
        """Tags that are there, with their commits."""
        self.attested: set[str] = set()
        """Tags whose immutable releases GitHub has attested, those too that are deleted."""
        self.faults: list[Fault] = []
        self.recorded: list[Json] = []
        """The bundles of attestations that were handed in."""
        self.page_of_bundles = 100
        """The most bundles that one answer holds."""
        self.script: dict[int, str] = {}
        """Misfortunes by the number of the request, counted from 1."""
        self.uploads: list[tuple[int, str, bool]] = []
        """What was taken: the release's id, the file's name, and whether it arrived whole."""
        self.dead = False
        """Whether the client counts as killed: no request of it does anything any more."""
        self.rival: Callable[[], None] = lambda: None
        """What somebody else does at the same time."""
        self.judged = True
        """Whether GitHub's description is asked about each request and answer."""
        self.archived = False
        self.administers = True
        """Whether the writer's token may read the repository's settings, which a job's may not."""
        self.tells_attestations = True
        """Whether a token may read attestations."""
        self.immutable = False
        """Whether what is published becomes immutable."""
        self.log: list[str] = []
        self.violations: list[str] = []
        self.list_lag = 0
        """How many of the next lists show the releases as they were before the last change."""
        self.asset_lag = 0
        """How many of the next lists of assets show none yet."""
        self.bare_lists = False
        """Whether lists of releases show them without their assets, as for a moment after an upload."""
        self.digests = True
        """Whether the server computes digests at all."""
        self.damaged: dict[int, bytes] = {}
        """What is handed out of assets, by their numbers, instead of what was taken in and is told of."""
        self.deaf: set[str] = set()
        """Fields of a release that no change reaches."""
        self.next_server = ""
        """Another server's URL that the next pages are said to be on."""
        self.ranges = True
        """Whether downloads can begin in the middle."""
        self.on_request: Callable[[str, str], None] = lambda _method, _path: None
        self._old: list[StoredRelease] = []
        self._next = 100
        self._lock = threading.RLock()
        self._huge: dict[str, tuple[int, str]] = {}
        self._down = False
        self._server = _server(0, self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def down(self) -> None:
        """Take no connection any more, as a server that is being restarted."""
        self._down = True
        self.__exit__()

    def up(self) -> None:
        """Be there again, if it was down."""
        if self._down:
            self._down = False
            self._server = _server(self._server.server_port, self._handler())
            self.__enter__()

    # State, for tests

    def add_release(self, tag: str, *, draft: bool = True, **options: Any) -> StoredRelease:
        """Put a release there as if somebody had made it."""
        release = StoredRelease(
            id=self._number(), tag=tag, name=tag, body="", draft=draft, prerelease=False, target="main", **options
        )  # fmt: skip
        self.releases[release.id] = release
        return release

    def add_asset(self, release: StoredRelease, name: str, data: bytes, **options: Any) -> StoredAsset:
        """Put an asset there."""
        asset = StoredAsset(self._number(), name, data, **options)
        release.assets[asset.id] = asset
        return asset

    def contents(self, tag: str) -> dict[str, bytes]:
        """Names and bytes of the complete assets of the one release of a tag."""
        (release,) = [item for item in self.releases.values() if item.tag == tag]
        return {asset.name: asset.data for asset in release.assets.values() if asset.state == "uploaded"}

    def count(self, method: str) -> int:
        """How many requests with a method came."""
        return sum(line.startswith(f"{method} ") for line in self.log)

    def _number(self) -> int:
        with self._lock:
            self._next += 1
            return self._next

    # What the API shows

    def _release_json(self, release: StoredRelease) -> Json:
        api, site = f"{self.url}/repos/{self.repository}", f"https://github.com/{self.repository}"
        shown = release.tag if not release.draft else f"untagged-{release.id:x}"
        return {
            "id": release.id,
            "node_id": f"RE_{release.id}",
            "url": f"{api}/releases/{release.id}",
            "assets_url": f"{api}/releases/{release.id}/assets",
            "upload_url": f"{self.url}/uploads/repos/{self.repository}/releases/{release.id}/assets{{?name,label}}",
            "html_url": f"{site}/releases/tag/{shown}",
            "tarball_url": None if release.draft else f"{api}/tarball/{release.tag}",
            "zipball_url": None if release.draft else f"{api}/zipball/{release.tag}",
            "tag_name": release.tag,
            "target_commitish": release.target,
            "name": release.name,
            "body": release.body,
            "draft": release.draft,
            "prerelease": release.prerelease,
            "immutable": release.immutable,
            "created_at": TIME,
            "published_at": None if release.draft else TIME,
            "author": self._user(),
            "assets": [self._asset_json(asset, release) for asset in release.assets.values()],
        }

    def _asset_json(self, asset: StoredAsset, release: StoredRelease) -> Json:
        shown = release.tag if not release.draft else f"untagged-{release.id:x}"
        size, digest = asset.huge or (len(asset.data), asset.sha256())
        return {
            "id": asset.id,
            "node_id": f"RA_{asset.id}",
            "url": f"{self.url}/repos/{self.repository}/releases/assets/{asset.id}",
            "browser_download_url": f"https://github.com/{self.repository}/releases/download/{shown}/{asset.name}",
            "name": asset.name,
            "label": "",
            "state": asset.state,
            "content_type": "application/octet-stream",
            "size": size,
            "digest": f"sha256:{digest}" if self._tells(asset) else None,
            "download_count": 0,
            "created_at": TIME,
            "updated_at": TIME,
            "uploader": self._user(),
        }

    def _tells(self, asset: StoredAsset) -> bool:
        return self.digests and asset.digest and asset.state == "uploaded"

    def _user(self) -> Json:
        page = "https://github.com/octocat"
        links = ("followers", "following", "gists", "starred", "subscriptions", "organizations", "repos", "events", "received_events")
        urls = {f"{name}_url": f"{self.url}/users/octocat/{name}" for name in links}
        user = {"login": "octocat", "id": 1, "node_id": "U_1", "avatar_url": page, "gravatar_id": "", "url": page, "html_url": page}
        return {**user, **urls, "type": "User", "site_admin": False}

    # Requests

    def handle(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """The answer to one request; raises Cut to end the connection."""
        parts = urlsplit(url)
        path, query = unquote(parts.path), {key: values[0] for key, values in parse_qs(parts.query).items()}
        path = path.removeprefix("/api/v3")
        if path.startswith("/api/uploads/"):
            path = path.removeprefix("/api")
        with self._lock:
            if self.dead or self._down:
                raise Cut
            self.log.append(f"{method} {path}")
            number = len(self.log)
        self.on_request(method, path)
        fault = next((item for item in self.faults if item.hits(method, path)), None)
        if number in self.script:
            kind, more = MISFORTUNES[self.script[number]]
            fault = Fault(kind, headers=more)
        if fault is not None and (early := self._misbehave(fault)):
            return early
        answer = self._answer(method, path, query, headers, body)
        if fault is not None and fault.kind == "killed after":
            self.dead = True
        if fault is not None and fault.kind in ("cut after", "killed after"):
            raise Cut
        if fault is not None and fault.kind == "cut within":
            return answer[0], answer[1], {**answer[2], CUT: "1"}
        if fault is not None and fault.kind == "starter":
            self._spoil(answer, "starter", b"")
            return 502, {"message": "Server Error"}, {}
        if fault is not None and fault.kind == "garbled":
            answer = self._spoil(answer, "uploaded", bytes(len(body)))
        self._judge(method, path, query, body, answer)
        return answer

    def _misbehave(self, fault: Fault) -> Answer | None:
        self._happen(fault.kind)
        if fault.kind in ("cut before", "refused", "killed before"):
            raise Cut
        if fault.kind.startswith("html"):
            return int(fault.kind[5:] or 200), b"<html>Unicorn!</html>", {"Content-Type": "text/html"}
        if fault.kind in INVALID:
            return 422, {"message": "Validation Failed", "documentation_url": "", **INVALID[fault.kind]}, {}
        if fault.kind == "rate":
            return 403, {"message": "You have exceeded a secondary rate limit."}, dict(fault.headers)
        if fault.kind.isdigit():
            return int(fault.kind), {"message": "Server Error"}, dict(fault.headers)
        return None

    def _happen(self, kind: str) -> None:
        """What happens besides the answer."""
        if kind == "refused":
            self.down()
        if kind == "killed before":
            self.dead = True
        if kind == "slow":
            time.sleep(SLOW)
        if kind == "rival":
            self.rival()
        if kind == "stale":
            self._old, self.list_lag, self.asset_lag = list(self.releases.values())[:-1], 2, 2

    def _spoil(self, answer: Answer, state: str, data: bytes) -> Answer:
        """A 502 during an upload leaves an asset that is there and useless; one that is garbled on the way is there with other bytes.

        A download that is garbled has other bytes.
        """
        if state == "uploaded" and isinstance(answer[1], bytes) and answer[2].get("Content-Type") == OCTETS:
            return answer[0], bytes(len(answer[1])), answer[2]
        if answer[0] != 201:  # no upload
            return answer
        for release in self.releases.values():
            if isinstance(answer[1], dict) and answer[1].get("id") in release.assets:
                asset = release.assets[answer[1]["id"]]
                asset.state, asset.data = state, data
                self.uploads[-1] = (release.id, asset.name, False)
                return answer[0], self._asset_json(asset, release), answer[2]
        return answer

    def _judge(self, method: str, path: str, query: Mapping[str, str], body: bytes, answer: Answer) -> None:
        """Compare with GitHub's description."""
        if not self.judged or not openapi.available() or isinstance(answer[1], bytes | int):
            return
        if not path.startswith(("/repos/", "/uploads/repos/")) or path == f"/repos/{self.repository}":
            return  # of a repository the fake shows only what matters here
        described = path.removeprefix("/uploads")
        # the description is thin on failures, and does not know that an asset can be a `starter` (its own text does)
        document = json.loads(json.dumps(answer[1]).replace('"starter"', '"open"'))
        try:
            found = openapi.check(method, described, str(answer[0]), document) if document is not None and answer[0] < 400 else []
            found += openapi.check_parameters(method, described, set(query))
            if body and not path.startswith("/uploads"):
                found += openapi.check(method, described, "request", json.loads(body))
        except AssertionError as error:
            found = [str(error)]
        self.violations += found

    def _answer(self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes) -> Answer:
        token = headers.get("authorization", "").rpartition(" ")[2]
        if token not in ("", WRITER, READER):
            return 401, {"message": "Bad credentials"}, {}
        if path.endswith("/graphql"):
            return 200, {"data": self._graphql(json.loads(body))}, {}
        if path.startswith(f"/uploads/repos/{self.repository}/releases/"):
            return self._upload(int(path.split("/")[6]), query, headers, body, token)
        if not path.startswith(f"/repos/{self.repository}"):
            return 404, {"message": "Not Found", "documentation_url": "", "status": "404"}, {}
        if method != "GET" and token != WRITER:
            return 403, {"message": "Resource not accessible by integration", "documentation_url": "", "status": "403"}, {}
        with self._lock:
            return self._releases(method, path.removeprefix(f"/repos/{self.repository}"), query, headers, body, token)

    def _graphql(self, document: Json) -> Json:
        """What GitHub's own client asks: what a release has, one by tag (drafts too), and the list."""
        if "__type" in document["query"]:
            return {"Release": {"fields": [{"name": "immutable"}]}}
        if "RepositoryReleaseByTag" in document["query"]:
            tagged = (r for r in self.releases.values() if r.tag == document["variables"]["tagName"])
            found = next(tagged, None)
            return {"repository": {"release": {"databaseId": found.id, "isDraft": found.draft} if found else None}}
        nodes = [
            {
                "name": r.name, "tagName": r.tag, "isDraft": r.draft, "isLatest": False, "isPrerelease": r.prerelease,
                "immutable": r.immutable, "createdAt": TIME, "publishedAt": TIME,
            }
            for r in reversed(list(self.releases.values()))
        ]  # fmt: skip
        return {"repository": {"releases": {"nodes": nodes, "pageInfo": {"hasNextPage": False, "endCursor": ""}}}}

    def _releases(self, method: str, rest: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes, token: str) -> Answer:
        missing: Answer = (404, {"message": "Not Found", "documentation_url": "", "status": "404"}, {})
        if method == "GET" and rest in ("", "/immutable-releases"):
            return self._settings(rest, token) or missing
        if (method, rest) == ("GET", "/releases"):
            shown = [self._release_json(r) for r in self._visible(token)]
            return self._page([{**r, "assets": []} for r in shown] if self.bare_lists else shown, rest, query)
        if match := re.fullmatch(r"/(commits/tags/|git/ref/tags/|attestations/)(.+)", rest):
            ask = {"c": self._commit, "g": self._reference, "a": self._attestations}[match[1][0]]
            return (self._recorded(match[2], query) if match[2].startswith(SHA256) else ask(match[2].removeprefix("sha1:"))) or missing
        making = {"/releases": self._create, "/releases/generate-notes": self._write_notes, "/attestations": self._record}
        if method == "POST" and rest in making:
            return making[rest](json.loads(body))
        if match := re.fullmatch(r"/releases/tags/(.+)", rest):
            tagged = (r for r in self.releases.values() if r.tag == match[1] and not r.draft)
            found = next(tagged, None)
            return (200, self._release_json(found), {}) if found else missing
        if match := re.fullmatch(r"/releases/assets/(\d+)", rest):
            return self._asset(method, int(match[1]), headers, body) or missing
        if match := re.fullmatch(r"/releases/(\d+)(/assets)?", rest):
            release = self.releases.get(int(match[1]))
            if release is None or (release.draft and token != WRITER):
                return missing
            if match[2]:
                hidden, self.asset_lag = self.asset_lag > 0, max(0, self.asset_lag - 1)
                shown = [self._asset_json(asset, release) for asset in release.assets.values() if not hidden]
                return self._page(shown, rest, query)
            return self._one(method, release, body)
        return missing

    def _commit(self, tag: str) -> Answer:
        commit = self.tags.get(tag)
        text = {"Content-Type": "application/vnd.github.sha"}
        return (200, commit.encode(), text) if commit else (422, {"message": f"No commit found for SHA: {tag}"}, {})

    def _reference(self, tag: str) -> Answer | None:
        commit, name = self.tags.get(tag), f"tags/{tag}"
        api = f"{self.url}/repos/{self.repository}/git"
        shown = {"type": "commit", "sha": commit, "url": f"{api}/commits/{commit}"}
        return (200, {"ref": f"refs/{name}", "node_id": "REF_1", "url": f"{api}/refs/{name}", "object": shown}, {}) if commit else None

    def _attestations(self, commit: str) -> Answer | None:
        """What GitHub's own statement about an immutable release is like, as `gh release verify` reads it."""
        if not self.tells_attestations:
            return 403, {"message": "Resource not accessible by integration"}, {}
        tags = [tag for tag in sorted(self.attested) if self.tags.get(tag) == commit]
        predicate = "https://in-toto.io/attestation/release/v0.1"
        made = [
            {"_type": "https://in-toto.io/Statement/v1", "predicateType": predicate, "predicate": {"tag": tag}, "subject": []}
            for tag in tags
        ]
        envelopes = [{"payload": base64.b64encode(json.dumps(one).encode()).decode(), "signatures": []} for one in made]
        shown = [{"bundle": {"mediaType": "m", "verificationMaterial": {}, "dsseEnvelope": one}, "repository_id": 1} for one in envelopes]
        return (200, {"attestations": shown}, {}) if shown else None

    def _record(self, document: Json) -> Answer:
        bundle = document["bundle"]
        if bundle.get("mediaType") != "application/vnd.dev.sigstore.bundle.v0.3+json" or "dsseEnvelope" not in bundle:
            return 422, {"message": "Invalid Sigstore bundle", "documentation_url": "", "errors": []}, {}
        self.recorded.append(bundle)
        return 201, {"id": len(self.recorded)}, {}

    def _recorded(self, digest: str, query: Mapping[str, str]) -> Answer | None:
        """The bundles about a file, oldest first, in pages that are counted from one of them."""
        named = f'"sha256":"{digest.removeprefix(SHA256)}"', f'"predicateType":"{query.get("predicate_type", "")}'
        about = [bundle for bundle in self.recorded if all(words in _payload(bundle) for words in named)]
        start, size = int(query.get("after", "0")), min(int(query.get("per_page", "30")), self.page_of_bundles)
        shown = [{"bundle": bundle, "repository_id": 1, "bundle_url": "", "initiator": "user"} for bundle in about[start : start + size]]
        following = f"{self.url}/repos/{self.repository}/attestations/{digest}?per_page={size}&after={start + size}"
        link = {"Link": f'<{following}>; rel="next"'} if start + size < len(about) else {}
        return (200, {"attestations": shown}, link) if shown else None

    def _settings(self, rest: str, token: str) -> Answer | None:
        if not rest:
            rights = {"admin": token == WRITER and self.administers, "push": token == WRITER}
            return 200, {"archived": self.archived, "permissions": rights}, {}
        if token != WRITER or not self.administers:
            return 403, {"message": "Resource not accessible by integration"}, {}
        return (200, {"enabled": True, "enforced_by_owner": False}, {}) if self.immutable else None

    def _visible(self, token: str) -> list[StoredRelease]:
        """Newest first; drafts only for who may write; what was there before the last change while the list lags."""
        if self.list_lag > 0:
            self.list_lag -= 1
            shown = self._old
        else:
            shown = list(self.releases.values())
        return [release for release in reversed(shown) if token == WRITER or not release.draft]

    def _page(self, items: list[Json], rest: str, query: Mapping[str, str]) -> Answer:
        size, page = min(100, int(query.get("per_page", "30"))), int(query.get("page", "1"))
        part = items[(page - 1) * size : page * size]
        following = f"{self.next_server or self.url}/repos/{self.repository}{rest}?per_page={size}&page={page + 1}"
        headers = {"Link": f'<{following}>; rel="next"'} if page * size < len(items) else {}
        return 200, part, headers

    def _create(self, document: Json) -> Answer:
        self._old = list(self.releases.values())
        tag = document["tag_name"]
        draft = bool(document.get("draft", False))
        if not draft and any(r.tag == tag and not r.draft for r in self.releases.values()):
            return self._invalid("Release", "already_exists", "tag_name")
        if len(document.get("body") or "") > 125_000:
            return self._invalid("Release", "custom", "body")
        release = StoredRelease(
            id=self._number(),
            tag=tag,
            name=document.get("name") or tag,
            body=document.get("body") or "",
            draft=draft,
            prerelease=bool(document.get("prerelease", False)),
            target=document.get("target_commitish") or "main",
        )
        self.releases[release.id] = release
        return 201, self._release_json(release), {"Location": f"{self.url}/repos/{self.repository}/releases/{release.id}"}

    def _write_notes(self, document: Json) -> Answer:
        """Notes for a tag that is there or will be, since one that must be there; nothing is kept of them."""
        tag, previous = document["tag_name"], document.get("previous_tag_name", "")
        known = {*self.tags, *(r.tag for r in self.releases.values() if not r.draft)}
        if tag not in known and not document.get("target_commitish"):
            return 422, {"message": "Validation Failed", "errors": ["Invalid target_commitish parameter"]}, {}
        if previous and previous not in known:
            return 422, {"message": "Validation Failed", "errors": ["Invalid previous_tag parameter"]}, {}
        page = f"https://github.com/{self.repository}"
        span = f"compare/{previous}...{tag}" if previous else f"commits/{tag}"
        return 200, {"name": tag, "body": f"## What's Changed\n* A thing\n\n**Full Changelog**: {page}/{span}"}, {}

    def _invalid(self, resource: str, code: str, name: str) -> Answer:
        errors = [{"resource": resource, "code": code, "field": name}]
        return 422, {"message": "Validation Failed", "documentation_url": "", "errors": errors}, {}

    def _one(self, method: str, release: StoredRelease, body: bytes) -> Answer:
        if method == "GET":
            return 200, self._release_json(release), {}
        if method == "DELETE":
            del self.releases[release.id]
            return 204, None, {}
        document = {key: value for key, value in json.loads(body).items() if key not in self.deaf}
        draft, prerelease = document.get("draft", release.draft), document.get("prerelease", release.prerelease)
        if document.get("make_latest") == "true" and (draft or prerelease):
            return 422, {"message": "Validation Failed", "errors": ["Latest release cannot be draft or prerelease"]}, {}
        if release.draft and not draft and document.get("tag_name", release.tag) in self.attested:
            return 422, {"message": "Validation Failed", **INVALID["burnt"]}, {}
        if len(document.get("body") or "") > 125_000:
            return self._invalid("Release", "custom", "body")
        if release.draft and "tag_name" not in document:
            release.tag = f"untagged-{release.id:x}"  # release-drafter#204
        release.tag = document.get("tag_name", release.tag)
        release.name, release.body = document.get("name", release.name), document.get("body", release.body)
        release.prerelease, release.draft = prerelease, draft
        release.immutable = release.immutable or (self.immutable and not draft)
        self.attested |= {release.tag} if release.immutable else set()
        release.latest = document.get("make_latest", release.latest)
        return 200, self._release_json(release), {}

    def _asset(self, method: str, number: int, headers: Mapping[str, str], body: bytes) -> Answer | None:
        release = next((r for r in self.releases.values() if number in r.assets), None)
        if release is None:
            return None
        asset = release.assets[number]
        if method == "DELETE":
            if release.immutable:
                return 422, {"message": "Cannot delete asset from an immutable release", "documentation_url": ""}, {}
            del release.assets[number]
            return 204, None, {}
        if method == "PATCH":
            if release.immutable:
                return 422, {"message": "Cannot edit asset of an immutable release", "documentation_url": ""}, {}
            name = self._renamed(json.loads(body).get("name", asset.name))
            if any(other is not asset and other.name == name for other in release.assets.values()):
                return self._invalid("ReleaseAsset", "already_exists", "name")
            asset.name = name
        if method == "GET" and "octet-stream" in headers.get("accept", ""):
            start = int(headers.get("range", "bytes=0-").removeprefix("bytes=").rstrip("-")) if self.ranges else 0
            data = asset.huge[0] if asset.huge else self.damaged.get(number, asset.data)[start:]
            return 206 if start else 200, data, {"Content-Type": OCTETS}
        return 200, self._asset_json(asset, release), {}

    def _upload(self, number: int, query: Mapping[str, str], headers: Mapping[str, str], body: bytes, token: str) -> Answer:
        if token != WRITER:
            return 403, {"message": "Resource not accessible by integration"}, {}
        with self._lock:
            release = self.releases.get(number)
            if release is None:
                return 404, {"message": "Not Found"}, {}
            if release.immutable:
                return 422, {"message": "Cannot upload assets to an immutable release."}, {}
            name = self._renamed(query["name"])
            if any(asset.name == name for asset in release.assets.values()):
                return self._invalid("ReleaseAsset", "already_exists", "name")
            if len(release.assets) >= 1000:
                return 422, {"message": "Validation Failed", "documentation_url": "", **INVALID["too many"]}, {}
            asset = self.add_asset(release, name, body)
            asset.huge = self._huge.pop(headers.get(HUGE, ""), None)
            self.uploads.append((release.id, name, True))
            return 201, self._asset_json(asset, release), {}

    @staticmethod
    def _renamed(name: str) -> str:
        return re.sub(r"[^A-Za-z0-9._-]+", ".", name).strip(".")

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
                del format, args

            def _serve(self) -> None:
                if fake.script.get(len(fake.log) + 1) == "cut body":  # nothing is read of what is being sent
                    fake.log.append(f"{self.command} {urlsplit(self.path).path}")
                    self.close_connection = True
                    return
                length = int(self.headers.get("Content-Length") or 0)
                headers = {key.lower(): value for key, value in self.headers.items()}
                body = self.rfile.read(length) if length <= LARGEST_KEPT else b""
                if len(body) < length <= LARGEST_KEPT:  # the client went away within it
                    self.close_connection = True
                    return
                if length > LARGEST_KEPT:
                    headers[HUGE] = self.path
                    fake._huge[self.path] = (length, _drained(self.rfile, length))
                try:
                    status, document, more = fake.handle(self.command, self.path, headers, body)
                except Cut:
                    self.close_connection = True
                    return
                zeros = document if isinstance(document, int) else 0
                document = b"" if document is None or zeros else document
                data = document if isinstance(document, bytes) else json.dumps(document).encode()
                self.send_response(status)
                for key, value in {"Content-Type": "application/json; charset=utf-8", **more}.items():
                    self.send_header(key, value)
                self.send_header("Content-Length", str(len(data) or zeros))
                self.end_headers()
                if self.command != "HEAD":
                    with suppress(BrokenPipeError, ConnectionResetError):  # a client that was killed reads no more
                        self.wfile.write(data[: len(data) // 2] if CUT in more else data)
                        for begun in range(0, zeros, BLOCK):
                            self.wfile.write(bytes(min(BLOCK, zeros - begun)))
                self.close_connection |= CUT in more

            do_GET = do_POST = do_PATCH = do_DELETE = do_HEAD = _serve  # noqa: N815  # the names that http.server looks for

        return Handler


def _payload(bundle: Json) -> str:
    return base64.b64decode(bundle["dsseEnvelope"]["payload"]).decode()


def _server(port: int, handler: type[BaseHTTPRequestHandler]) -> ThreadingHTTPServer:
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    server.daemon_threads = True
    return server


def _drained(stream: BufferedIOBase, length: int) -> str:
    """The sha256 of so many bytes, without keeping them."""
    total = hashlib.sha256()
    while length:
        data = stream.read(min(length, BLOCK))
        if not data:
            raise ConnectionError
        total.update(data)
        length -= len(data)
    return total.hexdigest()
