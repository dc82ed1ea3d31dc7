"""An application for macOS that needs libraries beside its Python: they are loaded from where the application has them, or not at all."""

from __future__ import annotations

import ctypes
import platform
import sqlite3
import ssl
import sys


def main() -> int:
    """Call each library, and a function of our own from C: the hardened runtime forbids that without its entitlement."""
    doubled = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda number: 2 * number)
    with sqlite3.connect(":memory:") as database:
        (answer,) = database.execute("select ?", (doubled(21),)).fetchone()
    print(f"look {answer} on {platform.machine()}: {ssl.OPENSSL_VERSION}, frozen: {getattr(sys, 'frozen', False)}")
    return 0
