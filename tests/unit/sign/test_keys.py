"""Where keys come from, and that they go nowhere."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from coldforge.errors import ConfigurationError, Missing
from coldforge.host.secrets import redact
from coldforge.sign.keys import OPENPGP, RSA, given

KEY = "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQVYBGVzZWNyZXRzZWNyZXQ=\n=abcd\n-----END PGP PRIVATE KEY BLOCK-----\n"
PEM = "-----BEGIN PRIVATE KEY-----\nTUlJRXZRSUJBREFOQmdrcWhraUc5dzBCQVFFRkFBU0NCS2M=\n-----END PRIVATE KEY-----\n"


def test_a_file_an_environment_and_a_fingerprint(tmp_path: Path) -> None:
    (tmp_path / "key.asc").write_text(KEY)
    (tmp_path / "key.pem").write_text(PEM)
    found = given(str(tmp_path / "key.asc"), str(tmp_path / "key.pem"), env={OPENPGP: "A" * 40})
    assert (found.openpgp, found.rsa) == (KEY, PEM)
    assert given(env={OPENPGP: KEY, RSA: str(tmp_path / "key.pem")}) == found
    assert given("0x" + "ab" * 20, env={}).openpgp == "AB" * 20
    assert given(env={}).is_empty


def test_what_is_secret_is_in_no_output(tmp_path: Path) -> None:
    given(env={OPENPGP: KEY, "COLDFORGE_OPENPGP_PASSPHRASE": "staple battery"})
    assert redact("it is lQVYBGVzZWNyZXRzZWNyZXQ= and staple battery") == "it is *** and ***"


def test_a_passphrase_from_a_file_descriptor() -> None:
    reading, writing = os.pipe()
    os.write(writing, "schön und gut\nmore".encode())
    os.close(writing)
    assert given("a" * 40, passphrase_fd=reading, env={"COLDFORGE_OPENPGP_PASSPHRASE": "other"}).openpgp_passphrase == "schön und gut"
    os.close(reading)
    with pytest.raises(Missing, match=f"file descriptor {reading}"):
        given("a" * 40, passphrase_fd=reading, env={})


def test_what_is_no_key(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="on the command line"):
        given(KEY, env={})
    with pytest.raises(Missing, match="cannot be read"):
        given(str(tmp_path / "absent"), env={})
    with pytest.raises(ConfigurationError, match="no private key"):
        given(env={OPENPGP: KEY.replace("PRIVATE", "PUBLIC")})
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(Missing, match="no text"):
        given(env={RSA: str(tmp_path / "binary")})
