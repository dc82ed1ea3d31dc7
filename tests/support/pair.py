"""Two programs of one project with what freezing can break: compiled code, data, metadata, imports by name, child processes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

PYPROJECT: Final = """\
[build-system]
requires = ["hatchling>=1.27"]
build-backend = "hatchling.build"

[project]
name = "pair"
version = "2.1"
description = "Two programs in one tree"
requires-python = ">=3.11"
authors = [{ name = "Somebody", email = "somebody@example.org" }]
dependencies = ["markupsafe>=3"]

[project.scripts]
pair-show = "pair.show:main"
pair-work = "pair.work:Work.main"

[tool.coldforge.smoke]
run = ["pair-show", "pair-work pool"]
"""
SHOW: Final = """\
import json
from importlib import import_module, metadata, resources

import markupsafe
from markupsafe import _speedups


def main() -> None:
    text = resources.files("pair").joinpath("data/words.txt").read_text(encoding="utf-8")
    facts = {
        "escaped": str(markupsafe.escape("<b>")),
        "compiled": _speedups.__file__.endswith(".so"),
        "data": text.split(),
        "version": metadata.version("pair"),
        "dependency": metadata.version("markupsafe"),
        "late": import_module(".".join(["pair", "late"])).NAME,
    }
    print(json.dumps(facts))
"""
WAYS: Final = ("subprocess", "posix_spawn", "spawnv", "execv", "asyncio", "multiprocessing", "forkserver")  # keys of WORK's WAYS
WORK: Final = """\
import asyncio
import multiprocessing
import os
import subprocess
import sys


async def wait(words):
    return await (await asyncio.create_subprocess_exec(*words)).wait()


WAYS = {
    "subprocess": subprocess.call,
    "posix_spawn": lambda words: os.waitpid(os.posix_spawn(words[0], words, os.environ), 0)[1],
    "spawnv": lambda words: os.spawnv(os.P_WAIT, words[0], words),
    "execv": lambda words: os.execv(words[0], words),
    "asyncio": lambda words: asyncio.run(wait(words)),
    "multiprocessing": lambda words: multiprocessing.get_context("spawn").Pool(1).apply(subprocess.call, [words]),
    "forkserver": lambda words: multiprocessing.get_context("forkserver").Pool(1).apply(subprocess.call, [words]),
}


class Work:
    @staticmethod
    def main() -> int:
        if sys.argv[1:] == ["pool"]:
            with multiprocessing.get_context("spawn").Pool(2) as pool:
                print(sum(pool.map(abs, [-1, -2, -3])))
                pool.close()
                pool.join()  # a worker that is ended while it starts would say so
        elif sys.argv[1:] == ["semaphore"]:  # nothing waits for the tracker that it starts
            multiprocessing.get_context("spawn").Semaphore()
        elif sys.argv[1:2] == ["child"]:
            if sys.platform == "linux":  # as hooks of PyInstaller's for GTK do
                os.environ["XDG_DATA_DIRS"] = f"{sys._MEIPASS}/share:{os.environ.get('XDG_DATA_DIRS', '/usr/share')}"
                os.environ["GTK_PATH"] = sys._MEIPASS
            return WAYS[sys.argv[2]](sys.argv[3:])
        return 0 if len(sys.argv) == 2 else 3
"""
LOCK: Final = """\
markupsafe==3.0.3 \\
    --hash=sha256:0bf2a864d67e76e5c9a34dc26ec616a66b9888e25e7b9460e1c76d3293bd9dbf \\
    --hash=sha256:457a69a9577064c05a97c41f4e65148652db078a3a509039e64d3467b9e7ef97 \\
    --hash=sha256:ccfcd093f13f0f0b7fdd0f198b90053bf7b2f02a3927a30e63f3ccc9df56b676 \\
    --hash=sha256:d6dd0be5b5b189d31db7cda48b91d7e0a9795f31430b7f271219ab30f1d3ac9d
"""
PAIR: Final[Mapping[str, str]] = {
    "pyproject.toml": PYPROJECT,
    "requirements.txt": LOCK,
    "src/pair/__init__.py": "",
    "src/pair/show.py": SHOW,
    "src/pair/work.py": WORK,
    "src/pair/late.py": 'NAME = "imported by name"\n',
    "src/pair/data/words.txt": "zwei Wörter\n",
}
