"""Commands killed at every moment at which they change something in a folder, each of which is a state that the next run finds.

Run as a program: python killing.py FOLDER NUMBER SIGNAL WORDS..., where number 0 only counts the moments and prints them.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable, Mapping
from itertools import cycle
from pathlib import Path

from support import payloads
from support.program import ROOT, coldforge

KILLED = -signal.SIGKILL
INTERRUPTED = 130
_SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL, signal.SIGINT)


def at_every_moment(
    dist: Path,
    *words: str | Path,
    env: Mapping[str, str],
    scratch: Path,
    anew: Callable[[], object] = lambda: None,
    is_alike: Callable[[str], bool] = lambda _path: True,
) -> Mapping[str, bytes]:
    """What a command makes of a copy of `dist`, its last word, after it was killed at every moment on others, where the next run ends it.

    Nothing of any package is ever there but all that was before or will be. `anew` goes before every run on a fresh copy, and `is_alike`
    tells of which files the next run makes the same bytes.
    """
    temporary, before = scratch / "temporary", {**payloads.snapshot(dist), ".lock": b""}
    temporary.mkdir()
    env = {**env, "TMPDIR": str(temporary), "PYTHONPATH": f"{env['PYTHONPATH']}:{ROOT / 'tests'}"}

    def run(folder: Path, number: int, kind: signal.Signals = signal.SIGKILL, code: int = 0) -> str:
        program = (sys.executable, str(Path(__file__)), str(folder), str(number), str(int(kind)))
        outcome = coldforge(*words, folder, env=env, program=program)
        assert outcome.code == code, f"{number}: {outcome.err}"
        assert "Traceback" not in outcome.err
        return outcome.out

    anew()
    whole = Path(shutil.copytree(dist, scratch / "whole", symlinks=True))
    moments, after = int(run(whole, 0)), payloads.snapshot(whole)
    assert moments > 10
    for number, kind in zip(range(1, moments + 1), cycle(_SIGNALS)):
        anew()
        folder = Path(shutil.copytree(dist, scratch / "killed", symlinks=True))
        run(folder, number, kind, KILLED if kind == signal.SIGKILL else INTERRUPTED)
        now = payloads.snapshot(folder)
        if kind != signal.SIGKILL:
            assert now.keys() <= before.keys() | after.keys(), "Ctrl-C leaves nothing"
            assert list(temporary.iterdir()) == []
        assert [path for path in now if is_package(path) and now[path] not in (before.get(path), after[path])] == []
        run(folder, 0)
        last = payloads.snapshot(folder)
        assert last.keys() == after.keys(), f"after {kind.name} at moment {number}"
        assert [path for path in last if is_alike(path) and last[path] != after[path]] == [], f"after {kind.name} at moment {number}"
        shutil.rmtree(folder)
        shutil.rmtree(temporary)
        temporary.mkdir()
    return after


def is_package(path: str) -> bool:
    """Whether a file is one that is released or packaged: no record, and nothing unfinished."""
    return not path.endswith((".json", ".html", "SHA256SUMS")) and "/.coldforge-" not in f"/{path}"


def _main(folder: str, number: str, kind: str, *words: str) -> int:
    moments = 0

    def watch(event: str, about: tuple[object, ...]) -> None:
        nonlocal moments
        writes = event == "open" and isinstance(about[2], int) and about[2] & (os.O_WRONLY | os.O_RDWR)
        place = about[1] if event == "os.rename" else about[0] if writes else ""
        if isinstance(place, str | Path) and str(place).startswith(folder):
            moments += 1
            if str(moments) == number:
                os.kill(os.getpid(), int(kind))

    from coldforge import cli

    sys.addaudithook(watch)
    code = cli.main(words)
    if number == "0":
        sys.stdout.write(str(moments))
    return code


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
