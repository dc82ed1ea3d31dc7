"""coldforge as its users start it: a process of its own, with an environment that the test decides."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = (sys.executable, "-m", "coldforge")
# What would change the result of a run, or speak for the person at this desk.
DROPPED = ("COLDFORGE_", "GITHUB_", "SOURCE_DATE_EPOCH", "CI", "FORCE_COLOR", "ACTIONS_", "PYTHON", "VIRTUAL_ENV")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a command ended, and what it printed. `process` is its number where it was watched."""

    code: int
    out: str
    err: str
    process: int = 0

    def failed(self, code: int, *words: str) -> None:
        """Check that it refused as documented: this exit code, one error that says these words, no traceback."""
        assert self.code == code, f"exit code {self.code}, expected {code}\n{self.out}\n{self.err}"
        assert len(re.findall("^error: ", self.err, re.MULTILINE)) == 1, self.err
        assert "Traceback" not in self.err, self.err
        assert "a fault in coldforge itself" not in self.err, self.err
        missing = [word for word in words if word not in self.err]
        assert not missing, f"{missing} not in:\n{self.err}"

    def succeeded(self) -> Outcome:
        """Check that it was done."""
        assert self.code == 0, f"exit code {self.code}\n{self.out}\n{self.err}"
        assert "Traceback" not in self.err, self.err
        return self


def environment(**changes: str) -> dict[str, str]:
    """This process's environment without what would change a run, and with the changes."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(DROPPED)}
    return {**kept, "PYTHONPATH": str(ROOT / "src"), "NO_COLOR": "1", **changes}


def start(*words: str | Path, env: Mapping[str, str], cwd: Path | None = None) -> subprocess.Popen[str]:
    """Start a command; its standard error is read line by line by whoever waits for it."""
    argv = [*PROGRAM, *map(str, words)]
    return subprocess.Popen(
        argv, cwd=cwd, env=dict(env), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def coldforge(
    *words: str | Path,
    env: Mapping[str, str],
    cwd: Path | None = None,
    umask: int = -1,
    timeout: float = 1500,
    program: Sequence[str] = PROGRAM,
) -> Outcome:
    """Run a command to its end."""
    argv = [*program, *map(str, words)]
    done = subprocess.run(
        argv, cwd=cwd, env=dict(env), stdin=subprocess.DEVNULL, capture_output=True, text=True, umask=umask, timeout=timeout, check=False
    )
    return Outcome(code=done.returncode, out=done.stdout, err=done.stderr)


def interrupted(*words: str | Path, env: Mapping[str, str], when: Callable[[str], bool]) -> Outcome:
    """Run a command and press Ctrl-C (SIGINT to its process) at the first line of output for which `when` is true."""
    return watched(*words, env=env, when=when, act=lambda process: process.send_signal(signal.SIGINT))


def watched(
    *words: str | Path, env: Mapping[str, str], when: Callable[[str], bool], act: Callable[[subprocess.Popen[str]], None]
) -> Outcome:
    """Run a command and do something to it at the first line of output for which `when` is true."""
    lines: list[str] = []
    done = False
    with start(*words, "--verbose", env=env) as process:
        for line in process.stderr or ():
            lines.append(line)
            if not done and when(line):
                act(process)
                done = True
        code = process.wait(timeout=120)
        out = process.stdout.read() if process.stdout else ""
    assert done, f"the moment never came:\n{''.join(lines)}"
    return Outcome(code=code, out=out, err="".join(lines), process=process.pid)
