"""A large file is hashed by a process of its own, to the same digest, whatever happens to it."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

import pytest

from coldforge.host import files, hashing, run

pytestmark = pytest.mark.integration


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that counts as large here: more than two pieces, and no whole number of them."""
    monkeypatch.setattr(hashing, "LARGE", 1000)
    path = tmp_path / "large é\udcff.bin"
    path.write_bytes(os.urandom(1000) + bytes(2 * (1 << 24)) + b"end")
    return path


def test_it_is_the_digest_of_the_file(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = hashlib.sha256(large.read_bytes()).hexdigest()
    monkeypatch.setattr(files, "sha256", lambda _: pytest.fail("it was read here"))
    assert hashing.sha256(large) == wanted


def test_a_small_file_starts_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "run", lambda *_, **__: pytest.fail("a process was started"))
    (tmp_path / "small").write_bytes(b"")
    assert hashing.sha256(tmp_path / "small") == hashlib.sha256().hexdigest()


@pytest.mark.parametrize("program", ["/nowhere/python", "", "/", "/bin/false", "/bin/echo"])
def test_where_no_other_process_helps_it_is_read(program: str, large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", program)
    assert hashing.sha256(large) == files.sha256(large)


def test_a_file_that_is_shortened_meanwhile_ends_the_other_process_only(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shorten = hashing._MAPPED.replace("            made", "            os.truncate(sys.argv[1], 1000)\n            made")
    monkeypatch.setattr(hashing, "_MAPPED", shorten)
    begun = hashlib.sha256(large.read_bytes()[:1000]).hexdigest()
    assert hashing.sha256(large) == begun


def test_the_other_process_is_told_no_secrets(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLDFORGE_OPENPGP_PASSPHRASE", "secret")
    monkeypatch.setattr(hashing, "_MAPPED", "import os; print('0' * 64 if 'COLDFORGE_OPENPGP_PASSPHRASE' not in os.environ else '1' * 64)")
    assert hashing.sha256(large) == "0" * 64


def test_a_file_that_is_gone_is_told_as_ever(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        hashing.sha256(tmp_path / "gone")
