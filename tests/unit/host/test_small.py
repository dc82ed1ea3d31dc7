"""The clock and the secrets."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldforge.errors import ConfigurationError
from coldforge.host import clock, secrets


def test_the_epoch_is_given_else_the_commits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    assert clock.epoch(1_700_000_000) == 1_700_000_000
    assert clock.epoch(None) == clock.EARLIEST
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1600000000")
    assert clock.epoch(1_700_000_000) == 1_600_000_000
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    assert clock.epoch(5) == clock.EARLIEST
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(clock.LATEST))
    assert clock.iso(clock.epoch(5)) == "9999-12-31T23:59:59Z"


@pytest.mark.parametrize("text", ["yesterday", "-1", "1e9", "253402300800", "99999999999999999", "9" * 5000])
def test_a_wrong_epoch_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", text)
    with pytest.raises(ConfigurationError):
        clock.epoch(1)


def test_dates_are_in_utc_and_english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert clock.rfc2822(1_700_000_000) == "Tue, 14 Nov 2023 22:13:20 +0000"
        assert clock.iso(1_700_000_000) == "2023-11-14T22:13:20Z"
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()


@pytest.fixture(autouse=True)
def _nothing_stays_hidden() -> Iterator[None]:
    """A word of this test's would be blotted out of the output that another one reads."""
    known = set(secrets._KNOWN)
    yield
    secrets._KNOWN.intersection_update(known)


@given(st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), min_size=8, max_size=40))
def test_a_hidden_secret_never_comes_out(secret: str) -> None:
    secrets.hide(secret)
    encoded = base64.b64encode(secret.encode()).decode()
    shown = secrets.redact(f"x {secret} y {encoded} z")
    assert secret not in shown.replace(secrets.BLOT, "")
    assert encoded not in shown


def test_every_line_of_a_secret_is_hidden() -> None:
    secrets.hide("-----BEGIN KEY-----\nabcdefgh\n-----END KEY-----")
    assert "abcdefgh" not in secrets.redact("it printed abcdefgh")
