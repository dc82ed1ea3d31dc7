"""Apple's notary service, its storage and its tickets on one loopback port, with what goes wrong there to be switched on.

It takes tokens that Apple would take, bytes with a signature that AWS would take, and gives tickets for what was accepted.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

KEY_ID: Final = "ABC123DEFG"
ISSUER: Final = "57246542-96fe-1a63-e053-0824d011072a"
_ACCESS, _SECRET, _SESSION = "ASIAEXAMPLE", "very-secret-of-storage", "session-of-storage"
AGREEMENT: Final = {"code": "FORBIDDEN.REQUIRED_AGREEMENTS_MISSING_OR_EXPIRED", "detail": "A required agreement is missing or has expired."}
Json = dict[str, Any]


@dataclass
class Submission:
    """What is known of one; `statuses` are told one after the other, the last for ever."""

    id: str
    name: str
    sha256: str
    statuses: list[str]
    data: bytes = b""


@dataclass
class Notary:
    """The service. `faults` are what happens to the next requests of a kind (begin, upload, status, logs, log, list, ticket), in turn."""

    statuses: list[str] = field(default_factory=lambda: ["In Progress", "Accepted"])
    issues: list[Json] = field(default_factory=list)
    late_tickets: int = 0
    faults: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    submissions: list[Submission] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    refused_tokens: int = 0

    def __post_init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())

    @property
    def pem(self) -> str:
        """The key that it knows, as App Store Connect hands it out."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    def __enter__(self) -> Self:
        handler = type("Handler", (_Handler,), {"service": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def environment(self) -> dict[str, str]:
        """What leads the client here."""
        return {
            "COLDFORGE_NOTARY_KEY": self.pem,
            "COLDFORGE_NOTARY_KEY_ID": KEY_ID,
            "COLDFORGE_NOTARY_ISSUER": ISSUER,
            "COLDFORGE_NOTARY_URL": self.url,
            "COLDFORGE_NOTARY_STORAGE_URL": f"{self.url}/storage/{{bucket}}",
            "COLDFORGE_NOTARY_TICKETS_URL": self.url,
        }

    def count(self, kind: str) -> int:
        """How often something was asked for."""
        return self.asked.count(kind)

    def is_token(self, header: str) -> bool:
        """Whether Apple would take a token: by the key, for its service, alive, and no longer than twenty minutes."""
        try:
            head, body, signature = header.removeprefix("Bearer ").split(".")
            about, who, raw = json.loads(_decoded(head)), json.loads(_decoded(body)), _decoded(signature)
            made = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
            self.key.public_key().verify(made, f"{head}.{body}".encode(), ec.ECDSA(SHA256()))
        except (ValueError, InvalidSignature):
            return False
        alive = who["iat"] - 60 <= time.time() < who["exp"] <= who["iat"] + 1200
        return bool(
            alive and (about["alg"], about["kid"]) == ("ES256", KEY_ID) and (who["aud"], who["iss"]) == ("appstoreconnect-v1", ISSUER)
        )


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class _Handler(BaseHTTPRequestHandler):
    service: Notary
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Nothing is shown."""

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def do_PUT(self) -> None:
        self._answer("PUT")

    def _answer(self, method: str) -> None:
        path = urlsplit(self.path).path
        kind = self._kind(method, path)
        fault = self.service.faults[kind].pop(0) if self.service.faults[kind] else ""
        self.service.asked.append(kind)
        if fault == "cut within" or fault == "cut before":
            self.rfile.read(min(1000, int(self.headers.get("Content-Length") or 0)) if fault == "cut within" else 0)
            self.close_connection = True
            self.connection.close()
            return
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        api = path.startswith("/notary/")
        if api and (fault == "401" or not self.service.is_token(self.headers.get("Authorization", ""))):
            self.service.refused_tokens += 1
            self._send(401, {"errors": [{"code": "NOT_AUTHORIZED", "detail": "Provide a properly configured and signed bearer token."}]})
        elif fault == "403":
            self._send(403, {"errors": [AGREEMENT]})
        elif fault == "html":
            self._send(200, None, b"<html>a proxy</html>")
        elif fault in ("429", "500", "503"):
            self._send(int(fault), {"errors": [{"code": fault, "detail": "later"}]}, after="7" if fault == "429" else "")
        else:
            status, document = getattr(self, f"_{kind}")(path, body)
            if fault == "cut after":
                self.close_connection = True
                self.connection.close()
                return
            self._send(status, document, tag=kind == "upload")

    def _kind(self, method: str, path: str) -> str:
        if method == "PUT":
            return "upload"
        if path.endswith("/records/lookup"):
            return "ticket"
        if path.startswith("/logs/"):
            return "log"
        if method == "POST":
            return "begin"
        return "list" if path.endswith("/submissions") else "logs" if path.endswith("/logs") else "status"

    def _begin(self, _path: str, body: bytes) -> tuple[int, Json]:
        asked = json.loads(body)
        number = len(self.service.submissions)
        made = Submission(id=f"0000-{number}", name=asked["submissionName"], sha256=asked["sha256"], statuses=list(self.service.statuses))
        self.service.submissions.append(made)
        secrets = {"awsAccessKeyId": _ACCESS, "awsSecretAccessKey": _SECRET, "awsSessionToken": _SESSION}
        given = {**secrets, "bucket": "bucket", "object": f"prod/{made.id}"}
        return 200, {"data": {"id": made.id, "type": "newSubmissions", "attributes": given}, "meta": {}}

    def _upload(self, path: str, body: bytes) -> tuple[int, Json]:
        (found,) = [one for one in self.service.submissions if path.endswith(f"/{one.id}")]
        if not self._is_signed(path) or hashlib.sha256(body).hexdigest() != self.headers["x-amz-content-sha256"]:
            return 403, {"errors": [{"code": "SignatureDoesNotMatch"}]}
        found.data = body
        return 200, {}

    def _is_signed(self, path: str) -> bool:
        """Whether AWS would take the request (signature version 4)."""
        told = dict(part.strip().split("=", 1) for part in self.headers["Authorization"].removeprefix("AWS4-HMAC-SHA256 ").split(","))
        access, *scope = told["Credential"].split("/")
        names = told["SignedHeaders"].split(";")
        lines = [f"{name}:{self.headers[name].strip()}" for name in names]
        canonical = "\n".join(["PUT", path, "", *lines, "", ";".join(names), self.headers["x-amz-content-sha256"]])
        about = ["AWS4-HMAC-SHA256", self.headers["x-amz-date"], "/".join(scope), hashlib.sha256(canonical.encode()).hexdigest()]
        key = f"AWS4{_SECRET}".encode()
        for word in scope:
            key = hmac.new(key, word.encode(), "sha256").digest()
        wanted = hmac.new(key, "\n".join(about).encode(), "sha256").hexdigest()
        return access == _ACCESS and "host" in names and told["Signature"] == wanted and self.headers["x-amz-security-token"] == _SESSION

    def _one(self, identifier: str) -> Submission | None:
        return next((one for one in self.service.submissions if one.id == identifier), None)

    def _status(self, path: str, _body: bytes) -> tuple[int, Json]:
        found = self._one(path.rpartition("/")[2])
        if found is None:
            return 404, {"errors": [{"code": "NOT_FOUND", "detail": "There is no resource of type 'submissions'."}]}
        told = found.statuses.pop(0) if len(found.statuses) > 1 and found.data else found.statuses[0]
        return 200, {"data": self._told(found, told if found.data else "In Progress")}

    def _told(self, found: Submission, status: str) -> Json:
        number = self.service.submissions.index(found)
        about = {"name": found.name, "status": status, "createdDate": f"2026-01-01T00:00:{number:02}.000Z"}
        return {"id": found.id, "type": "submissions", "attributes": about}

    def _list(self, _path: str, _body: bytes) -> tuple[int, Json]:
        return 200, {"data": [self._told(one, one.statuses[0] if one.data else "In Progress") for one in self.service.submissions]}

    def _logs(self, path: str, _body: bytes) -> tuple[int, Json]:
        identifier = path.split("/")[-2]
        return 200, {"data": {"id": identifier, "attributes": {"developerLogUrl": f"{self.service.url}/logs/{identifier}"}}}

    def _log(self, path: str, _body: bytes) -> tuple[int, Json]:
        found = self._one(path.rpartition("/")[2])
        return 200, {"jobId": found.id if found else "", "issues": self.service.issues or None}

    def _ticket(self, _path: str, body: bytes) -> tuple[int, Json]:
        (asked,) = json.loads(body)["records"]
        if self.service.late_tickets:
            self.service.late_tickets -= 1
            return 200, {"records": [{"recordName": asked["recordName"], "reason": "Record not found", "serverErrorCode": "NOT_FOUND"}]}
        value = base64.b64encode(b"s8ch" + f"ticket of {asked['recordName']}".encode()).decode()
        return 200, {"records": [{"recordName": asked["recordName"], "fields": {"signedTicket": {"type": "BYTES", "value": value}}}]}

    def _send(self, status: int, document: Json | None, data: bytes = b"", *, after: str = "", tag: bool = False) -> None:
        body = data or json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json" if document is not None else "text/html")
        self.send_header("Content-Length", str(len(body)))
        if tag:
            self.send_header("ETag", '"0"')
        if after:
            self.send_header("Retry-After", after)
        self.end_headers()
        self.wfile.write(body)
