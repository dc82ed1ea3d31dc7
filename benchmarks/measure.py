"""Running a command and knowing what it cost: CPU seconds of it and all its children, and wall seconds."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of processor time (user and system, children included), of wall time, and the most memory that a process held, in bytes."""

    cpu: float
    wall: float
    memory: int


def cost(argv: Sequence[str | Path], *, cwd: Path | None = None, env: Mapping[str, str] | None = None, code: int = 0) -> Cost:
    """Run a command that must end with this code."""
    with tempfile.TemporaryFile() as said:
        start = time.perf_counter()
        process = subprocess.Popen(argv, cwd=cwd, env={**os.environ, **(env or {})}, stdout=said, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode, wall = os.waitstatus_to_exitcode(status), time.perf_counter() - start
        if process.returncode != code:
            said.seek(0)
            raise SystemExit(f"{argv} ended with {process.returncode}:\n{said.read().decode(errors='replace')}")
    return Cost(used.ru_utime + used.ru_stime, wall, used.ru_maxrss * 1024)


def median_cpu(argv: Sequence[str | Path], *, cwd: Path | None = None, times: int = 15) -> float:
    """The median CPU time of several runs, in seconds."""
    return statistics.median(cost(argv, cwd=cwd).cpu for _ in range(times))
