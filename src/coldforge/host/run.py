"""The only place that starts processes."""

from __future__ import annotations

import errno
import os
import shlex
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from coldforge.errors import BuildFailed, Missing
from coldforge.host.secrets import redact
from coldforge.report import reporter

NO_SPACE: Final = os.strerror(errno.ENOSPC)  # what programs print, whatever they are written in
_NO_CACHE: Final = "Failed to initialize cache at"  # uv's words, where HOME is not there or belongs to somebody else


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """How a process ended, and what it printed on both streams."""

    code: int
    output: str


def which(tool: str, *, hint: str) -> Path:
    """The path of an installed tool. Raises Missing with the command that gets it."""
    if found := shutil.which(tool):
        return Path(found)
    raise Missing(f"{tool} is not installed", hint=hint)


def without_secrets() -> dict[str, str]:
    """The environment, without what coldforge alone is told: keys and passphrases among it."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COLDFORGE_")}


def run(
    argv: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
    log: Path | None = None,
    check: bool = True,
    called: str = "",
    quiet: bool = False,
    seconds: float | None = None,
) -> Completed:
    """Run a program to its end and return what it printed (stderr folded into stdout).

    Its lines go to the reporter's detail stream as they come, and to the end of `log` when given. `quiet` is for
    questions whose answer only the caller reads: nothing of it is shown, unless it fails and that is an error.
    `env` replaces the whole environment. On Ctrl-C the whole process group is ended before the
    interrupt goes on. Raises BuildFailed with the last lines when it fails and `check` is set,
    Missing when the program does not exist, and when uv has no place for its cache, be `check` set or not. After `seconds` it is
    ended, which is a failure in any case. `called` names it in errors when another program starts it.
    """
    words = [str(word) for word in argv]
    called = Path(called or words[0]).name
    try:
        process = subprocess.Popen(  # the one call
            words,
            cwd=cwd,
            env=None if env is None else dict(env),
            stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=os.name == "posix",
        )
    except FileNotFoundError as error:
        raise Missing(f"{words[0]} is not installed", hint="`coldforge doctor` tells how to get it.") from error
    except PermissionError as error:
        raise Missing(f"{words[0]} cannot be executed", why=str(error)) from error
    lines: list[str] = []
    try:
        with _ended_after(process, called, seconds):
            _feed(process, stdin)
            for raw in process.stdout or ():
                line = raw.decode(errors="replace").rstrip("\r\n")
                lines.append(line)
                if not quiet:
                    reporter().detail(line)
            code = process.wait()
    except BaseException:
        _end(process)
        raise
    finally:
        if process.stdout is not None:
            process.stdout.close()
        if log is not None:
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open("a", encoding="utf-8", errors="backslashreplace") as stream:
                stream.write(redact("\n".join([f"$ {shlex.join(words)}", *lines, ""])))
    if code:
        _failed(called, code, lines, log=log, check=check)
    return Completed(code=code, output="\n".join(lines))


def _failed(called: str, code: int, lines: Sequence[str], *, log: Path | None, check: bool) -> None:
    """Raise what it means that a program said no, if anything: without `check` that may be an answer."""
    if any(_NO_CACHE in line for line in lines):  # uv said nothing else
        raise Missing(f"{called} has no folder for its cache", why="\n".join(lines[-5:]), hint="UV_CACHE_DIR names one that it can write.")
    if not check:
        return
    kept = f"The whole log: {log}." if log else ""
    if any(NO_SPACE in line for line in lines[-20:]):
        raise Missing(f"no disk space left while {called} ran", why="\n".join(lines[-5:]), hint=f"Free some space. {kept}")
    raise BuildFailed(f"`{called}` ended with exit code {code}", why="\n".join(lines[-20:]), hint=kept)


@contextmanager
def _ended_after(process: subprocess.Popen[bytes], called: str, seconds: float | None) -> Iterator[None]:
    """End a process that runs longer than the block may last, and raise BuildFailed then."""
    late = threading.Event()

    def end() -> None:
        late.set()
        _end(process)

    timer = threading.Timer(seconds or 0, end)
    if seconds is not None:
        timer.start()
    try:
        yield
    finally:
        timer.cancel()
    if late.is_set():
        raise BuildFailed(f"`{called}` had not ended after {seconds:g} seconds")


def _feed(process: subprocess.Popen[bytes], data: bytes | None) -> None:
    if data is not None and process.stdin is not None:
        with suppress(BrokenPipeError):  # a program need not read it all; how it ends tells whether that was right
            process.stdin.write(data)
        with suppress(BrokenPipeError):
            process.stdin.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and everything it started: politely, then for certain."""
    for number in (signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)):
        if process.poll() is not None:
            return
        try:
            if os.name == "posix":
                os.killpg(process.pid, number)
            else:
                process.terminate()
            process.wait(timeout=5)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue
