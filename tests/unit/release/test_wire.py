"""Where the token goes, and where it does not; what GitHub says."""

from __future__ import annotations

import pytest
from requests import Request, Response

from coldforge.errors import RemoteFailed
from coldforge.release.wire import Wire, bearer, origin, words

API = "https://api.github.com"
UPLOADS = "https://uploads.github.com"


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("https://api.github.com/repos/acme/demo", True),
        ("https://API.github.com:443/x", True),
        ("http://api.github.com/x", False),
        ("https://api.github.com:8443/x", False),
        ("https://api.github.com.evil.example/x", False),
        ("https://api.github.com@evil.example/x", False),
    ],
)
def test_the_token_goes_to_its_own_server_only(url: str, sent: bool) -> None:
    request = bearer("secret", {origin(API)})(Request("GET", url).prepare())
    assert ("Authorization" in request.headers) is sent


def test_one_server_is_admitted_for_uploads() -> None:
    wire = Wire("acme/demo", "secret", api=API)
    wire.admit(f"{API}/repos/acme/demo/releases/1/assets")
    with pytest.raises(RemoteFailed, match="cannot be trusted"):
        wire.admit(f"{UPLOADS}/x")
    wire = Wire("acme/demo", "secret", api=API)
    wire.admit(f"{UPLOADS}/x")
    wire.admit(f"{UPLOADS}/y")
    with pytest.raises(RemoteFailed, match="cannot be trusted"):
        wire.admit("https://evil.example/x")


def test_the_token_is_not_sent_unencrypted() -> None:
    with pytest.raises(RemoteFailed, match="cannot be trusted"):
        Wire("acme/demo", "secret", api=API).admit("http://uploads.github.com/x")


@pytest.mark.parametrize(
    ("errors", "said"),
    [
        (b'["Latest release cannot be draft or prerelease"]', "Latest release cannot be draft or prerelease"),
        (b'[{"resource": "ReleaseAsset", "field": "name", "code": "already_exists"}]', "ReleaseAsset name already_exists"),
        (b'[{"message": "too long"}]', "too long"),
    ],
)
def test_what_github_refuses_is_told_in_its_words(errors: bytes, said: str) -> None:
    answer = Response()
    answer._content = b'{"message": "Validation Failed", "errors": ' + errors + b"}"
    assert words(answer) == f"Validation Failed; {said}"
