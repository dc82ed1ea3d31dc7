"""Unit tests start no process and open no connection: whatever does is an integration test."""

from __future__ import annotations

import socket
import subprocess
from typing import Any

import pytest


@pytest.fixture(scope="session")
def _cache(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(autouse=True)
def _guard(monkeypatch: pytest.MonkeyPatch, _cache: str) -> None:
    def refuse(*_args: Any, **_kwargs: Any) -> None:
        pytest.fail("a unit test tried to start a process or to open a connection")

    monkeypatch.setenv("COLDFORGE_CACHE", _cache)  # the user's own stays as it is
    monkeypatch.setattr(subprocess.Popen, "__init__", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    # what a bundler's key has of a program: the real one is asked in the integration tests
    monkeypatch.setattr("coldforge.host.programs.version", str)
    monkeypatch.setattr("coldforge.host.programs.sha256", lambda _name: "")
