"""Real tools in tests: skipped when absent, a failure when COLDFORGE_REQUIRE names them (or says `all`)."""

from __future__ import annotations

import os
import shutil

import pytest

GH = "go build -C tests/support/gh -o DIR/gh github.com/cli/cli/v2/cmd/gh , with a DIR that comes first in PATH"
"""How GitHub's own client is had: Debian's is too old to verify attestations."""


def need(name: str, *, available: bool, how: str) -> None:
    """Skip the calling test without `name`; fail it instead where the tool was required."""
    if available:
        return
    required = {word.strip() for word in os.environ.get("COLDFORGE_REQUIRE", "").split(",")}
    if required & {name, "all"}:
        pytest.fail(f"{name} is required here (COLDFORGE_REQUIRE) but missing: {how}")
    pytest.skip(f"needs {name}: {how}")


def tool(name: str, how: str) -> str:
    """The path of an installed program."""
    path = shutil.which(name)
    need(name, available=path is not None, how=how)
    return str(path)
