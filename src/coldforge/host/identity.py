"""Who runs this, and on which machine: asked only to find it where it does not belong."""

from __future__ import annotations

import os
import platform
from typing import NamedTuple


class Identity(NamedTuple):
    """The user's name and homes (as the environment and as the system say), and the machine's name; each may be empty."""

    user: str
    homes: tuple[str, ...]
    host: str


def identity() -> Identity:
    """Of this process."""
    try:
        import pwd

        entry = pwd.getpwuid(os.getuid())
        user, homes = entry.pw_name, {entry.pw_dir}
    except (ImportError, KeyError):  # no such module on this system, or no such user in a container
        user, homes = os.environ.get("USERNAME", ""), set[str]()
    said = {os.environ.get(name, "") for name in ("HOME", "USERPROFILE")}
    return Identity(user, tuple(sorted((homes | said) - {""})), platform.node())
