"""A process that holds a container (or a folder) and says so; what ends it is up to the test. Run: python holding.py IMAGE SECONDS"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from coldforge import cli
from coldforge.freeze.workshop import open_workshop
from coldforge.project.images import Image
from coldforge.target import Target


def hold(words: list[str]) -> int:
    """Keep a program running in a workshop, as a freeze would."""
    image, seconds = words
    with open_workshop(Image(base=image), Target.parse("linux-x86_64")) as workshop, tempfile.TemporaryDirectory() as folder:
        script = f"echo holding > {workshop.path('home')}/said; exec sleep {seconds}"
        sys.stdout.write("open\n")
        sys.stdout.flush()
        workshop.run(["sh", "-c", script], env={}, network=False, log=Path(folder) / "log")
    return 0


if __name__ == "__main__":
    # signals and exit codes are those of the program
    cli._dispatch = hold
    sys.exit(cli.main(sys.argv[1:]))
