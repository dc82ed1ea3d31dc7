"""Servers that never answer, or never come to an end: every exchange has one, so that whoever verifies or attests learns of it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path

import pytest

from coldforge.attest.stage import attest
from coldforge.errors import RemoteFailed
from coldforge.host import fetch
from coldforge.release import wire
from coldforge.release.wire import TRIES, Failure, Wire
from support.fake_sigstore import FakeSigstore
from support.releases import make_release

pytestmark = pytest.mark.integration
SOON = 0.2  # seconds
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n"
# What is sent at once, and what is then sent again and again.
MANNERS: dict[str, tuple[bytes, bytes]] = {
    "silent": (b"", b""),
    "drips a head": (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
    "drips a body": (HEAD, b" "),
    "drips chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
}


@contextmanager
def server(first: bytes, again: bytes, *, breaks: bool = False, reads: int = 0) -> Iterator[tuple[str, list[bytes]]]:
    """The address of a server with bad manners, and the requests that it got. It says nothing before it has slowly read so many bytes."""
    over, got = threading.Event(), []

    def serve(connection: socket.socket) -> None:
        with suppress(OSError), connection:
            got.append(connection.recv(1 << 16))
            while (left := reads - sum(map(len, got))) > 0 and not over.wait(0.1):
                got.append(connection.recv(min(1 << 20, left), socket.MSG_WAITALL))
            connection.sendall(first)
            while not breaks and not over.wait(0.01):
                connection.sendall(again)

    def listen() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=listen, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", got
        over.set()


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coldforge.host.clock.sleep", lambda _: None)
    for place in ("coldforge.release.wire.LONGEST_ANSWER", "coldforge.release.wire.LONGEST_CHUNK", "coldforge.host.fetch.LONGEST_PIECE"):
        monkeypatch.setattr(place, SOON)


@pytest.mark.parametrize("manner", MANNERS)
def test_an_answer_of_github_that_never_ends_is_given_up(manner: str) -> None:
    with server(*MANNERS[manner]) as (url, got), pytest.raises(RemoteFailed, match="failed after") as caught:
        Wire("acme/demo", None, api=url).read(f"{url}/repos", dict)
    assert "no answer within" in caught.value.why
    assert len(got) == TRIES


class Body(BytesIO):
    """What is uploaded."""

    def __len__(self) -> int:
        return len(self.getvalue())


@pytest.mark.parametrize("manner", MANNERS)
def test_an_upload_whose_answer_never_ends_is_given_up(manner: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "UPLOAD_TIMEOUTS", (10, SOON))
    with server(*MANNERS[manner]) as (url, got), pytest.raises(Failure, match="no answer within") as caught:
        Wire("acme/demo", None, api=url).write("POST", f"{url}/file", dict, data=Body(b"package"))
    assert caught.value.passing, "what has become of it is looked at, and then it is tried again"
    assert len(got) == 1


def test_an_upload_that_goes_on_slowly_is_not_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "UPLOAD_TIMEOUTS", (10, 2))
    size, begun = 40 << 20, time.monotonic()
    with server(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}", b"", breaks=True, reads=size) as (url, _):
        assert Wire("acme/demo", None, api=url).write("POST", f"{url}/file", dict, data=Body(bytes(size))) == {}
    assert time.monotonic() - begun > 2, "it took longer than anything may take that does not go on"


@pytest.mark.parametrize("manner", MANNERS)
def test_a_file_of_a_release_that_never_ends_is_given_up(manner: str) -> None:
    with server(*MANNERS[manner]) as (url, got), pytest.raises(RemoteFailed, match="failed after"):
        list(Wire("acme/demo", None, api=url).stream(f"{url}/file"))
    assert len(got) == TRIES


def test_a_server_that_breaks_off_after_each_byte_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "CHUNK", 8)
    with server(HEAD + b" ", b"", breaks=True) as (url, got), pytest.raises(RemoteFailed, match="failed after"):
        list(Wire("acme/demo", None, api=url).stream(f"{url}/file"))
    assert len(got) == TRIES


@pytest.mark.parametrize("manner", MANNERS)
def test_anything_else_that_never_ends_is_given_up(manner: str, tmp_path: Path) -> None:
    with server(*MANNERS[manner]) as (url, _), pytest.raises(RemoteFailed, match="it cannot be fetched") as caught:
        fetch.download(f"{url}/file", tmp_path / "file", what="it", instead="Do without.")
    assert "nothing within" in caught.value.why


@pytest.mark.parametrize("at", ["/signingCert", "/log/entries"])
def test_a_sigstore_that_never_answers_is_asked_again_and_given_up(
    at: str, sigstore: FakeSigstore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_release(tmp_path / "dist")
    (tmp_path / "trust.json").write_text(sigstore.trust_config())
    monkeypatch.setattr("coldforge.attest.signer.LONGEST_ANSWER", SOON)
    over, asked = threading.Event(), []

    def hold(method: str, path: str) -> None:
        if path.endswith(at):
            asked.append(method)
            over.wait(60)

    monkeypatch.setattr(sigstore, "on_request", hold)
    moments = iter(range(0, 100_000, 600))
    monkeypatch.setattr("coldforge.host.clock.now", lambda: next(moments))
    try:
        with pytest.raises(RemoteFailed, match="sigstore did not sign") as caught:
            attest(tmp_path / "dist", identity_token=sigstore.token(), trust_config=tmp_path / "trust.json")
    finally:
        over.set()
    assert "no answer within" in caught.value.why
    assert len(asked) > 1
