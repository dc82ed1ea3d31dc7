"""Which Python and which system a freeze ran on."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from functools import cache
from pathlib import Path


def python_facts() -> dict[str, str]:
    """Exactly which Python this is."""
    from PyInstaller.depend import bindepend

    bindepend.get_python_library_path = cache(bindepend.get_python_library_path)  # it starts `ldd`, and each program asks it
    library = bindepend.get_python_library_path() or sys.executable
    with Path(library).open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    build = " ".join(sys.version.split())
    return {"version": platform.python_version(), "build": build, "sha256": digest, "implementation": platform.python_implementation()}


def system_facts() -> dict[str, str]:
    """The system that this ran on, as far as it shapes the result."""
    try:
        name = platform.freedesktop_os_release().get("PRETTY_NAME", "")
    except OSError:
        name = f"macOS {platform.mac_ver()[0]}" if sys.platform == "darwin" else platform.system()
    try:
        glibc = os.confstr("CS_GNU_LIBC_VERSION")
    except (AttributeError, ValueError, OSError):  # another system, or one whose C library is musl
        glibc = ""
    return {"name": name, "glibc": (glibc or "").replace(" ", "-")}


def machine_facts() -> dict[str, str]:
    """What must not be found in the result: where the interpreter lies, and what this machine is called."""
    return {"python": sys.base_prefix, "name": platform.node()}
