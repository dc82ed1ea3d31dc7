"""The Pythons that uv keeps: found, fetched when a project names one, and told apart by the archive that they come from."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Final

from coldforge.errors import Missing
from coldforge.freeze.lock import uv
from coldforge.host.client import client_environment
from coldforge.host.run import run
from coldforge.report import reporter
from coldforge.target import Target

HINT: Final = (
    "`uv python list --all-versions` names those that there are. UV_PYTHON_INSTALL_MIRROR, and UV_PYTHON_DOWNLOADS_JSON_URL with a list "
    "of one's own, name another place than GitHub."
)
# An explicit wish is obeyed where nothing may be fetched unasked.
ASKED: Final = {"UV_PYTHON_DOWNLOADS": "manual"}
_PREFIX: Final = "cpython-"


def is_managed(wanted: str) -> bool:
    """Whether a configured interpreter is one of uv's, by uv's own name for it.

    >>> is_managed("cpython-3.13.5"), is_managed("3.13")
    (True, False)
    """
    return wanted.startswith(_PREFIX)


def find(wanted: str) -> Iterator[str]:
    """The path of the one that uv has, for a name, a version or nothing in particular."""
    words = [uv(), "python", "find", "--no-project", "--managed-python", "--no-python-downloads", *([wanted] if wanted else [])]
    done = run(words, check=False, quiet=True)
    if done.code == 0:
        yield done.output.splitlines()[-1]


def fetch(wanted: str) -> None:
    """Let uv fetch one, checked against the digest in its list. Raises Missing when it cannot be had."""
    client_environment(os.environ)  # credentials of a mirror are hidden from all output
    with reporter().step(f"fetch {wanted}"):
        done = run(install(uv(), wanted), env={**os.environ, **ASKED}, check=False)
    if done.code:
        raise Missing(f"{wanted} cannot be had", why=done.output[-800:], hint=HINT)


def install(tool: str, wanted: str) -> list[str]:
    """The command that fetches one, which changes nothing where it is already."""
    return [tool, "python", "install", "--quiet", "--no-bin", wanted]


def archive(wanted: str, target: Target) -> str:
    """Where the one for a target comes from: its address names version and build. Empty when uv knows of none."""
    libc = "musl" if target.musl else "gnu"
    words = [uv(), "python", "list", "--only-downloads", "--output-format", "json", f"{wanted}-linux-{target.arch}-{libc}"]
    done = run(words, check=False, quiet=True)
    return next((str(found["url"]) for found in json.loads(done.output)), "") if done.code == 0 else ""
