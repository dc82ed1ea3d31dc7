"""One coldforge at a time in one output folder: the second waits, and says so once. What one that was killed left there goes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from coldforge.host.files import LOCK, disk_errors, sweep
from coldforge.report import reporter


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder that is there while the block runs. The lock ends with the process, however that ends."""
    from filelock import FileLock, Timeout

    with disk_errors(folder):
        lock = FileLock(folder / LOCK, is_singleton=True)  # so that one process does not wait for itself
        is_ours = lock.is_locked
        try:
            lock.acquire(timeout=0)
        except Timeout:
            reporter().info(f"Another coldforge is working in {folder}; waiting for it to end.")
            lock.acquire()
    try:
        if not is_ours:
            sweep(folder)
        yield
    finally:
        lock.release()
