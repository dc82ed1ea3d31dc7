"""What lets in at Apple's notary service: a key of App Store Connect, the tokens made with it, and what signs an upload to its storage.

Sources: https://developer.apple.com/documentation/appstoreconnectapi/generating-tokens-for-api-requests
and https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from coldforge.errors import ConfigurationError, Missing
from coldforge.host.secrets import hide
from coldforge.sign import material

KEY: Final = "COLDFORGE_NOTARY_KEY"
KEY_ID: Final = "COLDFORGE_NOTARY_KEY_ID"
ISSUER: Final = "COLDFORGE_NOTARY_ISSUER"
URL: Final = "COLDFORGE_NOTARY_URL"
STORAGE: Final = "COLDFORGE_NOTARY_STORAGE_URL"
TICKETS: Final = "COLDFORGE_NOTARY_TICKETS_URL"
_APPLE: Final = "https://appstoreconnect.apple.com"
_S3: Final = "https://{bucket}.s3.us-west-2.amazonaws.com"
_CLOUDKIT: Final = "https://api.apple-cloudkit.com"
_REGION: Final = "us-west-2"
LIFE: Final = 900  # seconds of a token; Apple takes none that lives longer than twenty minutes


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A key of App Store Connect: its text (PEM), its id, and the issuer's, empty for one person's own key; and the servers."""

    key: str
    key_id: str
    issuer: str
    url: str = _APPLE
    storage: str = _S3
    tickets: str = _CLOUDKIT


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A new submission's id, and where its bytes are to go, with what is needed for that: good for a few hours."""

    id: str
    bucket: str
    object: str
    access: str
    secret: str
    session: str


def credentials(options: Mapping[str, str | None], env: Mapping[str, str]) -> Credentials:
    """What options, by the name of the variable that stands in for each, or the environment give; options win.

    Raises Missing with everything that lacks, ConfigurationError for a key on the command line or of another kind.
    """
    key, key_id, issuer = ((options.get(name) or env.get(name, "")).strip() for name in (KEY, KEY_ID, ISSUER))
    material.refuse_typed(options.get(KEY), KEY)
    lacking = [name for name, value in ((KEY, key), (KEY_ID, key_id)) if not value]
    if lacking:
        hint = "App Store Connect, Users and Access, Integrations gives keys: a file AuthKey_ID.p8, its id, and the issuer's."
        raise Missing(f"notarization takes a key of App Store Connect: {', '.join(lacking)} is not set", hint=hint)
    try:
        text = key if material.BEGIN in key else Path(key).expanduser().read_text(encoding="ascii")
    except (OSError, ValueError) as error:
        raise Missing(f"the key of App Store Connect cannot be read: {key}", why=str(error)) from error
    hide(text)
    _private(text)
    servers = {"url": env.get(URL), "storage": env.get(STORAGE), "tickets": env.get(TICKETS)}
    return Credentials(key=text, key_id=key_id, issuer=issuer, **{name: value.rstrip("/") for name, value in servers.items() if value})


def _private(text: str) -> Any:
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        found = load_pem_private_key(text.encode(), None)
    except (ValueError, TypeError) as error:
        hint = "It is the file AuthKey_ID.p8 that App Store Connect gave once."
        raise ConfigurationError("the key of App Store Connect is none", why=str(error).split("\n", 1)[0][:200], hint=hint) from error
    if not isinstance(found, EllipticCurvePrivateKey) or not isinstance(found.curve, SECP256R1):
        raise ConfigurationError("the key of App Store Connect is of another kind", hint="Such a key is one for ES256.")
    return found


def token(given: Credentials, now: int) -> str:
    """What proves to the service who asks, for a quarter of an hour (JWT, RFC 7519, by ES256)."""
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
    from cryptography.hazmat.primitives.hashes import SHA256

    who = {"iss": given.issuer} if given.issuer else {"sub": "user"}
    head = {"alg": "ES256", "kid": given.key_id, "typ": "JWT"}
    body = {**who, "iat": now, "exp": now + LIFE, "aud": "appstoreconnect-v1"}
    text = ".".join(_encoded(json.dumps(part, separators=(",", ":")).encode()) for part in (head, body))
    one, other = decode_dss_signature(_private(given.key).sign(text.encode(), ECDSA(SHA256())))
    return hide(f"{text}.{_encoded(one.to_bytes(32, 'big') + other.to_bytes(32, 'big'))}")


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def storage_headers(url: str, sha256: str, grant: Grant, moment: str) -> dict[str, str]:
    """What lets a file into the storage: its digest, and a signature about that (AWS, version 4). `moment` is as in 20230101T000000Z."""
    parts = urlsplit(url)
    headers = {"host": parts.netloc, "x-amz-content-sha256": sha256, "x-amz-date": moment, "x-amz-security-token": grant.session}
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    scope = f"{moment[:8]}/{_REGION}/s3/aws4_request"
    asked = f"PUT\n{parts.path}\n\n{lines}\n{names}\n{sha256}"
    about = "\n".join(["AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(asked.encode()).hexdigest()])
    key = f"AWS4{grant.secret}".encode()
    for word in scope.split("/"):
        key = hmac.new(key, word.encode(), "sha256").digest()
    signature = hmac.new(key, about.encode(), "sha256").hexdigest()
    told = f"AWS4-HMAC-SHA256 Credential={grant.access}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {**{name: value for name, value in headers.items() if name != "host"}, "Authorization": told}
