"""Which process something outside of it belongs to, so that what a killed process left behind can be told from what is in use."""

from __future__ import annotations

import os
from pathlib import Path

_PROC = Path("/proc")


def this_process() -> str:
    """A text that no other process has had or will have: boot, process namespace, number, start. Empty where this is not known."""
    return f"{_place()} {_life(os.getpid())}" if _place() else ""


def is_dead(owner: str) -> bool:
    """Whether `owner` was a process of this very system that has ended; False when that cannot be known from here."""
    place, _, life = owner.rpartition(" ")
    if not place or place != _place():
        return False
    number = life.partition(".")[0]
    return number.isdecimal() and _life(int(number)) != life


def _place() -> str:
    """The running system and the process namespace: a number means nothing outside of it."""
    try:
        return f"{(_PROC / 'sys/kernel/random/boot_id').read_text().strip()} {(_PROC / 'self/ns/pid').readlink()}"
    except OSError:
        return ""


def _life(number: int) -> str:
    """A process's number and start (field 22 of its stat, see proc(5); the name before may hold anything). Empty when there is none."""
    try:
        return f"{number}.{(_PROC / str(number) / 'stat').read_text().rpartition(')')[2].split()[19]}"
    except OSError:
        return ""
